"""What is counted of both sides, one tick after the other."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

Latency = tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """One side in one tick: what ended since the tick before, never totals.

    errors are answers with a 5xx status, failed connections, resets and timeouts. latency is a histogram:
    (upper bound in milliseconds, requests in this bucket), rising, the last bound infinite.
    """

    requests: int
    errors: int
    latency: Latency = ()


class Pair(NamedTuple):
    """Requests of both sides, and how many of them were hits: failed, or slower than a bound."""

    old: int = 0
    old_hits: int = 0
    new: int = 0
    new_hits: int = 0

    def plus(self, other: Pair) -> Pair:
        return Pair(
            self.old + other.old,
            self.old_hits + other.old_hits,
            self.new + other.new,
            self.new_hits + other.new_hits,
        )

    def minus(self, other: Pair) -> Pair:
        return Pair(
            self.old - other.old,
            self.old_hits - other.old_hits,
            self.new - other.new,
            self.new_hits - other.new_hits,
        )


def failures(old: Seen, new: Seen) -> Pair:
    """Count the failed requests; a failure whose request was counted in an earlier tick is a request too."""
    return Pair(max(old.requests, old.errors), old.errors, max(new.requests, new.errors), new.errors)


def idle(latency: Latency) -> bool:
    """Tell whether a histogram counts nothing."""
    return not sum([count for _, count in latency])


def beyond(latency: Latency, *bounds: float) -> list[int]:
    """Count the requests above bounds that are edges of the histogram, each: no interpolation."""
    counts = [count for _, count in latency]
    edges = [upper for upper, _ in latency]
    return [sum(counts[bisect_right(edges, bound) :]) for bound in bounds]
