"""Waiting for a cluster: an API that answers, nodes that are ready, claims that end."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from seaway.errors import SeawayError, Unready
from seaway.kit.kube import Kube, Ref
from seaway.model.event import Event, Outcome, Report
from seaway.providers.local.home import Home, NodeHome

PATIENCE: Final = 90.0
#: Taints of the node lifecycle controller (well-known labels, annotations and taints).
_AWAY: Final = {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}


def api(place: Home, kube: Kube) -> None:
    """Wait until the API server is ready. Raises Unready."""
    end = time.monotonic() + PATIENCE
    while not kube.ready():
        if time.monotonic() > end:
            raise Unready(
                "the API server did not become ready",
                where=place.server,
                remedy=f"read {place.logs}/kube-apiserver/current and {place.logs}/etcd/current",
            )
        time.sleep(0.1)


def patiently(kube: Kube, manifests: Iterable[dict[str, Any]]) -> None:
    """Apply each, again for a while: a young API server refuses what its own start has yet to make."""
    for manifest in manifests:
        for attempt in range(40):
            try:
                kube.apply(manifest)
            except SeawayError:
                if attempt == 39:  # noqa: PLR2004
                    raise
                time.sleep(0.25)
            else:
                break


def kinds(kube: Kube, wanted: Collection[tuple[str, str]]) -> None:
    """Wait until the API server serves these kinds, by group and version. Raises Unready."""
    end = time.monotonic() + PATIENCE
    while missing := [kind for version, kind in wanted if not kube.serves(version, kind)]:
        if time.monotonic() > end:
            raise Unready(f"the API server does not serve {missing[0]}", remedy="run the command again")
        time.sleep(0.1)


def nodes(kube: Kube, wanted: Sequence[NodeHome], since: str = "") -> None:
    """Wait until the nodes take pods, and have renewed their leases `since` then.

    A node that was switched off stays ready on paper for a while. Raises Unready.
    """
    missing = {each.name: each for each in wanted}
    end = time.monotonic() + PATIENCE
    while missing:
        leases = kube.list("coordination.k8s.io/v1", "Lease", namespace="kube-node-lease") if since else []
        awake = {lease["metadata"]["name"] for lease in leases if lease["spec"].get("renewTime", "") > since}
        for item in kube.list("v1", "Node"):
            if _takes_pods(item) and (not since or item["metadata"]["name"] in awake):
                missing.pop(item["metadata"]["name"], None)
        if missing and time.monotonic() > end:
            name, first = next(iter(missing.items()))
            raise Unready(
                f"node {name} did not become ready",
                remedy=f"read {first.cluster.logs}/node-{first.number}/kubelet/current",
            )
        time.sleep(0.1 if missing else 0)


def ended(kube: Kube, claim: Ref, seconds: float, report: Report) -> None:
    """Wait until a node's claim is gone, and the node with it. Raises Unready."""
    end, told = time.monotonic() + seconds, 0.0
    while kube.get(claim) is not None:
        now = time.monotonic()
        if now > end:
            raise Unready(
                f"{claim.name} is still there after {seconds:.0f} s",
                why="a PodDisruptionBudget keeps its pods, or the autoscaler does not run",
                remedy=f"kubectl describe nodeclaim {claim.name}",
            )
        if now > told + 1:
            report(Event(f"drain/{claim.name}", Outcome.PROGRESS, f"the autoscaler drains {claim.name}"))
            told = now
        time.sleep(0.1)


def is_ready(item: dict[str, Any]) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _takes_pods(node: dict[str, Any]) -> bool:
    """Ready, and no longer tainted for not having been: a controller takes that off, a moment later."""
    return is_ready(node) and not any(each["key"] in _AWAY for each in node["spec"].get("taints", ()))
