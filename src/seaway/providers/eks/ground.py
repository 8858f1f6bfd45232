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
from seaway.providers.eks.rights import Proving, needless


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

    def ensure(self, report: Report, *, keep: bool = False) -> None:
        self.clusters.ensure(self.name, self.wanted, report, keep=keep)

    def certificate(self) -> str:
        with explained("AWS refused to show the certificate"):
            return arn_of(self.clusters.cloud, self.name, self.clusters.public)

    def let_go(self, report: Report, *, leaving: bool = False) -> None:
        public, cloud = self.clusters.public, self.clusters.cloud
        kept = Public(public.system) if leaving and public else public
        with self.clusters.changing(self.name, report):
            seen = making.look(cloud, self.name)
            gone = (*self._rights(seen, leaving=leaving), *stale(kept, seen))
            making.discard(cloud, self.name, gone, seen, report)

    def _rights(self, seen: making.Seen, *, leaving: bool) -> tuple[str, ...]:
        """Name what the pilot of a system that leaves has in AWS."""
        proving = self.clusters.proving
        return needless(Proving(proving.system), seen) if leaving and proving else ()

    def removals(self) -> tuple[Change, ...]:
        return self.clusters.propose_end(self.name).changes
