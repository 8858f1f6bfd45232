"""One cluster that somebody else made and keeps, through a context of the user's kubeconfig."""

from __future__ import annotations

from contextlib import closing

from seaway.errors import NotFound, Refused
from seaway.kit import kubeconfig
from seaway.kit.kube import Kube
from seaway.model.cluster import ClusterFacts, NodeFacts
from seaway.model.event import Report


class ContextClusters:
    """Implements ports.Fleet for the cluster behind a context; it is never made, scaled or removed."""

    def __init__(self, context: str) -> None:
        self._context = context

    def connect(self) -> Kube:
        """Reach it as the context says. Raises NotFound where there is no such context."""
        file = kubeconfig.holding(self._context)
        try:
            return Kube.from_kubeconfig(str(file), self._context)
        except NotFound as error:
            raise NotFound(
                f"there is no context {self._context} in your kubeconfig",
                where=str(file),
                remedy="kubectl config get-contexts shows those that are there",
            ) from error

    def find(self, name: str) -> ClusterFacts | None:
        return self.get(name)

    def get(self, name: str) -> ClusterFacts:
        """See the cluster. Raises NotFound without the context, Unreachable where it does not answer."""
        with closing(self.connect()) as kube:
            nodes = tuple(NodeFacts.of(item) for item in kube.list("v1", "Node"))
            return ClusterFacts(name, self._context, kube.address, "running", nodes)

    def list(self) -> tuple[ClusterFacts, ...]:
        return (self.get(self._context),)

    def create(self, name: str, nodes: int, size: str, report: Report) -> ClusterFacts:  # noqa: ARG002
        raise self._theirs("made")

    def scale(self, name: str, nodes: int, size: str, report: Report) -> ClusterFacts:  # noqa: ARG002
        raise self._theirs("scaled")

    def use(self, name: str) -> str:  # noqa: ARG002
        kubeconfig.use(self._context)
        return self._context

    def delete(self, name: str, report: Report) -> bool:  # noqa: ARG002
        raise self._theirs("removed")

    def _theirs(self, what: str) -> Refused:
        return Refused(
            f"the cluster behind context {self._context} is not {what} by Seaway",
            why="somebody else made it and keeps it",
            remedy="ask them, or choose an environment on: eks or on: local",
        )
