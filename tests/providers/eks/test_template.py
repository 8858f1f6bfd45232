"""What Seaway makes, handed to somebody else: a template that cfn-lint takes, with the same tags."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]

from seaway.model.identity import Job
from seaway.providers.eks.acm import Public
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.nodes import Wanted
from seaway.providers.eks.parts import CLUSTER, PART
from seaway.providers.eks.rights import Proving
from seaway.providers.eks.template import template
from tests.providers.eks.conftest import IMAGES, West
from tests.providers.eks.zones import names_in

REGION = "eu-west-1"


@pytest.fixture
def clusters(west: West) -> EksClusters:
    """Those of a region in which nothing is yet, with somebody who may look."""
    cloud = west.clusters.cloud
    public = Public("shop", names_in(cloud.region))
    proving = Proving("shop", f"{REGION}.example.com", names_in(REGION))
    return EksClusters(cloud, images=IMAGES, access={"watcher": Job.VIEWER}, public=public, proving=proving)


@pytest.fixture
def written(clusters: EksClusters, west: West) -> dict[str, Any]:
    before = [*west.calls.made]
    found = clusters.template("shop", Wanted((3, 3), ""))
    assert west.calls.made == before, "nothing is made"
    return found


def test_nothing_is_found_fault_with(written: dict[str, Any]) -> None:
    assert [str(each) for each in lint(json.dumps(written), regions=[REGION])] == []


def test_a_fault_would_be_found(written: dict[str, Any]) -> None:
    written["Resources"]["VpcMain"]["Properties"]["CidrBlok"] = "10.0.0.0/16"
    assert any("CidrBlok" in each.message for each in lint(json.dumps(written), regions=[REGION]))


def test_all_that_would_be_made_is_there_with_the_tags_by_which_it_is_found(
    written: dict[str, Any], clusters: EksClusters
) -> None:
    bare = {"AWS::EC2::VPCGatewayAttachment", "AWS::EC2::Route", "AWS::EC2::SubnetRouteTableAssociation"}
    bare |= {"AWS::IAM::RolePolicy"}
    parts = []
    for each in written["Resources"].values():
        if each["Type"] not in bare:
            tags = each["Properties"]["Tags"]
            tags = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
            assert tags[CLUSTER] == "shop"
            parts.append(tags[PART])
    found = {each.step for each in clusters.propose("shop", 3, "").changes}
    proofs = {f"proof/shop/{name}" for name in names_in(REGION)}
    assert sorted(parts) == sorted(found - proofs - {"rights/shop"})
    assert proofs < found, "these are who keeps the zone"


def test_who_may_look_is_among_it(written: dict[str, Any]) -> None:
    entries = [e["Properties"] for e in written["Resources"].values() if e["Type"] == "AWS::EKS::AccessEntry"]
    policies = {e["PrincipalArn"]: e["AccessPolicies"][0]["PolicyArn"]["Fn::Sub"] for e in entries}
    watcher = policies["arn:aws:iam::123456789012:role/seaway/seaway-watcher"]
    assert watcher == "arn:${AWS::Partition}:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    assert len(policies) == 2


def test_what_a_pilot_may_do_is_a_policy_of_the_role_of_pilots(written: dict[str, Any]) -> None:
    (policy,) = (e for e in written["Resources"].values() if e["Type"] == "AWS::IAM::RolePolicy")
    first, *_ = policy["Properties"]["PolicyDocument"]["Statement"]
    assert policy["Properties"]["RoleName"] == {"Ref": "RolePilot"}
    assert first["Resource"]["Fn::Sub"].startswith("arn:${AWS::Partition}:route53:::hostedzone/")
    account = written["Resources"]["PodIdentityPilotShop"]["Properties"]
    assert (account["Namespace"], account["ServiceAccount"]) == ("shop", "pilot")


def test_what_is_no_part_is_told() -> None:
    with pytest.raises(TypeError, match="int"):
        template([1])
