"""Taking the pods off a node before it goes: cordon, evict, wait.

Kubernetes: Safely Drain a Node; API-initiated Eviction.
"""

from __future__ import annotations

import time
from typing import Any, Final

from seaway.errors import Unready
from seaway.kit.kube import Kube, Ref
from seaway.model.event import Event, Outcome, Report
from seaway.steps.moving import deployment_of, start_another

PATIENCE: Final = 600.0


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
    """Have another pod started, once, where this is the only one of a Deployment."""
    if found := deployment_of(kube, pod, moved):
        moved.add(found)
        start_another(kube, found)


def _pods(kube: Kube, node: str) -> list[dict[str, Any]]:
    """Pods that must leave: those of DaemonSets and static ones belong to the node itself."""
    found = kube.list("v1", "Pod", fields=f"spec.nodeName={node}")
    return [
        pod
        for pod in found
        if not any(o["kind"] in {"DaemonSet", "Node"} for o in pod["metadata"].get("ownerReferences", []))
    ]
