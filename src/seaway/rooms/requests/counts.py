"""Requests by service: what a proxy counted (`parse`), what of it is a service's, and how many a second.

Pure. The engine counts alike for clusters on this machine (engine/local/counter.go).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from urllib.parse import quote

from seaway.model.gateway import cluster

#: Seconds between two readings of the proxies, over what a rate is made, and how old the last may be.
READING: Final = 3.0
WINDOW: Final = 15.0
STALE: Final = 10.0
#: What a proxy is asked for (Envoy: admin, /stats/prometheus).
_WANTED: Final = r"^cluster\.httproute/.+\.upstream_rq_completed$"
QUERY: Final = f"/stats/prometheus?usedonly&filter={quote(_WANTED, safe='')}"
_LINE: Final = re.compile(
    r'^envoy_cluster_upstream_rq_completed\{(?:[^}]*,)?envoy_cluster_name="([^"]+)"[^}]*\} ([0-9]+)$',
    re.MULTILINE,
)

#: What one proxy counted since it began, by Envoy cluster.
Counts = Mapping[str, int]


@dataclass(frozen=True)
class Look:
    """What all proxies of a gateway, by pod, had counted at one moment, in seconds of a clock."""

    at: float
    proxies: Mapping[str, Counts]


def parse(text: str) -> dict[str, int]:
    """Read one proxy's answer; what is no count of requests is passed over."""
    return {name: int(number) for name, number in _LINE.findall(text)}


def kept(looks: Iterable[Look], seen: Look) -> tuple[Look, ...]:
    """Add a look, and forget those that lie before the window."""
    return tuple(each for each in (*looks, seen) if seen.at - each.at <= WINDOW)


def rate(looks: Collection[Look], clusters: Collection[str], now: float) -> float | None:
    """Give the requests a second that came to these Envoy clusters together.

    None where that is not known, which is not none at all: by a zero the autoscaler would take pods away.
    """
    ordered = list(looks)
    if len(ordered) < 2 or now - ordered[-1].at > STALE:  # noqa: PLR2004  (a rate is between two)
        return None
    # When a proxy that was not seen before counted what it tells is not known.
    risen = sum(
        _risen(before.proxies[proxy], counts, clusters)
        for before, later in pairwise(ordered)
        for proxy, counts in later.proxies.items()
        if proxy in before.proxies
    )
    return risen / (ordered[-1].at - ordered[0].at)


def leading_to(service: str, routes: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Name the Envoy clusters of all backends of these HTTPRoutes that are this Service."""
    return frozenset(
        cluster(route["metadata"]["namespace"], route["metadata"]["name"], number, place)
        for route in routes
        for number, rule in enumerate(route["spec"].get("rules") or ())
        for place, ref in enumerate(rule.get("backendRefs") or ())
        if ref.get("kind", "Service") == "Service" and ref["name"] == service
    )


def _risen(before: Counts, now: Counts, clusters: Collection[str]) -> int:
    """Count from 0 where a proxy began anew."""
    pairs = [(before.get(each, 0), now.get(each, 0)) for each in clusters]
    return sum(later - earlier if later >= earlier else later for earlier, later in pairs)
