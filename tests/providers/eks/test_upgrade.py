"""A cluster goes one version up: what is looked at before, in which order, and killed at any call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from seaway.errors import NotFound, Refused, Unready, UsageError
from seaway.model.event import Event, silent
from seaway.providers.eks.cloud import REHEARSAL, Cloud
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.readiness import Verdict
from seaway.providers.eks.upgrade import Upgrade, look
from seaway.twin.eks import Eks
from seaway.twin.inventory import Aws, client
from seaway.twin.phases import PHASE, Thing
from seaway.twin.versions import DEFAULT, addon_version
from tests.providers.eks.apiserver import BUDGETS
from tests.providers.eks.conftest import Shop, Typed
from tests.providers.eks.faults import Fault, Once, faulty
from tests.providers.eks.looks import Calls
from tests.providers.eks.test_clusters import killed_at_every_call

REGION = "eu-central-1"
ADDONS = ("eks-pod-identity-agent", "aws-ebs-csi-driver", "metrics-server")
#: In this order, each call once.
WAY = ["UpdateClusterVersion", "UpdateAddon", "UpdateAddon", "UpdateAddon", "UpdateNodegroupVersion"]


@pytest.fixture
def held(rehearsal: Aws, shop: Shop) -> Iterator[Eks]:
    """The cluster as EKS holds it, at 1.35, with nothing under way or against it; back afterwards."""
    held = rehearsal.regions[REGION]
    put(held, "1.35")
    yield held
    held.groups.pop((shop.facts.name, "theirs"), None)
    BUDGETS.clear()
    put(held, DEFAULT)


@pytest.fixture
def clusters(held: Eks) -> EksClusters:  # noqa: ARG001
    return EksClusters(Cloud.open(REGION))


def put(held: Eks, version: str) -> None:
    for live in (*held.clusters.values(), *held.groups.values()):
        live |= {"version": version, "status": "ACTIVE"}
        live.pop("then", None)
    for live in held.addons.values():
        live |= {"addonVersion": addon_version(version), "status": "ACTIVE"}
    held.updates.clear()
    held.insights.clear()


def at(held: Eks) -> set[str]:
    """All versions that there are, as those of Kubernetes."""
    kinds = (held.clusters, held.groups, held.addons)
    lives: list[Thing] = [live for kind in kinds for live in kind.values()]
    assert {live["status"] for live in lives} == {"ACTIVE"}
    versions = [live.get("version") or live["addonVersion"].partition(".0-")[0] for live in lives]
    return {version.lstrip("v") for version in versions}


def insight(name: str, status: str, version: str = "1.36", **more: Any) -> Thing:
    told = {"insightStatus": {"status": status, "reason": "As EKS sees it."}, "kubernetesVersion": version}
    return {"id": name, "name": name, "category": "UPGRADE_READINESS", **told, **more}


def texts(upgrade: Upgrade, verdict: Verdict) -> list[str]:
    return [each.text for each in upgrade.findings if each.verdict is verdict]


def budget(name: str, *, pods: int, healthy: int, desired: int) -> Thing:
    counts = {"expectedPods": pods, "currentHealthy": healthy, "desiredHealthy": desired}
    status = {**counts, "disruptionsAllowed": max(0, healthy - desired)}
    keeps = {"selector": {"matchLabels": {"app": name}}}
    return {"metadata": {"namespace": "shop", "name": name}, "spec": keeps, "status": status}


def test_it_goes_up_by_one_version_in_this_order_and_says_how_far_it_is(
    held: Eks, clusters: EksClusters
) -> None:
    calls, story = Calls(clusters.cloud.session), list[Event]()
    found = look(clusters, "shop")
    assert found.target == "1.36"
    assert texts(found, Verdict.STOP) == []
    assert [each.change.details for each in found.moves] == [
        ("1.35 → 1.36",),
        *[("v1.35.0-eksbuild.1 → v1.36.0-eksbuild.1",)] * 3,
        ("1.35 → 1.36",),
    ]
    assert (calls.made, at(held)) == ([], {"1.35"})
    clusters.upgrade("shop", "", story.append)
    assert (calls.made, at(held)) == (WAY, {"1.36"})
    told = [event.text for event in story]
    assert told[:2] == ["cluster's control plane to 1.36", "cluster's control plane goes to 1.36"]
    order = [event.step for event in story if event.outcome.value == "done"]
    assert order == ["cluster/main", *(f"addon/{name}" for name in ADDONS), "nodes/seaway"]
    assert look(clusters, "shop", "1.36").moves == ()
    assert look(clusters, "shop").target == "1.37"


@pytest.mark.parametrize("to", ["1.36", ""])
def test_killed_after_every_call_it_ends_at_the_same_versions(
    held: Eks, clusters: EksClusters, to: str
) -> None:
    """And makes none twice: what runs is gone on with, also where nobody says which version it was."""
    calls = Calls(clusters.cloud.session)
    assert killed_at_every_call(calls, lambda: clusters.upgrade("shop", to, silent)) == len(WAY)
    assert (calls.made, at(held)) == (WAY, {"1.36"})


@pytest.mark.parametrize(
    "faults",
    [
        (Fault.LOST, Fault.FAILED_LATE),
        (Fault.FAILED, Fault.RESET, Fault.FAILED_LATE, Fault.LOST, Fault.THROTTLED),
    ],
    ids=["lost", "all"],
)
def test_under_faults_it_ends_there_too_and_no_update_is_made_twice(
    rehearsal: Aws, held: Eks, monkeypatch: pytest.MonkeyPatch, faults: tuple[Fault, ...]
) -> None:
    once = Once(*faults)
    with faulty(rehearsal, once) as url:
        monkeypatch.setenv(REHEARSAL, url)
        EksClusters(Cloud.open(REGION)).upgrade("shop", "1.36", silent)
    assert at(held) == {"1.36"}
    assert (once.met.total(), len(held.updates)) == (len(WAY), len(WAY))


def test_all_that_stands_against_it_is_told_at_once_before_anything_changes(
    held: Eks, clusters: EksClusters
) -> None:
    calls = Calls(clusters.cloud.session)
    held.groups["shop", "seaway"]["version"] = "1.33"
    held.groups["shop", "theirs"] = {**held.groups["shop", "seaway"], "nodegroupName": "theirs", "tags": {}}
    held.addons["shop", "metrics-server"]["status"] = "DEGRADED"
    held.clusters["shop"] |= {"status": "UPDATING", "looks": 99}
    old = {"usage": "/apis/flowcontrol/v1beta3", "replacedWith": "/apis/flowcontrol/v1"}
    who = {"stopServingVersion": "1.36", "clientStats": [{"userAgent": "old-operator"}]}
    held.insights["shop"] = [
        insight("Deprecated APIs", "ERROR", recommendation="Update.",
                categorySpecificSummary={"deprecationDetails": [{**old, **who}]}),
        insight("Cluster health", "WARNING"),
        insight("Other version", "ERROR", "1.37"),
    ]  # fmt: skip
    BUDGETS[f"{REGION}/shop"] = [
        budget("web", pods=1, healthy=1, desired=1),
        budget("api", pods=3, healthy=2, desired=2),
        budget("job", pods=3, healthy=3, desired=2),
    ]
    found = look(clusters, "shop", "1.37")
    stops = texts(found, Verdict.STOP)
    assert stops[:2] == ["version: 1.37 is not one above 1.35", "control plane: it is updating"]
    assert "node group seaway: 1.33 is more than 3 minor versions before 1.37" in stops
    assert "add-on metrics-server: it is degraded" in stops
    assert "insight of EKS: Other version: As EKS sees it." in stops
    assert [each for each in stops if each.startswith("nodes: ip-10-0-0-0")]
    found = look(clusters, "shop", "1.36")
    stops, notes = texts(found, Verdict.STOP), texts(found, Verdict.NOTE)
    told = "/apis/flowcontrol/v1beta3, gone with 1.36, use /apis/flowcontrol/v1, used by old-operator"
    assert stops == [
        "control plane: it is updating",
        "node group seaway: it is at 1.33, before the control plane's 1.35",
        "add-on metrics-server: it is degraded",
        f"insight of EKS: Deprecated APIs: As EKS sees it.\n{told}",
        "PodDisruptionBudget shop/web: it lets none of 1 pods go",
    ]
    assert notes == [
        "node group theirs: it is not Seaway's, and stays at 1.33",
        "vpc-cni, coredns, kube-proxy: no add-ons of EKS here, so that they stay in their versions",
        "insight of EKS: Cluster health: As EKS sees it.",
        "PodDisruptionBudget shop/api: it lets none of 3 pods go now, 2 of which are healthy",
    ]
    with pytest.raises(Refused, match=r"cluster shop cannot go to 1\.36: nothing was changed") as refused:
        clusters.upgrade("shop", "1.36", silent)
    assert refused.value.why == "; ".join(stops)
    assert "seaway cluster upgrade --on eks --name shop --to 1.35" in refused.value.remedy
    assert calls.made == []


def test_what_is_behind_the_control_plane_comes_first(held: Eks, clusters: EksClusters) -> None:
    """Nodes that an upgrade of somebody else left behind; what is not Seaway's stays."""
    held.groups["shop", "seaway"]["version"] = "1.34"
    held.groups["shop", "theirs"] = {**held.groups["shop", "seaway"], "nodegroupName": "theirs", "tags": {}}
    held.insights["shop"] = [insight("Deprecated APIs", "ERROR")]
    calls = Calls(clusters.cloud.session)
    found = look(clusters, "shop")
    assert (found.target, texts(found, Verdict.STOP)) == ("1.35", [])
    clusters.upgrade("shop", "", silent)
    assert calls.made == ["UpdateNodegroupVersion"]
    assert [held.groups["shop", name]["version"] for name in ("seaway", "theirs")] == ["1.35", "1.34"]


