"""Which tokens the authenticator of the tests takes: those that EKS takes, by all that is known of it."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.credentials import Credentials

from seaway.model.event import silent
from seaway.model.identity import Job, Kind, Wish
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.identities import Identities
from seaway.providers.eks.token import token
from seaway.twin.authenticator import Authenticator
from seaway.twin.tokens import Untrue, read
from tests.providers.eks.conftest import KEYS, Shop
from tests.providers.eks.gate import Gate
from tests.providers.eks.signing import QUERY, REGION, STS, signed, wrapped
from tests.providers.eks.test_policies import minted

SOMEBODY = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def test_our_token_says_who_signed_it_and_for_which_cluster() -> None:
    claim = read(token(Cloud.open(REGION), "shop").reveal())
    assert (claim.key, claim.region, claim.session) == (SOMEBODY.access_key, REGION, "")
    assert claim.signed_by(SOMEBODY.secret_key, "shop")
    assert not claim.signed_by(SOMEBODY.secret_key, "bank")
    assert not claim.signed_by(SOMEBODY.secret_key[:-1], "shop")


@pytest.mark.parametrize("ago", [-280, 0, 890])
def test_a_token_is_good_for_a_quarter_of_an_hour(ago: float) -> None:
    assert read(wrapped(signed(SOMEBODY, ago=ago))).signed_by(SOMEBODY.secret_key, "shop")


@pytest.mark.parametrize(("ago", "why"), [(910, "expired"), (-320, "future")])
def test_before_and_after_it_is_not(ago: float, why: str) -> None:
    with pytest.raises(Untrue, match=why):
        read(wrapped(signed(SOMEBODY, ago=ago)))


@pytest.mark.parametrize(
    "place",
    [
        "https://sts.evil.example",
        "http://127.0.0.1:5600",
        f"{STS}.evil.example",
        f"{STS}:444",
        STS.replace("//", "//evil.example%2F@"),
        "https://s3.eu-central-1.amazonaws.com",
    ],
)
def test_a_request_to_anywhere_else_is_no_token_however_well_it_is_signed(place: str) -> None:
    for sts in ("", "http://127.0.0.1:5601"):
        with pytest.raises(Untrue, match="not for STS"):
            read(wrapped(signed(SOMEBODY, at=place)), sts)


def test_one_for_the_emulator_is_a_token_where_that_plays_sts() -> None:
    emulator = "http://127.0.0.1:5600"
    text = wrapped(signed(SOMEBODY, at=emulator))
    assert read(text, emulator).signed_by(SOMEBODY.secret_key, "shop")
    assert not read(text, emulator).signed_by(SOMEBODY.secret_key, "bank")


@pytest.mark.parametrize(
    ("found", "put", "why"),
    [
        ("https://", "http://", "not for STS"),
        ("amazonaws.com/?", "amazonaws.com/x?", "not for STS"),
        ("Version=2011-06-15", "Version=2011-06-15&RoleArn=any", "rolearn"),
        ("Version=2011-06-15", "Version=2011-06-15&action=GetCallerIdentity", "twice"),
        ("Version=2011-06-15&", "", "version"),
        ("GetCallerIdentity", "GetSessionToken", "another request: action"),
        ("host%3Bx-k8s-aws-id", "host", "another request: x-amz-signedheaders"),
        ("X-Amz-Expires=60", "X-Amz-Expires=86400", "longer than any"),
        ("X-Amz-Expires=60", "X-Amz-Expires=soon", "no moment"),
        ("%2Fsts%2F", "%2Fs3%2F", "another day, region or service"),
        (f"%2F{REGION}%2F", "%2Feu-west-1%2F", "another day, region or service"),
    ],
)
def test_what_no_tool_makes_is_refused(found: str, put: str, why: str) -> None:
    url = signed(SOMEBODY)
    assert found in url
    with pytest.raises(Untrue, match=why):
        read(wrapped(url.replace(found, put, 1)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "k8s-aws-v1.",
        "k8s-aws-v1.!!!!",
        "k8s-aws-v2." + wrapped(f"{STS}/?{QUERY}")[11:],
        "k8s-aws-v1." + base64.urlsafe_b64encode(b"\xff" * 9).decode(),
        "k8s-aws-v1." + "a" * 20000,
        wrapped("https://[sts/?"),
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Untrue, match=r"no token of EKS|not for STS"):
        read(text)


@pytest.mark.parametrize(
    ("found", "put"),
    [
        (r"Signature=.{8}", "Signature=00000000"),
        (r"Expires=60", "Expires=900"),
        (r"Credential=\w+", "Credential=AKIAIOSFODNN7OTHERS1"),
    ],
)
def test_what_was_changed_after_it_was_signed_has_another_signature(found: str, put: str) -> None:
    url, changed = signed(SOMEBODY), re.sub(found, put, signed(SOMEBODY))
    assert changed != url
    assert not read(wrapped(changed)).signed_by(SOMEBODY.secret_key, "shop")


@pytest.fixture
def root(shop: Shop, gate: Gate) -> Iterator[Cloud]:
    """Who may do all in the account that has the cluster shop; identities that were made there go again."""
    cloud = Cloud.open(shop.clusters.cloud.region)
    yield cloud
    identities = Identities(cloud.signed_by(gate.root()))
    for each in identities.all():
        identities.revoke(each.name, silent)


def test_who_signed_must_have_an_entry_and_a_key_that_works(
    root: Cloud, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user's way into the cluster, and out of it again."""
    viewer = minted(gate, monkeypatch, Job.VIEWER, REGION)
    arn = viewer.sts.get_caller_identity()["Arn"]
    door = Authenticator(gate, gate.rules.eks, REGION, "shop")

    def asked(cluster: str = "shop") -> dict[str, Any]:
        return door.review(token(viewer, cluster).reveal())

    assert asked()["error"] == f"no access entry of {arn}"
    root.eks.create_access_entry(clusterName="shop", principalArn=arn, kubernetesGroups=["theirs"])
    scope: Any = {"type": "cluster"}
    root.eks.associate_access_policy(clusterName="shop", principalArn=arn, policyArn=VIEW, accessScope=scope)
    try:
        user = asked()["user"]
        assert user["username"] == arn
        assert user["groups"] == ["theirs", "eks-access-policy:AmazonEKSViewPolicy"]
        assert asked("bank")["error"] == "the signature is not for this cluster"
        name, key = arn.rpartition("/")[2], os.environ["AWS_ACCESS_KEY_ID"]
        root.iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
        assert asked()["error"] == "the key is inactive"
        root.iam.update_access_key(UserName=name, AccessKeyId=key, Status="Active")
        assert asked()["authenticated"]
        root.iam.delete_access_key(UserName=name, AccessKeyId=key)
        assert asked()["error"] == "the key is inactive"
    finally:
        root.eks.delete_access_entry(clusterName="shop", principalArn=arn)
    assert not asked()["authenticated"]
    assert door.review(wrapped(signed(SOMEBODY)))["error"] == "STS does not know the key"


def test_a_session_of_a_role_is_known_by_its_role(root: Cloud, gate: Gate) -> None:
    role = Identities(root).create(Wish("watcher", Job.VIEWER, Kind.ROLE), silent).arn
    taken = root.sts.assume_role(RoleArn=role, RoleSessionName="ada")["Credentials"]
    session = Credentials(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
    door = Authenticator(gate, gate.rules.eks, REGION, "shop")
    assert role.endswith(":role/seaway/seaway-watcher")
    assert door.review(wrapped(signed(session)))["error"] == f"no access entry of {role}"
    root.eks.create_access_entry(clusterName="shop", principalArn=role)
    try:
        user = door.review(wrapped(signed(session)))["user"]
        assert user["username"] == "arn:aws:sts::123456789012:assumed-role/seaway-watcher/ada"
        assert (user["groups"], user["extra"]["canonicalArn"]) == ([], [role])
        bare = Credentials(session.access_key, session.secret_key)
        assert door.review(wrapped(signed(bare)))["error"] == "STS does not know the key"
    finally:
        root.eks.delete_access_entry(clusterName="shop", principalArn=role)
