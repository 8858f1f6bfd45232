"""The port Ground: what one environment has on AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seaway.model.bill import Bill
from seaway.model.event import Report
from seaway.model.plan import Change
from seaway.providers.eks import making
from seaway.providers.eks.acm import Public, arn_of, stale
from seaway.providers.eks.cloud import explained
from seaway.providers.eks.clusters import ZONES, EksClusters
from seaway.providers.eks.nodes import Wanted
from seaway.providers.eks.prices import bill


@dataclass(frozen=True)
class EksGround:
    """Implements ports/ground.py: a cluster with the nodes that are wanted.

    `volumes` are the gigabytes of those that its databases ask for, by name: they are paid for too.
    """

    clusters: EksClusters
    name: str
    wanted: Wanted
    volumes: Mapping[str, float] = field(default_factory=dict)

    def look(self) -> tuple[tuple[Change, ...], Bill, tuple[str, ...]]:
        changes, parts, notes = self.clusters.look(self.name, self.wanted)
        region = self.clusters.cloud.region
        return changes, bill(region, parts, self.volumes, ZONES, self.wanted.added), notes

    def ensure(self, report: Report) -> None:
        self.clusters.ensure(self.name, self.wanted, report)

    def certificate(self) -> str:
        with explained("AWS refused to show the certificate"):
            return arn_of(self.clusters.cloud, self.name, self.clusters.public)

    def let_go(self, report: Report, *, leaving: bool = False) -> None:
        public, cloud = self.clusters.public, self.clusters.cloud
        kept = Public(public.system) if leaving and public else public
        with self.clusters.changing(self.name, report):
            seen = making.look(cloud, self.name)
            making.discard(cloud, self.name, stale(kept, seen), seen, report)

    def removals(self) -> tuple[Change, ...]:
        return self.clusters.propose_end(self.name).changes
