"""Clusters, wherever they come from."""

from __future__ import annotations

from typing import Protocol

from seaway.model.cluster import ClusterFacts, NodeFacts
from seaway.model.event import Report

__all__ = ["ClusterFacts", "Clusters", "Fleet", "NodeFacts"]


class Fleet(Protocol):
    """Makes, finds and removes clusters."""

    def find(self, name: str) -> ClusterFacts | None:
        """See the cluster as it is now, without changing anything."""

    def get(self, name: str) -> ClusterFacts:
        """See a cluster that must be there. Raises NotFound."""

    def list(self) -> tuple[ClusterFacts, ...]:
        """See every cluster of this provider."""

    def create(self, name: str, nodes: int, size: str, report: Report) -> ClusterFacts:
        """Make it, or finish or heal one that is there; ready for work on return."""

    def scale(self, name: str, nodes: int, size: str, report: Report) -> ClusterFacts:
        """Add nodes of `size`, or drain and remove some: those of the autoscaler first, then the youngest."""

    def use(self, name: str) -> str:
        """Make its context the current one of the user's kubeconfig; gives the context. Raises NotFound."""

    def delete(self, name: str, report: Report) -> bool:
        """Remove it and everything it left; nothing to do is fine. Gives whether it was there."""


class Clusters(Fleet, Protocol):
    """Clusters that an environment can run on: what systems need beyond nodes."""

    def autoscale(self, name: str, report: Report) -> ClusterFacts:
        """Have an autoscaler add and remove nodes as NodePools say; without one it does nothing."""

    def count(self, name: str, report: Report) -> ClusterFacts:
        """Have the requests through the gateway be a custom metric; where somebody serves these, say so."""

    def check_ports(self, name: str, ports: tuple[int, ...]) -> None:
        """See that these loopback ports may lead to the cluster. Raises Busy or Refused where one may not."""

    def publish(
        self, name: str, ports: dict[int, tuple[str, int]], report: Report, udp: tuple[int, ...] = ()
    ) -> None:
        """Let loopback ports of this machine lead to addresses in the cluster; {} takes them back.

        TCP does; those of `udp` do for datagrams too.
        """

    def admit(self, name: str, ports: tuple[int, ...], report: Report) -> None:
        """Let pods reach these loopback TCP ports of this machine at the cluster's `outside` address."""

    def kubeconfig(self, name: str) -> str:
        """Path of a kubeconfig file that reaches the cluster as its administrator."""
