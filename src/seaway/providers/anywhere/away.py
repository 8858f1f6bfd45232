"""What a cluster that is not on this machine has no need of, or not yet."""

from __future__ import annotations

from seaway.errors import Refused
from seaway.model.event import Report
from seaway.ports.clusters import ClusterFacts, Fleet


class Away:
    """Implements ports.Clusters over a fleet elsewhere: none of this machine's ports lead to or from it."""

    def __init__(self, fleet: Fleet, kind: str) -> None:
        self._fleet, self._kind = fleet, kind

    def find(self, name: str) -> ClusterFacts | None:
        return self._fleet.find(name)

    def get(self, name: str) -> ClusterFacts:
        """See a cluster that must be there. Raises NotFound."""
        return self._fleet.get(name)

    def list(self) -> tuple[ClusterFacts, ...]:
        return self._fleet.list()

    def create(self, name: str, nodes: int, size: str, report: Report) -> ClusterFacts:
        return self._fleet.create(name, nodes, size, report)

    def scale(self, name: str, nodes: int, size: str, report: Report) -> ClusterFacts:
        return self._fleet.scale(name, nodes, size, report)

    def use(self, name: str) -> str:
        return self._fleet.use(name)

    def delete(self, name: str, report: Report) -> bool:
        return self._fleet.delete(name, report)

    def autoscale(self, name: str, report: Report) -> ClusterFacts:  # noqa: ARG002
        raise self._lacking("add nodes by load")

    def count(self, name: str, report: Report) -> ClusterFacts:  # noqa: ARG002
        raise self._lacking("count requests outside of pods")

    def check_ports(self, name: str, ports: tuple[int, ...]) -> None:
        """Nothing leads from this machine to it, so nothing can be taken."""

    def publish(
        self,
        name: str,  # noqa: ARG002
        ports: dict[int, tuple[str, int]],  # noqa: ARG002
        report: Report,  # noqa: ARG002
        udp: tuple[int, ...] = (),  # noqa: ARG002
    ) -> None:
        raise self._lacking("be reached at ports of this machine")

    def admit(self, name: str, ports: tuple[int, ...], report: Report) -> None:  # noqa: ARG002
        raise self._lacking("reach ports of this machine")

    def kubeconfig(self, name: str) -> str:  # noqa: ARG002
        raise self._lacking("be looked through for images")

    def _lacking(self, what: str) -> Refused:
        return Refused(
            f"a cluster on: {self._kind} cannot {what}",
            remedy="do it in a local environment: --on NAME",
        )
