"""EKS Auto Mode: a cluster whose nodes AWS runs, made, killed at every call, changed by hand, removed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]

from seaway.errors import Refused, UsageError
from seaway.kit.kube import Kube
from seaway.model.event import silent
from seaway.model.identity import Job
from seaway.model.pools import OWN_CLASS, STANDING
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.identities import Identities
from seaway.providers.eks.nodes import Wanted
from seaway.providers.eks.prices import bill, prices
from seaway.twin.inventory import Aws, client, inventory
from tests.providers.eks.apiserver import ApiServer, Objects
from tests.providers.eks.conftest import Shop, rehearsing
from tests.providers.eks.gate import Gate
from tests.providers.eks.looks import Calls, Killed
from tests.providers.eks.test_clusters import NOTHING, killed_at_every_call, parts_of
from tests.providers.eks.test_policies import minted

REGION, OTHER = "ap-south-1", "ap-south-2"
WANTED = Wanted((2, 2), "", auto=True, added=3)
ROLE = f"arn:aws:iam::123456789012:role/seaway-shop-{REGION}-node"


@pytest.fixture(scope="module")
def made(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> EksClusters:
    """The cluster shop, with EKS Auto Mode; whoever changes it brings it back."""
    with pytest.MonkeyPatch.context() as patch:
        rehearsing(aws, patch, tmp_path_factory.mktemp("auto"))
        clusters = EksClusters(Cloud.open(REGION))
        clusters.ensure("shop", WANTED, silent)
    return clusters


def inside(region: str = REGION) -> Objects:
    """What was asked for within the cluster."""
    return {plural: kept for plural, kept in ApiServer.objects[region, "shop"].items() if kept}


@pytest.mark.usefixtures("rehearsal")
def test_aws_runs_its_nodes_and_nothing_is_made_that_it_has_by_itself(made: EksClusters, aws: Aws) -> None:
    held, iam = aws.regions[REGION], client(aws, "iam", REGION)
    cluster = held.clusters["shop"]
    on = [cluster["computeConfig"], cluster["kubernetesNetworkConfig"]["elasticLoadBalancing"]]
    assert [*on, cluster["storageConfig"]["blockStorage"]] == [{"enabled": True}] * 3
    assert (held.groups, held.pods) == ({}, {})
    assert [name for _, name in held.addons] == ["metrics-server"]
    entry = held.entries["shop", ROLE]
    assert (entry["type"], entry["policies"][0]["policyArn"]) == (
        "EC2",
        "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAutoNodePolicy",
    )
    roles = {name.rpartition("-")[2]: policies for name, _, policies, *_ in inventory(aws, REGION)["roles"]}
    assert roles == {
        "cluster": [
            "AmazonEKSBlockStoragePolicy", "AmazonEKSClusterPolicy", "AmazonEKSComputePolicy",
            "AmazonEKSLoadBalancingPolicy", "AmazonEKSNetworkingPolicy",
        ],
        "node": ["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodeMinimalPolicy"],
    }  # fmt: skip
    trust = iam.get_role(RoleName=f"seaway-shop-{REGION}-cluster")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    pool, kind = inside()["nodepools"][STANDING]["spec"], inside()["nodeclasses"][OWN_CLASS]["spec"]
    assert (pool["replicas"], pool["limits"]) == (2, {"nodes": "3"})
    assert kind["role"] == f"seaway-shop-{REGION}-node"
    ids = parts_of(client(aws, "ec2", REGION))
    assert kind["subnetSelectorTerms"] == [{"id": ids[f"subnet/private-{i}"]} for i in range(2)]
    facts = made.get("shop")
    assert facts.autoscaled
    assert [(node.size, node.ready, node.claim) for node in facts.nodes] == [("m7i.large", True, "")] * 2
    calls = Calls(made.cloud.session)
    assert made.look("shop", WANTED)[0] == ()
    made.ensure("shop", WANTED, silent)
    assert calls.made == []


@pytest.mark.usefixtures("rehearsal")
def test_what_is_changed_by_hand_is_found_and_mended(made: EksClusters, aws: Aws) -> None:
    before, there = inventory(aws, REGION), json.dumps(inside())
    held, node = aws.regions[REGION], f"seaway-shop-{REGION}-node"
    arn = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodeMinimalPolicy"
    client(aws, "iam", REGION).detach_role_policy(RoleName=node, PolicyArn=arn)
    off: dict[str, Any] = {
        "computeConfig": {"enabled": False},
        "kubernetesNetworkConfig": {"elasticLoadBalancing": {"enabled": False}},
        "storageConfig": {"blockStorage": {"enabled": False}},
    }
    client(aws, "eks", REGION).update_cluster_config(name="shop", **off)
    held.entries["shop", ROLE]["policies"].clear()
    inside()["nodepools"][STANDING]["spec"]["replicas"] = 5
    inside()["nodeclasses"][OWN_CLASS]["spec"]["role"] = "theirs"
    found = {(c.step, d) for c in made.look("shop", WANTED)[0] for d in c.details or ("",)}
    assert found == {
        ("role/node", "policy AmazonEKSWorkerNodeMinimalPolicy"),
        ("cluster/main", "EKS Auto Mode on"),
        (f"node-entry/{ROLE}", "policy AmazonEKSAutoNodePolicy"),
        ("nodes/main", "nodes 5 → 2, what its nodes are like"),
    }
    made.ensure("shop", WANTED, silent)
    assert (inventory(aws, REGION), json.dumps(inside())) == (before, there)
    del inside()["nodepools"][STANDING]
    (gone,) = made.look("shop", WANTED)[0]
    assert (gone.step, gone.details) == ("nodes/main", ("nodes 0 → 2",))
    made.ensure("shop", WANTED, silent)
    assert json.dumps(inside()) == there


@pytest.mark.usefixtures("rehearsal")
def test_more_nodes_and_others_are_a_matter_of_the_pool(made: EksClusters) -> None:
    assert len(made.scale("shop", 3, "", silent).nodes) == 3
    assert made.propose("shop", 1, "").changes == ()  # without a file they stay as they are
    other = replace(WANTED, size="m7g.large")
    (change,) = made.look("shop", other)[0]
    assert change.details == ("nodes 3 → 2, size m7i.large → m7g.large",)
    assert {node.size for node in made.ensure("shop", other, silent).nodes} == {"m7g.large"}
    made.ensure("shop", replace(WANTED, size="m7i.large"), silent)
    with pytest.raises(UsageError, match=r"no such instance type: m9\.nano"):
        made.scale("shop", 2, "m9.nano", silent)
    with pytest.raises(UsageError, match="1 to 100 nodes"):
        made.scale("shop", 0, "", silent)


@pytest.mark.usefixtures("rehearsal")
def test_no_cluster_changes_its_mode(made: EksClusters, shop: Shop) -> None:
    with pytest.raises(Refused, match="cluster shop has EKS Auto Mode, and the file says otherwise"):
        made.look("shop", replace(WANTED, auto=False))
    with pytest.raises(Refused, match="has a managed node group, and the file says otherwise") as refused:
        shop.clusters.ensure("shop", WANTED, silent)
    assert "volumes and load balancers" in refused.value.why
    assert refused.value.remedy.startswith("take auto out of nodes")


@pytest.mark.usefixtures("rehearsal")
def test_what_auto_mode_takes_is_told_beside_the_machines(made: EksClusters) -> None:
    parts = made.look("shop", WANTED)[1]
    items = {each.thing: each for each in bill(REGION, parts, {}, added=3).items}
    machine, share = 730 * 0.1008, prices()["auto-mode-share"]
    assert items["2 of m7i.large"].monthly == pytest.approx(2 * (machine + 80 * 0.08))
    assert items["EKS Auto Mode for 2 of m7i.large"].monthly == pytest.approx(2 * machine * share)
    more = items["up to 3 more of m7i.large"]
    assert (more.monthly, more.why) == (None, "88.81 for each that runs all month")
    unknown = made.look("shop", replace(WANTED, size="m5.large"))[1]
    items = {each.thing: each for each in bill(REGION, unknown, {}, added=3).items}
    for thing in ("2 of m5.large", "EKS Auto Mode for 2 of m5.large", "up to 3 more of m5.large"):
        assert (items[thing].monthly, items[thing].why) == (None, "no price of m5.large is known here")


@pytest.mark.usefixtures("rehearsal")
def test_a_template_has_all_of_it_that_lies_in_the_account(aws: Aws) -> None:
    clusters = EksClusters(Cloud.open(OTHER))
    written = clusters.template("shop", WANTED)
    assert [str(each) for each in lint(json.dumps(written), regions=[OTHER])] == []
    every = written["Resources"].values()
    (cluster,) = (each["Properties"] for each in every if each["Type"] == "AWS::EKS::Cluster")
    assert (cluster["ComputeConfig"], cluster["BootstrapSelfManagedAddons"]) == ({"Enabled": True}, False)
    assert {"Key": "seaway.dev/nodes", "Value": "auto"} in cluster["Tags"]
    entries = [each["Properties"] for each in every if each["Type"] == "AWS::EKS::AccessEntry"]
    assert [each["PrincipalArn"] for each in entries if each.get("Type") == "EC2"] == [
        {"Fn::GetAtt": ["RoleNode", "Arn"]}
    ]
    changes = {each.step for each in clusters.look("shop", WANTED)[0]}
    tags = [tag for each in every for tag in each["Properties"].get("Tags", [])]
    parts = {tag["Value"] for tag in tags if tag["Key"] == "seaway.dev/part"}
    assert changes - parts == {"nodes/main", "addon/metrics-server"}
    assert inventory(aws, OTHER) == NOTHING


@pytest.fixture
def deadly(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[EksClusters, Calls]]:
    """Clusters in the hands of a deployer, and calls of AWS and Kubernetes that may be the last."""
    cloud = minted(gate, monkeypatch, Job.DEPLOYER, OTHER)
    calls = Calls(cloud.session)
    for name in ("apply", "delete"):
        real = getattr(Kube, name)

        def call(*given: Any, _real: Any = real, **more: Any) -> Any:
            done = _real(*given, **more)
            if calls.deadly:
                raise Killed
            return done

        monkeypatch.setattr(Kube, name, call)
    yield EksClusters(cloud), calls
    identities = Identities(Cloud.open(OTHER).signed_by(gate.root()))
    identities.revoke(Job.DEPLOYER.value, silent)


def test_killed_after_every_call_it_arrives_at_the_same_place(
    made: EksClusters, deadly: tuple[EksClusters, Calls], aws: Aws
) -> None:
    """Both ways, under the policy of a deployer; no node is left when the cluster goes.

    What lies around a cluster is the same as around any other, and made here without an end in between.
    """
    clusters, calls = deadly
    assert made.find("shop"), "what an uninterrupted run makes"
    calls.fatal = "CreateCluster"
    with pytest.raises(Killed):
        clusters.ensure("shop", WANTED, silent)
    calls.fatal = ""
    assert killed_at_every_call(calls, lambda: clusters.ensure("shop", WANTED, silent)) > 6
    ours, theirs = inventory(aws, OTHER), inventory(aws, REGION)
    same = ("vpcs", "subnets", "gateways", "addresses", "nats", "tables", "roles")
    assert {kind: ours[kind] for kind in same} == {kind: theirs[kind] for kind in same}
    who = [re.sub("seaway[/-]seaway-deployer", "deployer", each) for each in ours["eks"]]
    assert sorted(who) == sorted(theirs["eks"])
    assert _named(inside(OTHER)) == _named(inside())
    calls.deadly, runs = True, 0
    while "DeleteCluster" not in calls.made:
        with pytest.raises(Killed):
            clusters.delete("shop", silent)
        runs += 1
    calls.deadly = False
    assert runs == len(["addon", "pool", "class", "entry", "entry", "cluster"])
    assert clusters.delete("shop", silent)
    assert inventory(aws, OTHER) == NOTHING
    assert inside(OTHER) == {}


def _named(objects: Objects) -> Any:
    """Leave out what differs by chance or place."""
    return json.loads(re.sub('"subnet-[0-9a-f]+"', '""', json.dumps(objects).replace(OTHER, REGION)))
