"""What was learnt from the past, always before the tick that it is used for."""

from __future__ import annotations

import math
from itertools import accumulate
from operator import add
from typing import Final, NamedTuple

from seaway.rooms.crossing.guards.rules import GRACE
from seaway.rooms.crossing.guards.seen import Latency, Pair

#: The parts of the requests above the bounds that are compared: median, p90, and around the p99.
LEVELS: Final = (0.5, 0.1, 0.02, 0.005)

_LONG: Final = 10_000
_FEW: Final = 5
_EVEN: Final = 1 - 1e-9
#: A bound stays while the part above it is so many times the one that is wanted.
_LEAST, _MOST = 0.25, 1.5


class Mark(NamedTuple):
    """Two bounds in milliseconds, both edges of buckets, and the part of the old side's above its own."""

    old: float
    new: float
    base: float


Marks = tuple[Mark | None, ...]
NO_MARKS: Final[Marks] = (None,) * len(LEVELS)


class Memory(NamedTuple):
    """The counts of some time ago and before that, and the old side's latencies, halved now and then."""

    ago: Pair = Pair()
    before: Pair = Pair()
    latency: tuple[int, ...] = ()

    def usual(self, now: Pair) -> float:
        """Give the usual share of failures of both sides, 1 % where nothing is known."""
        pair = now.minus(self.before)
        return (pair.old_hits + pair.new_hits + 1) / (pair.old + pair.new + 100)

    def learn(self, now: Pair, seen: Latency) -> Memory:
        """Take in one tick: the counts up to now, and the old side's latencies in it."""
        far = now.old + now.new - self.ago.old - self.ago.new > _LONG
        if not far and not seen:
            return self
        return Memory(
            now if far else self.ago,
            self.ago if far else self.before,
            self._latencies(seen) if seen else self.latency,
        )

    def _latencies(self, seen: Latency) -> tuple[int, ...]:
        if len(seen) != len(self.latency):
            return tuple([count for _, count in seen])
        counts = list(map(add, self.latency, [count for _, count in seen]))
        return tuple([count // 2 for count in counts] if sum(counts) > 2 * _LONG else counts)

    def marks(self, seen: Latency, ratio: float, before: Marks) -> Marks:
        """Choose the bounds of every level by the edges of a histogram; None where too little is known.

        Bounds that still fit stay: figures of one bound can be added up.
        """
        if len(seen) != len(self.latency):
            return NO_MARKS
        whole = sum(self.latency)
        above = {
            upper: whole - below for (upper, _), below in zip(seen, accumulate(self.latency), strict=True)
        }
        return tuple(
            [_mark(above, whole, level, ratio, had) for level, had in zip(LEVELS, before, strict=True)]
        )


def _mark(above: dict[float, int], whole: int, level: float, ratio: float, had: Mark | None) -> Mark | None:
    wanted = whole * level
    if wanted < _FEW:
        return None
    if had and wanted * _LEAST <= above.get(had.old, 0) <= wanted * _MOST:
        return had._replace(base=(above[had.old] + 1) / (whole + 2))
    old = next(upper for upper, count in above.items() if count <= wanted)
    least = max(ratio * old, old + GRACE) * _EVEN
    new = next((upper for upper in above if upper >= least), math.inf)
    return None if math.isinf(new) else Mark(old, new, (above[old] + 1) / (whole + 2))
