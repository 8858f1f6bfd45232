"""What an autoscaler may add to the nodes that stand: a NodePool, as Karpenter has them on every cloud."""

from __future__ import annotations

from typing import Any, Final

from seaway.model.manifests import Manifest, labels
from seaway.rooms.cluster.spec import LOCAL_SIZES, NodesSpec

ROOM: Final = "cluster"
POOL: Final = ("karpenter.sh/v1", "NodePool")
CLASS: Final = ("seaway.dev/v1alpha1", "LocalNodeClass")


def node_class(system: str) -> Manifest:
    """Say that the pool's nodes are those of this machine."""
    return _object(CLASS, system)


def pool(system: str, nodes: NodesSpec, standing: int) -> Manifest:
    """Let nodes be added to those that stand, up to `nodes.max`, and none larger than `nodes.size`.

    Needless ones go at once: that pods leave slowly is the pods' autoscaler's to see to.
    """
    group, _, _ = CLASS[0].partition("/")
    sizes = LOCAL_SIZES[: LOCAL_SIZES.index(nodes.size) + 1]
    spec: dict[str, Any] = {
        "limits": {"nodes": str(max(0, nodes.max - max(nodes.min, standing)))},
        "disruption": {
            "consolidationPolicy": "WhenEmptyOrUnderutilized",
            "consolidateAfter": "0s",
            "budgets": [{"nodes": "100%"}],
        },
        "template": {
            "spec": {
                "nodeClassRef": {"group": group, "kind": CLASS[1], "name": system},
                "expireAfter": "Never",
                "requirements": [
                    {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
                    {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": [*sizes]},
                ],
            }
        },
    }
    return {**_object(POOL, system), "spec": spec}


def _object(kind: tuple[str, str], system: str) -> Manifest:
    version, name = kind
    meta = {"name": system, "labels": labels(system, ROOM, system)}
    return {"apiVersion": version, "kind": name, "metadata": meta}
