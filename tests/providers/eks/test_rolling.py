"""Nodes that EKS rolls let go of a pod that a budget would keep for ever: another one is started first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from seaway.errors import Refused
from seaway.kit.kube import Kube, Ref
from seaway.providers.eks.readiness import Cluster, Finding, Verdict, findings
from seaway.providers.eks.rolling import GROUP, Rolling
from seaway.providers.eks.versions import Budget, Inside, Insight, Versioned, inside
from seaway.steps.moving import MOVED
from seaway.twin.quiet import Quiet
from seaway.twin.wire import listening

KINDS = {
    "nodes": "Node",
    "pods": "Pod",
    "deployments": "Deployment",
    "poddisruptionbudgets": "PodDisruptionBudget",
}
WEB = Ref("apps/v1", "Deployment", "web", "shop")


class Api(Quiet):
    """Serves what it holds, by plural; `moved` are the Deployments that were rolled, `status` its mood."""

    held: ClassVar[dict[str, list[dict[str, Any]]]]
    moved: ClassVar[list[str]]
    status: ClassVar[list[int]]

    def _answer(self) -> None:
        place, body = urlsplit(self.path), self.body()
        plural = next((each for each in KINDS if f"/{each}" in place.path), "")
        wanted = parse_qs(place.query).get("labelSelector", [""])[0]
        if self.command == "PATCH":
            assert MOVED in body.decode()
            self.moved.append(place.path.rpartition("/")[2])
        kinds = [{"name": n, "kind": k, "namespaced": n != "nodes"} for n, k in KINDS.items()]
        found = [each for each in self.held.get(plural, []) if _matches(each, wanted)]
        answer: dict[str, Any] = {"resources": kinds, "items": found}
        if plural == "deployments":
            answer = self.held[plural][0]
        self.reply(self.status[0], {"Content-Type": "application/json"}, json.dumps(answer).encode())

    do_GET = do_PATCH = _answer  # noqa: N815


def _matches(live: dict[str, Any], wanted: str) -> bool:
    labels = live["metadata"].get("labels", {})
    pairs = (each.partition("=") for each in wanted.split(",") if each)
    return all(labels.get(key) == value for key, _, value in pairs)


def _node(name: str, *, group: str = "seaway", going: bool = False) -> dict[str, Any]:
    meta = {"name": name, "labels": {GROUP: group}}
    status = {"nodeInfo": {"kubeletVersion": "v1.35.2-eks-1"}}
    return {"metadata": meta, "spec": {"unschedulable": going}, "status": status}


@pytest.fixture
def api() -> type[Api]:
    """One service of one replica on a node that stays, with a budget that never lets it go."""
    owner = {"kind": "ReplicaSet", "name": "web-5d4"}
    meta = {"name": "web-5d4-x", "namespace": "shop", "labels": {"app": "web"}, "ownerReferences": [owner]}
    counts = {"expectedPods": 1, "currentHealthy": 1, "desiredHealthy": 1, "disruptionsAllowed": 0}
    keeps = {"selector": {"matchLabels": {"app": "web"}}}
    held = {
        "nodes": [_node("a"), _node("b"), _node("c", group="theirs", going=True)],
        "pods": [{"metadata": meta, "spec": {"nodeName": "a"}}],
        "deployments": [{"metadata": {"name": "web"}, "spec": {"replicas": 1}}],
        "poddisruptionbudgets": [
            {"metadata": {"name": "web", "namespace": "shop"}, "spec": keeps, "status": counts}
        ],
    }
    return type("One", (Api,), {"held": held, "moved": [], "status": [200]})


@pytest.fixture
def kube(api: type[Api]) -> Iterator[Kube]:
    with listening(api) as port:
        made = Kube(httpx.Client(base_url=f"http://127.0.0.1:{port}"), "c")
        yield made
        made.close()


def test_the_only_pod_of_a_deployment_moves_once_from_each_node_that_goes(api: type[Api], kube: Kube) -> None:
    rolling = Rolling(kube, "seaway")
    rolling.look()
    assert api.moved == []
    api.held["nodes"][0]["spec"]["unschedulable"] = True
    rolling.look()
    rolling.look()
    assert api.moved == ["web"]
    api.held["pods"][0]["spec"]["nodeName"] = "b"
    api.held["nodes"][1]["spec"]["unschedulable"] = True
    api.held["pods"][0]["metadata"]["deletionTimestamp"] = "now"
    rolling.look()
    assert api.moved == ["web"]
    del api.held["pods"][0]["metadata"]["deletionTimestamp"]
    rolling.look()
    assert api.moved == ["web", "web"]


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held["deployments"][0]["spec"].update(replicas=3),
        lambda held: held["pods"][0]["metadata"].pop("ownerReferences"),
        lambda held: held["poddisruptionbudgets"][0]["status"].update(disruptionsAllowed=1),
        lambda held: held["poddisruptionbudgets"][0]["spec"]["selector"].update(matchExpressions=[{}]),
        lambda held: held["nodes"][0]["metadata"]["labels"].clear(),
    ],
    ids=["others", "no Deployment", "may go", "not by labels", "another group"],
)
def test_nothing_else_is_touched(api: type[Api], kube: Kube, change: Any) -> None:
    api.held["nodes"][0]["spec"]["unschedulable"] = True
    change(api.held)
    Rolling(kube, "seaway").look()
    assert api.moved == []


def test_a_cluster_that_is_away_for_a_moment_ends_nothing(api: type[Api], kube: Kube) -> None:
    rolling = Rolling(kube, "seaway")
    rolling.look()
    api.status[0] = 503
    rolling.look()
    api.status[0] = 403
    with pytest.raises(Refused):
        rolling.look()


def test_such_a_budget_stops_no_upgrade_and_others_do(api: type[Api], kube: Kube) -> None:
    seen = inside(kube)
    assert seen.budgets == (Budget("shop/web", 1, 1, lasting=True, movable=WEB),)
    assert seen.kubelets == dict.fromkeys("abc", 35)
    (found,) = _about_budgets(seen)
    assert (found.verdict, "another one is started before" in found.text) == (Verdict.NOTE, True)
    api.held["deployments"][0]["spec"]["replicas"] = 2
    (found,) = _about_budgets(inside(kube))
    assert found.verdict is Verdict.STOP


def _about_budgets(seen: Inside) -> list[Finding]:
    plane = Versioned("", "1.35", "ACTIVE", ours=True)
    group = Versioned("seaway", "1.35", "ACTIVE", ours=True, scope={"nodegroupName": "seaway"})
    cluster = Cluster(plane, (group,), (), {}, (Insight("Skew", "PASSING", ""),), seen)
    return [each for each in findings(cluster, "1.36", "shop") if "PodDisruptionBudget" in each.text]
