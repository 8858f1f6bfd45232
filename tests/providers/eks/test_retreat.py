"""A cluster that cannot be made: nothing of it is left, unless it is to be kept or was there before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from seaway.errors import Refused, SeawayError, Unready
from seaway.model.event import Event, silent
from seaway.providers.eks.cloud import REHEARSAL, Cloud, explained
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.parts import failed, untaken
from seaway.providers.eks.retreat import for_good
from seaway.twin.eks import Eks
from seaway.twin.inventory import Aws, client, inventory
from seaway.twin.phases import Thing
from tests.providers.eks.conftest import IMAGES, Shop, Typed, rehearsing
from tests.providers.eks.faults import No, refusing
from tests.providers.eks.looks import Calls, Killed
from tests.providers.eks.test_clusters import NOTHING
from tests.providers.eks.test_production import write
from tests.providers.eks.zones import clusters_of

REGION = "eu-west-3"
#: An image of nothing.
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:0", "size": 1},
    "layers": [],
}
#: What AWS says no with where a cluster is made: at the last call of each kind, with how many before it.
DENIED: dict[str, tuple[int, str]] = {
    "ec2:ModifyVpcAttribute": (0, "UnauthorizedOperation"),
    "ec2:CreateSubnet": (3, "SubnetLimitExceeded"),
    "ec2:AttachInternetGateway": (0, "UnauthorizedOperation"),
    "ec2:CreateNatGateway": (1, "NatGatewayLimitExceeded"),
    "ec2:AssociateRouteTable": (3, "UnauthorizedOperation"),
    "iam:AttachRolePolicy": (4, "AccessDenied"),
    "eks:CreateCluster": (0, "ResourceLimitExceededException"),
    "route53:ChangeResourceRecordSets": (0, "AccessDenied"),
    "eks:CreateAddon": (2, "AccessDeniedException"),
}


@dataclass(frozen=True)
class Place:
    """A region in which nothing is, what AWS says no to there, and what was told."""

    url: str
    clusters: EksClusters
    calls: Calls
    no: No
    lines: list[str] = field(default_factory=list)

    def create(self, *, keep: bool = False) -> None:
        self.lines.clear()
        self.clusters.create("shop", 2, "", self.hear, keep=keep)

    def hear(self, event: Event) -> None:
        self.lines.append(f"{event.outcome.value}: {event.text}")

    def refuse(self, action: str, code: str, passes: int = 0) -> None:
        self.no.codes[action], self.no.passes[action] = code, passes

    def relent(self) -> None:
        self.no.codes.clear()
        self.no.meanwhile = int


@pytest.fixture(scope="module")
def _place(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with refusing(aws) as (url, no), pytest.MonkeyPatch.context() as patch:
        rehearsing(aws, patch, tmp_path_factory.mktemp("retreat"))
        patch.setenv(REHEARSAL, url)
        cloud = Cloud.open(REGION)
        yield Place(url, clusters_of(aws.moto, cloud, IMAGES), Calls(cloud.session), no)


@pytest.fixture
def place(_place: Place, rehearsal: Aws) -> Iterator[Place]:  # noqa: ARG001  (its environment)
    yield _place
    _place.relent()
    _place.calls.fatal = ""


@pytest.mark.parametrize("action", list(DENIED))
def test_what_cannot_be_made_leaves_nothing(rehearsal: Aws, place: Place, action: str) -> None:
    passes, code = DENIED[action]
    place.refuse(action, code, passes)
    with pytest.raises(SeawayError) as stopped:
        place.create()
    assert stopped.value.where == action.partition(":")[2]
    assert "goes on from here" not in stopped.value.remedy
    assert inventory(rehearsal, REGION) == NOTHING
    made = {line.rpartition("created ")[2] for line in place.lines if line.startswith("done: created")}
    gone = {line.rpartition("removed ")[2] for line in place.lines if line.startswith("done: removed")}
    assert made <= gone
    assert f"note: {stopped.value.what}: what was made goes again (--keep would leave it)" in place.lines


def test_what_is_kept_or_was_there_before_stays_and_is_gone_on_from(
    rehearsal: Aws, shop: Shop, place: Place
) -> None:
    place.refuse("iam:CreateRole", "LimitExceeded")
    with pytest.raises(SeawayError, match="role cluster cannot be made"):
        place.create(keep=True)
    kept = inventory(rehearsal, REGION)
    assert len(kept["subnets"]) == 4
    removal = f"seaway cluster delete --on eks --region {REGION} --name shop takes all of it away"
    assert place.lines[-1] == f"note: what was made stays: the same command goes on from there, {removal}"
    place.relent()
    place.refuse("eks:CreateAddon", "AccessDeniedException")
    with pytest.raises(Refused, match="addon eks-pod-identity-agent cannot be made"):
        place.create()
    assert inventory(rehearsal, REGION) == kept
    assert any(
        "it was there before, and stays: " in line and "subnet private-1" in line for line in place.lines
    )
    with pytest.raises(Refused, match="addon eks-pod-identity-agent cannot be made"):
        place.create(keep=True)
    with pytest.raises(Refused, match="addon eks-pod-identity-agent cannot be made"):
        place.create()
    place.relent()
    place.create()
    assert inventory(rehearsal, REGION) == inventory(rehearsal, "eu-central-1")
    assert place.clusters.delete("shop", silent)
    assert shop.facts.name == "shop"


def test_nodes_that_fail_take_all_with_them_and_images_stay(
    rehearsal: Aws, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EKS takes the nodes, and says later that they failed; somebody has pushed an image by then."""
    create, ecr = Eks.create_nodegroup, client(rehearsal, "ecr", REGION)
    issue = {"code": "AsgInstanceLaunchFailures", "message": "no more vCPUs", "resourceIds": []}

    def fail(self: Eks, **given: Any) -> Thing:
        made = create(self, **given)
        made["nodegroup"] |= {"status": "CREATE_FAILED", "health": {"issues": [issue]}}
        ecr.put_image(repositoryName="shop/shop/web", imageManifest=json.dumps(MANIFEST), imageTag="src-1")
        return made

    with monkeypatch.context() as patch:
        patch.setattr(Eks, "create_nodegroup", fail)
        with pytest.raises(Unready, match="seaway-shop-nodes-main failed") as stopped:
            place.create()
    assert stopped.value.why == "AsgInstanceLaunchFailures: no more vCPUs"
    left = inventory(rehearsal, REGION)
    assert [name for name, *_ in left.pop("repositories")] == ["shop/shop/web"]
    assert left == {kind: [] for kind in left}
    told = [line for line in place.lines if "repository shop/web" in line]
    assert told[-1] == "note: repository shop/web stays: there are images in it"
    assert place.clusters.delete("shop", silent)


