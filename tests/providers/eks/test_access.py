"""Who may do what inside a cluster: those who are named, by an access entry each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from seaway.app.identity import Registrar
from seaway.errors import Refused
from seaway.model.event import Event, Outcome, silent
from seaway.model.identity import Job, Kind, Wish
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.clusters import EksClusters
from seaway.twin.inventory import Aws, client, inventory
from tests.providers.eks.conftest import IMAGES, Shop
from tests.providers.eks.looks import Calls
from tests.providers.eks.test_clusters import killed_at_every_call

WATCHER = "arn:aws:iam::123456789012:role/seaway/seaway-watcher"
ADA = "arn:aws:iam::123456789012:user/ada"
POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKS"
Named = Callable[[dict[str, Job] | None], EksClusters]


@pytest.fixture
def named(shop: Shop) -> Named:
    """The clusters of the region of shop, of which just those named may look."""
    cloud = shop.clusters.cloud

    def named(access: dict[str, Job] | None) -> EksClusters:
        return EksClusters(cloud, images=IMAGES, access=access)

    return named


def _changes(clusters: EksClusters) -> set[str]:
    found = clusters.propose("shop", 2, "").changes
    return {" ".join((each.verb.value, each.step, *each.details)) for each in found}


def _policies(aws: Aws, who: str) -> list[str]:
    entry = aws.regions["eu-central-1"].entries["shop", who]
    assert {each["accessScope"]["type"] for each in entry["policies"]} <= {"cluster"}
    return [each["policyArn"].removeprefix(POLICY) for each in entry["policies"]]


def test_who_is_named_gets_the_policy_of_the_job_until_not_named_any_more(
    rehearsal: Aws, named: Named, shop: Shop
) -> None:
    before, held = inventory(rehearsal, "eu-central-1"), rehearsal.regions["eu-central-1"]
    both = named({"watcher": Job.VIEWER, ADA: Job.PROMOTER})
    assert _changes(both) == {f"create viewer/{WATCHER}", f"create viewer/{ADA}"}
    both.create("shop", 2, "", silent)
    assert _policies(rehearsal, WATCHER) == _policies(rehearsal, ADA) == ["ViewPolicy"]
    assert _changes(both) == _changes(shop.clusters) == set()
    held.entries["shop", WATCHER]["policies"].clear()
    assert _changes(both) == {f"update viewer/{WATCHER} policy AmazonEKSViewPolicy"}
    del held.entries["shop", ADA]
    both.create("shop", 2, "", silent)
    assert _policies(rehearsal, WATCHER) == _policies(rehearsal, ADA) == ["ViewPolicy"]
    assert _changes(named({"watcher": Job.VIEWER})) == {f"delete viewer/{ADA}"}
    named({}).create("shop", 2, "", silent)
    assert inventory(rehearsal, "eu-central-1") == before


def test_another_job_is_another_entry_and_killed_anywhere_it_comes_to_be(
    rehearsal: Aws, named: Named, shop: Shop
) -> None:
    before = inventory(rehearsal, "eu-central-1")
    named({ADA: Job.VIEWER}).create("shop", 2, "", silent)
    cloud = Cloud.open("eu-central-1")
    calls = Calls(cloud.session)
    greater = EksClusters(cloud, images=IMAGES, access={ADA: Job.DEPLOYER})
    assert _changes(greater) == {f"delete viewer/{ADA}", f"create administrator/{ADA}"}
    killed = killed_at_every_call(calls, lambda: greater.create("shop", 2, "", silent))
    assert killed == len(calls.made) == 3
    assert _policies(rehearsal, ADA) == ["ClusterAdminPolicy"]
    assert _changes(named({})) == set(), "an administrator may be somebody who ran this"
    smaller = named({ADA: Job.VIEWER})
    assert _changes(smaller) == {f"delete administrator/{ADA}", f"create viewer/{ADA}"}
    smaller.create("shop", 2, "", silent)
    assert _policies(rehearsal, ADA) == ["ViewPolicy"]
    named({}).create("shop", 2, "", silent)
    assert inventory(rehearsal, "eu-central-1") == before
    assert shop.clusters.propose("shop", 2, "").changes == ()


def test_an_entry_that_somebody_else_made_is_not_taken_over(rehearsal: Aws, named: Named) -> None:
    eks = client(rehearsal, "eks", "eu-central-1")
    eks.create_access_entry(clusterName="shop", principalArn=ADA, kubernetesGroups=["theirs"])
    try:
        with pytest.raises(Refused, match=f"the access entry of {ADA} is there and is not Seaway's"):
            named({ADA: Job.VIEWER}).create("shop", 2, "", silent)
        assert _policies(rehearsal, ADA) == []
        assert _changes(named({})) == set()
    finally:
        eks.delete_access_entry(clusterName="shop", principalArn=ADA)


def test_who_runs_this_stays_the_administrator_whatever_the_file_says(named: Named, shop: Shop) -> None:
    me = shop.clusters.cloud.sts.get_caller_identity()["Arn"]
    assert _changes(named({me: Job.VIEWER})) == set()


def test_who_is_revoked_is_let_in_nowhere_any_more(rehearsal: Aws, named: Named, shop: Shop) -> None:
    """Also where an earlier version left the entry of a role that is gone."""
    before, held = inventory(rehearsal, "eu-central-1"), rehearsal.regions["eu-central-1"]
    house, told, eks = Registrar("eu-west-1"), list[Event](), client(rehearsal, "eks", "eu-central-1")
    viewer = Wish("watcher", Job.VIEWER, Kind.ROLE)
    Registrar("eu-central-1").create(viewer, (), silent)
    both = named({"watcher": Job.VIEWER, ADA: Job.VIEWER})
    both.create("shop", 2, "", silent)
    assert house.revoke("watcher", told.append)
    assert ("shop", WATCHER) not in held.entries
    assert ("shop", ADA) in held.entries
    gone = f"remove the access entry of {WATCHER} in cluster shop"
    assert (gone, Outcome.DONE) in {(each.text, each.outcome) for each in told}

    both.create("shop", 2, "", silent)
    assert not house.revoke("watcher", silent), "it looks in the region of the identity, or the one given"
    assert Registrar("eu-central-1").revoke("watcher", silent)
    assert not Registrar("eu-central-1").revoke("watcher", silent)
    assert ("shop", WATCHER) not in held.entries

    eks.create_access_entry(clusterName="shop", principalArn=WATCHER, kubernetesGroups=["theirs"])
    told.clear()
    assert not Registrar("eu-central-1").revoke("watcher", told.append)
    stays = f"the access entry of {WATCHER} in cluster shop stays: somebody else made it"
    assert [each.text for each in told] == [stays]
    eks.delete_access_entry(clusterName="shop", principalArn=WATCHER)
    named({}).create("shop", 2, "", silent)
    assert inventory(rehearsal, "eu-central-1") == before
    assert shop.clusters.propose("shop", 2, "").changes == ()
