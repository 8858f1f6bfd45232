"""An API server of a cluster that is only played: it shows the nodes of its groups to who brings a token."""

from __future__ import annotations

from typing import Any

from seaway.twin.eks import Eks
from seaway.twin.wire import Handler

#: The PodDisruptionBudgets of a cluster, by `region/name`.
BUDGETS: dict[str, list[dict[str, Any]]] = {}


class ApiServer(Handler):
    def _answer(self) -> None:
        region, name, *rest = self.path.partition("?")[0].strip("/").split("/")
        if not self.headers.get("Authorization", "").startswith("Bearer k8s-aws-v1."):
            self.send(401, {"kind": "Status", "message": "Unauthorized"})
        elif rest[-1] == "nodes":
            with self.lock:
                self.send(200, {"kind": "NodeList", "items": nodes(self.regions[region], name)})
        elif rest[-1] == "poddisruptionbudgets":
            self.send(200, {"kind": "PodDisruptionBudgetList", "items": BUDGETS.get(f"{region}/{name}", [])})
        elif rest[-1] == "v1" and "policy" in rest:
            budgets = {"name": "poddisruptionbudgets", "kind": "PodDisruptionBudget", "namespaced": True}
            self.send(200, {"resources": [budgets]})
        else:
            self.send(200, {"resources": [{"name": "nodes", "kind": "Node", "namespaced": False}]})

    do_GET = _answer  # noqa: N815


def nodes(held: Eks, cluster: str) -> list[dict[str, Any]]:
    """What Kubernetes would show of the node groups of a cluster."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": f"ip-10-0-0-{i}.{held.region}.compute.internal",
                "labels": {"node.kubernetes.io/instance-type": group["instanceTypes"][0]},
            },
            "status": {
                "addresses": [{"type": "InternalIP", "address": f"10.0.0.{i}"}],
                "conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {"kubeletVersion": f"v{group['version']}.1-eks-1"},
            },
        }
        for (name, _), group in held.groups.items()
        if name == cluster and group["status"] == "ACTIVE"
        for i in range(group["scalingConfig"]["desiredSize"])
    ]
