"""The whole way of a cluster on bad days of AWS: it ends where a good day ends, and nothing is left over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.config import Config
from botocore.retries.standard import ExponentialBackoff

from seaway.errors import Unreachable
from seaway.model.event import silent
from seaway.model.identity import Job, Kind, Wish
from seaway.providers.eks.cloud import REHEARSAL, Cloud
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.identities import Identities
from seaway.providers.eks.repositories import Repository
from seaway.twin.inventory import Aws, inventory
from tests.providers.eks.conftest import IMAGES, Shop
from tests.providers.eks.faults import SERVICES, WAITS, Choose, Dealt, Fault, Once, faulty, late, paged
from tests.providers.eks.test_clusters import NOTHING
from tests.providers.eks.zones import clusters_of

REGION = "eu-west-2"
SEED = 7


@pytest.fixture(autouse=True)
def _quick(rehearsal: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits up to a second, and then twice as long, where it is throttled: here a twentieth of it.

    A thing that AWS shows late is waited for as long as it takes, as with AWS itself. The first look at a
    region takes an emulator longer than who waits here would wait.
    """
    assert inventory(rehearsal, REGION) == NOTHING
    waits: Any = ExponentialBackoff
    monkeypatch.setitem(waits._DEFAULT_BACKOFF_CONFIG, "throttling_base_scale", 0.05)
    monkeypatch.setattr(Cloud, "patience", 20.0)


def opened(monkeypatch: pytest.MonkeyPatch, url: str) -> Cloud:
    """Reach AWS by a front, as somebody who waits only so long for an answer."""
    monkeypatch.setenv(REHEARSAL, url)
    cloud = Cloud.open(REGION)
    cloud.session._session.set_default_client_config(Config(read_timeout=WAITS))
    return cloud


@contextmanager
def clusters(aws: Aws, monkeypatch: pytest.MonkeyPatch, choose: Choose) -> Iterator[EksClusters]:
    with faulty(aws, choose) as url:
        yield clusters_of(aws.moto, opened(monkeypatch, url), IMAGES)


def test_under_faults_of_all_kinds_it_ends_where_it_ends_without(
    rehearsal: Aws, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    dealt = Dealt(SEED)
    with clusters(rehearsal, monkeypatch, dealt) as made:
        assert len(made.propose("shop", 2, "").changes) > 20
        made.create("shop", 1, "", silent)
        assert len(made.scale("shop", 2, "", silent).nodes) == 2
        assert inventory(rehearsal, REGION) == inventory(rehearsal, "eu-central-1")
        assert made.propose("shop", 2, "").changes == ()
        assert made.delete("shop", silent)
    assert inventory(rehearsal, REGION) == NOTHING
    assert shop.facts.name == "shop"
    unmet = [(service, kind) for service in SERVICES for kind in Fault if not dealt.dealt[service, kind]]
    assert unmet == []


def test_the_answer_of_each_call_that_changes_something_may_be_lost(
    rehearsal: Aws, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was carried out is found, and neither made again nor taken for somebody else's."""
    once = Once(Fault.LOST, Fault.FAILED_LATE)
    with clusters(rehearsal, monkeypatch, once) as made:
        made.create("shop", 1, "", silent)
        made.scale("shop", 2, "", silent)
        assert inventory(rehearsal, REGION) == inventory(rehearsal, "eu-central-1")
        assert made.delete("shop", silent)
    assert inventory(rehearsal, REGION) == NOTHING
    assert once.met.total() > 60
    assert once.met["ec2:CreateSubnet"] == 4
    assert shop.facts.name == "shop"


def test_all_is_found_in_lists_of_many_pages(
    rehearsal: Aws, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of them empty, the others with one thing each."""
    with paged(rehearsal, 1) as (url, followed):
        cloud = opened(monkeypatch, url)
        made, house = clusters_of(rehearsal.moto, cloud, IMAGES), Identities(cloud)
        for name in ("ann", "bob"):
            for kind in Kind:
                house.create(Wish(f"{name}-{kind}", Job.VIEWER, kind), silent)
        assert len(names := [each.name for each in house.all()]) == 4
        assert all(house.revoke(name, silent) for name in names)
        made.create("shop", 2, "", silent)
        assert inventory(rehearsal, REGION) == inventory(rehearsal, "eu-central-1")
        assert made.propose("shop", 2, "").changes == ()
        assert made.delete("shop", silent)
    assert inventory(rehearsal, REGION) == NOTHING
    assert shop.facts.name == "shop"
    assert {
        "ec2:DescribeVpcs",
        "ec2:DescribeSubnets",
        "ec2:DescribeNatGateways",
        "ec2:DescribeRouteTables",
        "ec2:DescribeInternetGateways",
        "ecr:DescribeRepositories",
        "iam:ListAccessKeys",
        "iam:ListAttachedRolePolicies",
        "iam:ListAttachedUserPolicies",
        "iam:ListPolicyVersions",
        "iam:ListRoles",
        "iam:ListUsers",
    } == set(followed)


def test_ours_is_found_behind_a_thousand_of_others(rehearsal: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pages of a hundred, as long as those of ECR are by themselves."""
    with paged(rehearsal, 100, others=1001) as (url, followed):
        cloud = opened(monkeypatch, url)
        Repository("z", "web").create(cloud, {})
        (found,) = EksClusters(cloud).propose_end("z").changes
        assert found.step == "repository/web"
        assert EksClusters(cloud).delete("z", silent)
    assert followed["ecr:DescribeRepositories"] > 20


def test_what_was_just_made_is_waited_for_wherever_it_is_not_seen_yet(
    rehearsal: Aws, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with late(rehearsal) as (url, refused):
        made = clusters_of(rehearsal.moto, opened(monkeypatch, url), IMAGES)
        made.create("shop", 2, "", silent)
        assert inventory(rehearsal, REGION) == inventory(rehearsal, "eu-central-1")
        assert made.delete("shop", silent)
    assert inventory(rehearsal, REGION) == NOTHING
    assert shop.facts.name == "shop"
    assert min(refused[service] for service in ("ec2", "iam", "ecr", "eks")) > 0


@pytest.mark.parametrize("kind", list(Kind))
def test_an_identity_is_made_and_ended_though_every_answer_is_lost_once(
    rehearsal: Aws, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    once = Once(Fault.FAILED_LATE, Fault.LOST)
    with faulty(rehearsal, once) as url:
        house = Identities(opened(monkeypatch, url))
        made = house.create(Wish("ci", Job.DEPLOYER, kind), silent)
        assert (made.name, made.kind) == ("ci", kind)
        assert house.create(Wish("ci", Job.DEPLOYER, kind), silent) == made
        assert house.revoke("ci", silent)
        assert house.all() == ()
        assert not house.revoke("ci", silent)
    assert once.met["iam:CreatePolicy"] == once.met["iam:DeletePolicy"] == 3


def test_a_key_whose_secret_half_was_lost_is_not_made_twice(
    rehearsal: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two that nobody holds it could not be told which of them goes."""
    with faulty(rehearsal, Once(Fault.LOST, only="CreateAccessKey")) as url:
        house = Identities(opened(monkeypatch, url))
        house.create(Wish("ci", Job.VIEWER, Kind.USER), silent)
        with pytest.raises(Unreachable, match="AWS does not answer"):
            house.keys("ci").make()
        assert len(house.get("ci").keys) == 1
        assert house.keys("ci").make()
        assert house.revoke("ci", silent)
