"""The port Ground: what one environment has on AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seaway.model.bill import Bill
from seaway.model.event import Report
from seaway.model.plan import Change
from seaway.providers.eks.clusters import ZONES, EksClusters
from seaway.providers.eks.prices import bill


@dataclass(frozen=True)
class EksGround:
    """Implements ports/ground.py: a cluster with at least and at most so many nodes of a size.

    `volumes` are the gigabytes of those that its databases ask for, by name: they are paid for too.
    """

    clusters: EksClusters
    name: str
    nodes: tuple[int, int]
    size: str
    volumes: Mapping[str, float] = field(default_factory=dict)

    def look(self) -> tuple[tuple[Change, ...], Bill, tuple[str, ...]]:
        changes, parts, notes = self.clusters.look(self.name, self.nodes, self.size)
        return changes, bill(self.clusters.cloud.region, parts, self.volumes, ZONES), notes

    def ensure(self, report: Report) -> None:
        self.clusters.ensure(self.name, self.nodes, self.size, report)

    def removals(self) -> tuple[Change, ...]:
        return self.clusters.propose_end(self.name).changes
