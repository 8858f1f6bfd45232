"""EKS Auto Mode of a rehearsal: its NodePools, served by the autoscaler of a local cluster, with real nodes.

What shall always run stands as local nodes do. A pool that adds has a shadow of this machine's class, which
Karpenter serves; until the shadow and its nodes are gone, the pool does not go either.
"""

from __future__ import annotations

from typing import Any, Final

from seaway.kit.kube import Kube, Manifest, Ref
from seaway.model.event import Report
from seaway.model.manifests import differences
from seaway.model.pools import CLASS, OF, POOL, STANDING, drawn
from seaway.providers.local.clusters import LocalClusters
from seaway.twin.controller import Controller

_LOCAL: Final = ("seaway.dev/v1alpha1", "LocalNodeClass")
_SHADOW: Final = ".here"
_HOLD: Final = "twin.seaway.dev/nodes"
_ANY: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
#: The kind that EKS has in such a cluster; only that it is there is played.
DEFINITION: Final[dict[str, Any]] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "nodeclasses.eks.amazonaws.com"},
    "spec": {
        "group": "eks.amazonaws.com",
        "scope": "Cluster",
        "names": {
            "kind": CLASS[1],
            "listKind": "NodeClassList",
            "plural": "nodeclasses",
            "singular": "nodeclass",
        },
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": _ANY}}],
    },
}


class Pools(Controller):
    """Does what the NodePools of a cluster say, in the background until it is closed."""

    def __init__(self, kube: Kube, local: LocalClusters, name: str, size: str, report: Report) -> None:
        self._local, self._name, self._size, self._report = local, name, size, report
        super().__init__(kube)

    def _provide(self) -> None:
        pools = {each["metadata"]["name"]: each for each in self._kube.list(*POOL)}
        for name, pool in pools.items():
            if name == STANDING:
                self._stand(pool["spec"]["replicas"])
            elif group(pool) == CLASS[0].partition("/")[0]:
                self._add(pool, pools.get(f"{name}{_SHADOW}"))

    def _stand(self, wanted: int) -> None:
        """Have just so many nodes stand, and say whose they are."""
        found = self._local.get(self._name)
        if len(found.standing) != wanted:
            added = len(found.nodes) - len(found.standing)
            found = self._local.scale(self._name, wanted + added, self._size, self._report)
        # A Node says only after a moment that it was added; this machine knows it from the first.
        standing = {each.name for each in found.standing}
        for each in self._kube.list("v1", "Node"):
            if each["metadata"]["name"] in standing and OF not in each["metadata"]["labels"]:
                self._kube.patch(Ref.of(each), {"metadata": {"labels": {OF: STANDING}}})

    def _add(self, pool: Manifest, there: Manifest | None) -> None:
        """Have a pool's shadow be as the pool is, and go before it."""
        name, kept = pool["metadata"]["name"], _HOLD in pool["metadata"].get("finalizers", [])
        if "deletionTimestamp" in pool["metadata"]:
            if there:
                self._kube.delete(Ref.of(there), propagation="Foreground")
            elif kept:
                self._kube.patch(Ref.of(pool), {"metadata": {"finalizers": _others(pool)}})
            return
        if not kept:
            held = {"finalizers": [*_others(pool), _HOLD]}
            self._kube.patch(Ref.of(pool), {"metadata": held})
        wanted = shadow(pool, self._size)
        if there is None or differences(wanted, there):
            self._kube.apply(_head(_LOCAL, name))
            self._kube.apply(wanted)


def group(pool: Manifest) -> str:
    """Tell whose class the nodes of a pool are of."""
    return str(pool["spec"]["template"]["spec"]["nodeClassRef"]["group"])


def shadow(pool: Manifest, size: str) -> Manifest:
    """Write the same pool with nodes of this machine, all of one size, which stands for any instance type."""
    name, spec = pool["metadata"]["name"], pool["spec"]
    limits = {"nodes": spec["limits"]["nodes"]}  # how many CPUs a node has is another matter here
    template = drawn(_LOCAL, name, [size], expireAfter="Never")
    shaped = {"limits": limits, "disruption": spec["disruption"], "template": template}
    return {**_head(POOL, f"{name}{_SHADOW}"), "spec": shaped}


def _head(kind: tuple[str, str], name: str) -> Manifest:
    return {"apiVersion": kind[0], "kind": kind[1], "metadata": {"name": name}}


def _others(pool: Manifest) -> list[str]:
    return [each for each in pool["metadata"].get("finalizers", []) if each != _HOLD]
