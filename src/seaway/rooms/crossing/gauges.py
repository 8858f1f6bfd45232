"""The gateway's statistics by crossing and side: what a proxy says (`parse`), what happened since (`since`).

Pure. A proxy gives them as text in Prometheus' format at port 19001 (Envoy: admin, /stats/prometheus; Envoy
Gateway: the stats listener). Counters come at once, histograms once a second (room edge: the bootstrap).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from seaway.rooms.crossing.guards import Seen
from seaway.rooms.crossing.sides import Side, whose

#: What is read of an Envoy cluster (Envoy: cluster manager statistics).
_NAMES: Final = "completed|5xx|retry_success|time"
_LINE: Final = re.compile(
    r"^envoy_cluster_upstream_rq_(completed|xx|retry_success|time_bucket)\{([^}]*)\} ([0-9]+)$", re.MULTILINE
)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
_5XX: Final = "5"


@dataclass(frozen=True)
class Count:
    """One side of one crossing since its proxy began.

    `buckets` is a cumulative histogram: upper bound in milliseconds, requests not above it; rising.
    """

    requests: int = 0
    errors: int = 0
    buckets: tuple[tuple[float, int], ...] = ()

    def rises_to(self, later: Count) -> bool:
        """Whether `later` can come after this one; a proxy that began anew counts from 0."""
        seen = dict(later.buckets)
        whole = all(seen.get(bound, 0) >= count for bound, count in self.buckets)
        return whole and later.requests >= self.requests and later.errors >= self.errors


Totals = Mapping[tuple[str, Side], Count]
NOTHING: Final = Count()


def query(crossings: Iterable[str] = ()) -> str:
    """Give the path and query that ask a proxy for no more than this of these crossings, or of all."""
    names = "|".join(sorted(re.escape(name) for name in crossings)) or "[^/]+"
    place = rf"httproute/[^/]+/crossing-({names})/rule/[0-9]+/backend/[01]"
    wanted = rf"^cluster\.{place}\.upstream_rq_({_NAMES})$"
    return f"/stats/prometheus?usedonly&filter={quote(wanted, safe='')}"


QUERY: Final = query()


def parse(text: str) -> Totals:
    """Read one proxy's answer; what is not of a crossing is passed over.

    An error is a request that ended with 5xx, whoever made that answer (a failed connection, a reset and a
    timeout become 503 or 504), or one that the other attempt had to save: `retry_success`. Either way it is
    counted once.
    """
    found: dict[tuple[str, Side], _Sum] = {}
    for kind, labels, number in _LINE.findall(text):
        given = dict(_LABEL.findall(labels))
        owner = whose(given.get("envoy_cluster_name", ""))
        if owner is None:
            continue
        found.setdefault((owner[1], owner[2]), _Sum()).add(kind, given, int(number))
    return MappingProxyType({key: each.count() for key, each in found.items()})


def since(before: Mapping[str, Totals], now: Mapping[str, Totals]) -> dict[str, tuple[Seen, Seen]]:
    """Add up what all proxies (by pod's name) did between two looks: old and new side of each crossing.

    A proxy that was not seen before tells nothing yet: when it did what it counted is not known.
    """
    steps: dict[tuple[str, Side], list[tuple[Count, Count]]] = {}
    for pod in now.keys() & before.keys():
        for key, later in now[pod].items():
            earlier = before[pod].get(key, NOTHING)
            steps.setdefault(key, []).append((earlier if earlier.rises_to(later) else NOTHING, later))
    names = {crossing for crossing, _ in steps}
    return {name: (_seen(steps, name, Side.OLD), _seen(steps, name, Side.NEW)) for name in names}


class _Sum:
    """Adds up the clusters of one side: the rules of a route have one each."""

    def __init__(self) -> None:
        self.requests = self.errors = 0
        self.buckets: dict[float, int] = {}

    def add(self, kind: str, labels: Mapping[str, str], number: int) -> None:
        if kind == "completed":
            self.requests += number
        elif kind == "time_bucket":
            bound = float(labels["le"])
            self.buckets[bound] = self.buckets.get(bound, 0) + number
        elif kind == "retry_success" or labels.get("envoy_response_code_class") == _5XX:
            self.errors += number

    def count(self) -> Count:
        return Count(self.requests, self.errors, tuple(sorted(self.buckets.items())))


def _seen(steps: Mapping[tuple[str, Side], list[tuple[Count, Count]]], crossing: str, side: Side) -> Seen:
    pairs = steps.get((crossing, side), [])
    latency: dict[float, int] = {}
    for earlier, later in pairs:
        known, below = dict(earlier.buckets), 0
        for bound, count in later.buckets:
            risen = count - known.get(bound, 0)
            latency[bound] = latency.get(bound, 0) + risen - below
            below = risen
    return Seen(
        requests=sum(later.requests - earlier.requests for earlier, later in pairs),
        errors=sum(later.errors - earlier.errors for earlier, later in pairs),
        latency=tuple(sorted(latency.items())),
    )