def test_what_goes_wrong_on_the_way_back_is_told_beside_the_first_error(rehearsal: Aws, place: Place) -> None:
    place.refuse("iam:CreateRole", "LimitExceeded")
    place.refuse("ec2:DeleteSubnet", "UnauthorizedOperation")
    with pytest.raises(SeawayError, match="role cluster cannot be made") as stopped:
        place.create()
    assert (stopped.value.where, stopped.value.why) == ("CreateRole", "LimitExceeded: no CreateRole")
    assert (
        stopped.value.remedy == "ask AWS for more (Service Quotas), or free some, and run the command again"
    )
    assert any("DeleteSubnet\nUnauthorizedOperation" in line for line in place.lines)
    left = inventory(rehearsal, REGION)
    assert (len(left["subnets"]), left["nats"], left["addresses"]) == (4, [], [])
    names = "certificate house/shop.eu-west-3.example.com"
    assert "note: left over: " in place.lines[-1]
    assert "vpc, internet-gateway, subnet public-0" in place.lines[-1]
    assert names in place.lines[-1]
    place.relent()
    assert place.clusters.delete("shop", silent)


def test_interrupted_on_the_way_back_the_next_run_goes_on(rehearsal: Aws, shop: Shop, place: Place) -> None:
    place.refuse("eks:CreateNodegroup", "InvalidParameterException")
    place.calls.fatal = "DeleteRole"
    with pytest.raises(Killed):
        place.create()
    place.calls.fatal = ""
    place.relent()
    place.create()
    assert inventory(rehearsal, REGION) == inventory(rehearsal, "eu-central-1")
    assert place.clusters.delete("shop", silent)
    assert shop.facts.name == "shop"


def test_as_people_type_it(
    rehearsal: Aws,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    typed: Typed,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(REHEARSAL, f"{place.url} registry=http://127.0.0.1:5055")
    write(tmp_path, REGION)
    status, _, told = typed("up", "--on", "here", "--keep")
    assert (status, "--keep is for clusters on EKS, and here is none" in told) == (2, True)
    place.refuse("ec2:CreateSubnet", "SubnetLimitExceeded")
    for command in (("up", "--on", "production"), ("cluster", "create", "--on", "eks", "--region", REGION)):
        status, _, told = typed(*command, "--yes")
        assert (status, "✗ subnet public-0 cannot be made" in told) == (1, True), told
        assert "✓ removed vpc" in told
        assert inventory(rehearsal, REGION) == NOTHING
        status, _, told = typed(*command, "--yes", "--keep")
        assert (status, "what was made stays" in told) == (1, True), told
        assert len(inventory(rehearsal, REGION)["vpcs"]) == 1
        name = "shop" if command[0] == "up" else "seaway"
        assert place.clusters.delete(name, silent)


def _answer(code: str, message: str = "no", status: int = 400) -> ClientError:
    said: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "Create")


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (_answer("VpcLimitExceeded"), True),
        (_answer("ServiceQuotaExceededException"), True),
        (_answer("AccessDeniedException"), True),
        (_answer("UnsupportedAvailabilityZoneException"), True),
        (_answer("InvalidParameterCombination"), True),
        (_answer("InvalidRequestException", "User not authorized to perform kms:CreateGrant"), True),
        (_answer("RequestLimitExceeded", status=503), False),
        (_answer("ThrottlingException"), False),
        (_answer("InternalFailure", status=500), False),
        (_answer("ExpiredToken"), False),
        (_answer("InvalidClientTokenId"), False),
        (_answer("InvalidRequestException", "the cluster is UPDATING"), False),
        (_answer("InvalidVpcID.NotFound"), False),
        (_answer("InvalidParameterException", "The role could not be assumed"), False),
    ],
)
def test_an_end_for_good_is_told_from_what_another_run_mends(error: ClientError, ends: bool) -> None:
    with pytest.raises(SeawayError) as told, explained("it cannot be made"):
        raise error
    assert for_good(told.value) is ends


def test_a_thing_of_somebody_elses_and_one_that_failed_are_ends() -> None:
    with pytest.raises(Refused) as taken, untaken("cluster shop"):
        raise _answer("ResourceInUseException")
    assert for_good(taken.value)
    assert for_good(failed("nodes", "CREATE_FAILED"))
    assert not for_good(Unready("nodes did not become ready"))
