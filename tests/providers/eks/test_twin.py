"""The small EKS as a rehearsal has it: clusters that run on machines, and calls that it does not have."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from seaway.errors import MissingTool
from seaway.kit.docker_config import Login
from seaway.providers.eks.cloud import REHEARSAL, Cloud, EmulatorGap
from seaway.providers.eks.control import CAPABILITIES, MADE_AUTO
from seaway.providers.eks.registry import stand_in_login
from seaway.twin import emulator
from seaway.twin.ecr import Ecr
from seaway.twin.inventory import OPEN, Aws, client
from seaway.twin.phases import PHASE
from seaway.twin.wire import listening, serving

REGION = "eu-south-1"


class Slow:
    """Machines that begin when they are let, and break at too many nodes."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.nodes: dict[str, int] = {}
        self.automated = ""

    def create(self, cluster: str) -> None:
        self.go.wait(10)
        self.nodes[cluster] = 0

    def automate(self, cluster: str) -> None:
        self.automated = cluster

    def hold(self, cluster: str, nodes: int) -> None:
        if nodes > 9:
            raise ValueError("this machine is full")
        self.nodes[cluster] = nodes

    def remove(self, cluster: str) -> None:
        del self.nodes[cluster]

    def reach(self, cluster: str) -> Any:
        raise AssertionError(f"behind {cluster} is nothing, and nobody here asks it")


@contextmanager
def _eks(aws: Aws, folder: Path, machines: Slow) -> Iterator[Any]:
    with serving(aws.moto, folder, machines) as (url, _):
        try:
            yield boto3.client("eks", endpoint_url=url, region_name=REGION, **OPEN)
        finally:
            machines.go.set()


@pytest.fixture
def role(aws: Aws) -> Iterator[str]:
    iam = client(aws, "iam", REGION)
    yield iam.create_role(RoleName="twin", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    iam.delete_role(RoleName="twin")


def _create(aws: Aws, eks: Any, role: str, **more: Any) -> None:
    found = client(aws, "ec2", REGION).describe_subnets()["Subnets"]
    places = {"subnetIds": [each["SubnetId"] for each in found]}
    eks.create_cluster(name="shop", roleArn=role, resourcesVpcConfig=places, **more)


def _status(eks: Any, group: str = "", looks: int = PHASE + 2) -> list[str]:
    def look() -> str:
        if group:
            return str(eks.describe_nodegroup(clusterName="shop", nodegroupName=group)["nodegroup"]["status"])
        return str(eks.describe_cluster(name="shop")["cluster"]["status"])

    return [look() for _ in range(looks)]


def test_a_cluster_is_made_for_as_long_as_its_machines_take(aws: Aws, role: str, tmp_path: Path) -> None:
    machines = Slow()
    with _eks(aws, tmp_path, machines) as eks:
        _create(aws, eks, role)
        assert set(_status(eks)) == {"CREATING"}
        machines.go.set()
        while _status(eks, looks=1) != ["ACTIVE"]:
            pass
        assert machines.nodes == {"shop": 0}


@pytest.mark.parametrize(("nodes", "held"), [(3, 3), (10, 0)])
def test_node_groups_have_nodes_or_say_why_not(
    aws: Aws, role: str, tmp_path: Path, nodes: int, held: int
) -> None:
    machines = Slow()
    machines.go.set()
    with _eks(aws, tmp_path, machines) as eks:
        _create(aws, eks, role)
        while _status(eks, looks=1) != ["ACTIVE"]:
            pass
        scale = {"minSize": nodes, "maxSize": nodes, "desiredSize": nodes}
        eks.create_nodegroup(
            clusterName="shop", nodegroupName="main", nodeRole=role, subnets=["subnet-1"], scalingConfig=scale
        )
        while (found := _status(eks, "main", looks=1)) == ["CREATING"]:
            pass
        assert (found, machines.nodes) == (["ACTIVE" if held else "CREATE_FAILED"], {"shop": held})
        seen = eks.describe_nodegroup(clusterName="shop", nodegroupName="main")["nodegroup"]
        told = [each["message"] for each in seen.get("health", {}).get("issues", [])]
        assert told == ([] if held else ["this machine is full"])


def test_auto_mode_is_taken_as_eks_takes_it(aws: Aws, role: str, tmp_path: Path) -> None:
    machines = Slow()
    machines.go.set()
    with _eks(aws, tmp_path, machines) as eks:
        compute: dict[str, Any] = {"computeConfig": {"enabled": True}}
        wrongs: list[dict[str, Any]] = [
            {**compute, "bootstrapSelfManagedAddons": False},
            CAPABILITIES,
            {**MADE_AUTO, "computeConfig": {"enabled": True, "nodeRoleArn": role}},
        ]
        for wrong in wrongs:
            with pytest.raises(eks.exceptions.InvalidParameterException):
                _create(aws, eks, role, **wrong)
        _create(aws, eks, role, **MADE_AUTO)
        while _status(eks, looks=1) != ["ACTIVE"]:
            pass
        assert (machines.nodes, machines.automated) == ({"shop": 0}, "shop")
        with pytest.raises(eks.exceptions.InvalidParameterException, match="must all be set"):
            eks.update_cluster_config(name="shop", **compute)


@pytest.mark.usefixtures("rehearsal")
def test_a_call_that_is_not_played_is_a_gap() -> None:
    with pytest.raises(EmulatorGap) as caught:
        Cloud.open(REGION).eks.list_fargate_profiles(clusterName="shop")
    assert caught.value.where == "eks ListFargateProfiles"


def test_ecr_gives_the_password_of_the_registry_that_stands_in(
    rehearsal: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"moto": rehearsal.moto, "host": "127.0.0.1:1", "password": staticmethod(lambda: "x")}
    assert stand_in_login(Cloud.open(REGION), "127.0.0.1:1") is None  # moto speaks of one of Amazon's
    with listening(type("Played", (Ecr,), parts)) as port:
        monkeypatch.setenv(REHEARSAL, f"{rehearsal.moto} ecr=http://127.0.0.1:{port}")
        cloud = Cloud.open(REGION)
        found = stand_in_login(cloud, "127.0.0.1:1")
        assert found == Login("AWS", "x")
        assert found.renew > time.monotonic() + 11 * 3600
        assert stand_in_login(cloud, "127.0.0.1:2") is None
        made = cloud.ecr.create_repository(repositoryName="shop/web")["repository"]
        assert made == client(rehearsal, "ecr", REGION).describe_repositories()["repositories"][0]


def test_without_moto_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(emulator.NEEDS, "no_such_module", "moto")
    with pytest.raises(MissingTool, match="lacks moto") as caught:
        emulator.require()
    assert "seaway[twin]" in caught.value.remedy
