"""Taking the pods off a node before it goes: cordon, evict, wait.

Kubernetes: Safely Drain a Node; API-initiated Eviction.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

from seaway.errors import Unready
from seaway.kit.kube import Kube, Ref
from seaway.model.event import Event, Outcome, Report

PATIENCE: Final = 600.0
#: Annotation of a Deployment's template: when a drain had it start other pods.
MOVED: Final = "seaway.dev/moved-at"


def drain(kube: Kube, node: str, report: Report) -> None:
    """Evict every pod but those of DaemonSets; budgets are kept by asking again until they allow it.

    Where a budget keeps the only pod of a Deployment, another one is started first.

    Raises Unready where pods are still there after ten minutes; the node then stays, cordoned.
    """
    kube.patch(Ref("v1", "Node", node), {"spec": {"unschedulable": True}})
    end = time.monotonic() + PATIENCE
    told, moved = 0.0, set[Ref]()
    while pods := _pods(kube, node):
        for pod in pods:
            meta = pod["metadata"]
            if "deletionTimestamp" not in meta and not kube.evict(meta["namespace"], meta["name"]):
                _replace(kube, meta, moved)
        now = time.monotonic()
        names = ", ".join(pod["metadata"]["name"] for pod in pods[:3])
        if now > end:
            raise Unready(
                f"node {node} cannot be drained",
                why=f"still there: {names}",
                remedy="see the pods' PodDisruptionBudgets; the node stays, and takes no new pods",
            )
        if now > told + 1:
            report(
                Event(f"drain/{node}", Outcome.PROGRESS, f"waiting for {len(pods)} pods of {node}: {names}")
            )
            told = now
        time.sleep(0.2)


def _replace(kube: Kube, pod: dict[str, Any], moved: set[Ref]) -> None:
    """Roll a Deployment over, once, whose only pod this is: it starts the new one before it ends the old."""
    owners = [o["name"] for o in pod.get("ownerReferences", []) if o["kind"] == "ReplicaSet"]
    ref = Ref("apps/v1", "Deployment", owners[0].rpartition("-")[0] if owners else "", pod["namespace"])
    found = kube.get(ref) if owners and ref not in moved else None
    if found and found["spec"].get("replicas") == 1:
        moved.add(ref)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        kube.patch(ref, {"spec": {"template": {"metadata": {"annotations": {MOVED: at}}}}})


def _pods(kube: Kube, node: str) -> list[dict[str, Any]]:
    """Pods that must leave: those of DaemonSets and static ones belong to the node itself."""
    found = kube.list("v1", "Pod", fields=f"spec.nodeName={node}")
    return [
        pod
        for pod in found
        if not any(o["kind"] in {"DaemonSet", "Node"} for o in pod["metadata"].get("ownerReferences", []))
    ]
