"""Letting nodes go while EKS rolls a node group: what a budget holds for ever moves first."""

from __future__ import annotations

from typing import Final

from seaway.errors import SeawayError
from seaway.kit.kube import Kube, Ref
from seaway.providers.eks.versions import pods_of
from seaway.steps.moving import deployment_of, start_another

#: The label by which EKS says which of its groups a node is of (EKS user guide, Managed node groups).
GROUP: Final = "eks.amazonaws.com/nodegroup"


class Rolling:
    """Has the only pod of a Deployment move off a node of a group that takes no new pods, once for each node.

    EKS asks for a quarter of an hour whether such a pod may be evicted, and gives the whole update up then.
    """

    def __init__(self, kube: Kube, group: str) -> None:
        self._kube, self._group = kube, group
        self._moved: set[tuple[str, Ref]] = set()

    def look(self) -> None:
        """Move what must move now. A cluster that does not answer is asked again at the next look."""
        try:
            nodes = self._kube.list("v1", "Node", labels=f"{GROUP}={self._group}")
            going = {each["metadata"]["name"] for each in nodes if each.get("spec", {}).get("unschedulable")}
            if going:
                self._move_from(going)
        except SeawayError as error:
            if not error.retryable:
                raise

    def _move_from(self, going: set[str]) -> None:
        budgets = self._kube.list("policy/v1", "PodDisruptionBudget")
        held = [each for each in budgets if not each.get("status", {}).get("disruptionsAllowed", 0)]
        for pod in (pod for budget in held for pod in pods_of(self._kube, budget)):
            node, meta = pod["spec"].get("nodeName", ""), pod["metadata"]
            besides = {deployment for at, deployment in self._moved if at == node}
            if node not in going or "deletionTimestamp" in meta:
                continue
            if found := deployment_of(self._kube, meta, besides):
                self._moved.add((node, found))
                start_another(self._kube, found)
