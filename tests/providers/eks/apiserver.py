"""API servers of clusters that are only played: they show nodes to who brings a token, and keep NodePools."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from seaway.model.pools import OF, STANDING
from seaway.twin.eks import Eks
from seaway.twin.wire import Handler

#: The PodDisruptionBudgets of a cluster, by `region/name`.
BUDGETS: dict[str, list[dict[str, Any]]] = {}
#: What is served, by its plural.
KINDS = {
    "nodes": "Node",
    "nodepools": "NodePool",
    "nodeclaims": "NodeClaim",
    "nodeclasses": "NodeClass",
    "poddisruptionbudgets": "PodDisruptionBudget",
}
#: Looks at the claims of a pool that is gone until they are gone too.
LINGER = 2
Objects = dict[str, dict[str, Any]]


class ApiServer(Handler):
    """`objects` of each region and cluster, by plural and name; `lingering` claims of pools that went."""

    objects: ClassVar[dict[tuple[str, str], Objects]] = {}
    lingering: ClassVar[dict[tuple[str, str], list[str]]] = {}

    def _answer(self) -> None:
        region, name, *rest = self.path.partition("?")[0].strip("/").split("/")
        if not self.headers.get("Authorization", "").startswith("Bearer k8s-aws-v1."):
            self.send(401, {"kind": "Status", "message": "Unauthorized"})
            return
        with self.lock:
            self.send(*self._operated((region, name), rest))

    do_GET = do_PATCH = do_DELETE = _answer  # noqa: N815

    def _operated(self, where: tuple[str, str], path: list[str]) -> tuple[int, dict[str, Any]]:
        plural = next((each for each in path if each in KINDS), "")
        if not plural:
            kinds = [{"name": name, "kind": kind, "namespaced": False} for name, kind in KINDS.items()]
            return 200, {"resources": kinds}
        kept = self.objects.setdefault(where, {}).setdefault(plural, {})
        if path[-1] == plural:
            played = {"nodes": self._nodes, "nodeclaims": self._claims, "poddisruptionbudgets": _budgets}
            return 200, {"items": played[plural](where) if plural in played else list(kept.values())}
        name = path[-1]
        if self.command == "PATCH":
            kept[name] = json.loads(self.body())
        elif self.command == "DELETE":
            self.body()
            gone = kept.pop(name, None)
            if gone and plural == "nodepools":
                self.lingering[where] = [name] * LINGER
        return (200, kept.get(name, {})) if name in kept or self.command == "DELETE" else (404, {})

    def _nodes(self, where: tuple[str, str]) -> list[dict[str, Any]]:
        region, cluster = where
        pool = self.objects[where].get("nodepools", {}).get(STANDING)
        return nodes(self.regions[region], cluster, pool)

    def _claims(self, where: tuple[str, str]) -> list[dict[str, Any]]:
        waiting = self.lingering.get(where, [])
        names = [*self.objects[where].get("nodepools", {}), *([waiting.pop()] if waiting else [])]
        return [{"metadata": {"name": f"{name}-1", "labels": {OF: name}}} for name in names]


def _budgets(where: tuple[str, str]) -> list[dict[str, Any]]:
    return BUDGETS.get("/".join(where), [])


def nodes(held: Eks, cluster: str, pool: dict[str, Any] | None) -> list[dict[str, Any]]:
    """What Kubernetes would show of the node groups of a cluster, or of the pool that always runs."""
    found = [
        (group["version"], group["instanceTypes"][0], "")
        for (name, _), group in held.groups.items()
        if name == cluster and group["status"] == "ACTIVE"
        for _ in range(group["scalingConfig"]["desiredSize"])
    ]
    compute = held.clusters[cluster].get("computeConfig", {})
    if pool and compute.get("enabled"):
        size = pool["spec"]["template"]["spec"]["requirements"][1]["values"][0]
        found += [(held.clusters[cluster]["version"], size, STANDING)] * pool["spec"]["replicas"]
    return [_node(held.region, i, *each) for i, each in enumerate(found)]


def _node(region: str, i: int, version: str, size: str, pool: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": f"ip-10-0-0-{i}.{region}.compute.internal",
            "labels": {"node.kubernetes.io/instance-type": size, **({OF: pool} if pool else {})},
        },
        "status": {
            "addresses": [{"type": "InternalIP", "address": f"10.0.0.{i}"}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": f"v{version}.1-eks-1"},
        },
    }
