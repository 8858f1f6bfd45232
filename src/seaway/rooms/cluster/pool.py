"""What an autoscaler may add to the nodes that stand: a NodePool, as Karpenter has them on every cloud."""

from __future__ import annotations

from typing import Final

from seaway.model.manifests import Manifest, labels
from seaway.model.pools import POOL, added_on_eks, adding, drawn
from seaway.rooms.cluster.spec import LOCAL_SIZES, NodesSpec

ROOM: Final = "cluster"
CLASS: Final = ("seaway.dev/v1alpha1", "LocalNodeClass")


def node_class(system: str) -> Manifest:
    """Say that the pool's nodes are those of this machine."""
    return _object(CLASS, system)


def pool(system: str, nodes: NodesSpec, standing: int) -> Manifest:
    """Let nodes be added to those that stand, up to `nodes.max`, and none larger than `nodes.size`."""
    sizes = LOCAL_SIZES[: LOCAL_SIZES.index(nodes.size) + 1]
    template = drawn(CLASS, system, sizes, expireAfter="Never")
    most = max(0, nodes.max - max(nodes.min, standing))
    return {**_object(POOL, system), "spec": adding(most, template, [{"nodes": "100%"}])}


def pool_on_eks(system: str, nodes: NodesSpec, size: str) -> Manifest:
    """Let EKS Auto Mode add nodes of a size to those that stand, which are `nodes.min`, up to `nodes.max`."""
    return {**_object(POOL, system), "spec": added_on_eks(nodes.max - nodes.min, size)}


def _object(kind: tuple[str, str], system: str) -> Manifest:
    version, name = kind
    meta = {"name": system, "labels": labels(system, ROOM, system)}
    return {"apiVersion": version, "kind": name, "metadata": meta}