def test_an_add_on_for_which_there_is_no_version_stops_it(held: Eks, clusters: EksClusters) -> None:
    put(held, "1.38")
    found = look(clusters, "shop")
    stops = [f"add-on {name}: it has no version for 1.39" for name in ADDONS]
    assert texts(found, Verdict.STOP) == stops


def test_an_update_that_eks_gives_up_is_told_and_gone_on_with_after_that(
    held: Eks, clusters: EksClusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = Eks.complete

    def give_up(self: Eks, live: Thing) -> None:
        if "nodegroupName" not in live or not live.pop("then", None):
            complete(self, live)
            return
        ((_, update),) = [each for each in self.updates.values() if each[0][1]]
        error = {"errorCode": "PodEvictionFailure", "errorMessage": "Reached max retries"}
        update |= {"status": "Failed", "errors": [error]}

    monkeypatch.setattr(Eks, "complete", give_up)
    with pytest.raises(
        Unready, match=r"nodes of group seaway did not get to 1\.36: the update failed"
    ) as end:
        clusters.upgrade("shop", "", silent)
    assert end.value.why == "PodEvictionFailure: Reached max retries"
    assert at(held) == {"1.35", "1.36"}
    monkeypatch.undo()
    monkeypatch.setenv(
        REHEARSAL, " ".join(f"{k}={v}" if k else v for k, v in clusters.cloud.endpoints.items())
    )
    clusters.upgrade("shop", "", silent)
    assert at(held) == {"1.36"}


def test_a_cluster_or_version_that_is_not_there_is_told(clusters: EksClusters) -> None:
    with pytest.raises(NotFound, match="no cluster bank of Seaway's"):
        look(clusters, "bank")
    with pytest.raises(UsageError, match="'latest' is no version of Kubernetes"):
        look(clusters, "shop", "latest")


def test_the_small_eks_refuses_what_eks_does(held: Eks, aws: Aws) -> None:
    eks = client(aws, "eks", REGION)
    addon = {"addonName": "metrics-server", "addonVersion": "v1"}
    group = {"nodegroupName": "seaway", "version": "1.36"}
    wrongs: list[tuple[Any, dict[str, str], str]] = [
        (eks.update_cluster_version, {"name": "shop", "version": "1.37"}, "Unsupported Kubernetes minor"),
        (eks.update_addon, {"clusterName": "shop", **addon}, "not supported"),
        (eks.update_nodegroup_version, {"clusterName": "shop", **group}, "must be the cluster's"),
        (eks.describe_update, {"name": "shop", "updateId": "1"}, "No update found"),
        (eks.describe_insight, {"clusterName": "shop", "id": "1"}, "No insight found"),
    ]
    for call, given, said in wrongs:
        with pytest.raises(eks.exceptions.ClientError, match=said):
            call(**given)
    held.insights["shop"] = [insight("Deprecated APIs", "ERROR")]
    with pytest.raises(eks.exceptions.InvalidRequestException, match="insights"):
        eks.update_cluster_version(name="shop", version="1.36")
    begun = eks.update_cluster_version(name="shop", version="1.36", force=True)["update"]["id"]
    with pytest.raises(eks.exceptions.ResourceInUseException, match=f"has update {begun} in progress"):
        eks.update_cluster_version(name="shop", version="1.36", force=True)
    states = [eks.describe_update(name="shop", updateId=begun)["update"]["status"] for _ in range(PHASE + 1)]
    assert states == ["InProgress"] * PHASE + ["Successful"]


@pytest.mark.usefixtures("held")
def test_as_people_type_it(typed: Typed) -> None:
    upgrade = ("cluster", "upgrade")
    place = (*upgrade, "--on", "eks", "--region", REGION, "--name", "shop")
    status, _, told = typed(*upgrade)
    assert status == 2
    assert "a local cluster is not upgraded: its version comes with the engine" in told
    status, _, told = typed(*place)
    assert status == 1
    assert "✓ version: 1.35 → 1.36, one minor version up" in told
    assert (
        f"In AWS account 123456789012, {REGION}, context arn:aws:eks:{REGION}:123456789012:cluster/shop"
        in told
    )
    assert "update cluster's control plane: 1.35 → 1.36" in told
    assert "give the option --yes as well" in told
    status, _, told = typed(*place, "--to", "1.37", "--yes")
    assert status == 1
    assert "✗ version: 1.37 is not one above 1.35\n    → --to 1.36" in told
    status, document, told = typed(*place, "--to", "1.36", "--yes", "-o", "json")
    assert (status, json.loads(document)["version"]) == (0, "1.36")
    assert len(json.loads(document)["changes"]) == len(WAY)
    assert "✓ nodes of group seaway to 1.36" in told
    status, document, _ = typed(*place, "--to", "1.36")
    assert (status, document) == (0, "cluster shop is at 1.36, with its add-ons and nodes\n")
