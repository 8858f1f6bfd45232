"""One side on its own: whether its share of hits is above a limit.

H0: in every tick p <= limit. The factor is the likelihood ratio of q > limit against the limit itself, which
is an E-variable for all p below (Wald 1945; Grünwald, de Heide and Koolen, "Safe testing", 2024).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

from seaway.rooms.crossing.guards.seen import Pair
from seaway.rooms.crossing.guards.stakes import NO_RUN, Run, Wealth, evidence, grown, stakes

#: How many alternatives there are, and the last of them: all but dead.
ALTERNATIVES: Final = 4
DEAD: Final = 0.9


class Tick(NamedTuple):
    """What one tick saw, and the counts, the number of ticks and the clock before it."""

    pair: Pair
    counts: Pair
    number: int
    clock: float


class Ceiling(NamedTuple):
    """The evidence that one limit is broken, as of the last tick with a hit.

    ticks and counts tell up to where it has come; what is clean since then is folded with the next hit.
    """

    wealth: Wealth = (0.0,) * ALTERNATIVES
    ticks: int = 0
    counts: Pair = Pair()
    run: Run = NO_RUN

    @property
    def evidence(self) -> float:
        return evidence(self.wealth)


@lru_cache(maxsize=256)
def _weights(limit: float) -> tuple[tuple[float, float], ...]:
    """Give what a hit and a miss weigh, per alternative: evenly spaced from the limit to dead, by ratio."""
    top = max(DEAD, (1 + limit) / 2)
    shares = [limit * (top / limit) ** (n / ALTERNATIVES) for n in range(1, ALTERNATIVES + 1)]
    return tuple((math.log(q / limit), math.log((1 - q) / (1 - limit))) for q in shares)


def logs(limit: float, requests: int, hits: int) -> list[float]:
    """Give the logarithm of each alternative's factor."""
    misses = requests - hits
    return [hits * hit + misses * miss for hit, miss in _weights(limit)]


def over(ceiling: Ceiling, limit: float, tick: Tick, *, excused: bool = False) -> Ceiling:
    """Fold a tick in which the new side was hit.

    excused: where the old side breaks the limit too, the tick counts for nothing.
    """
    pair, counts, number, clock = tick
    wealth, run = ceiling.wealth, ceiling.run
    if number > ceiling.ticks:
        had, fresh = evidence(wealth), stakes(ceiling.ticks, number)
        wealth = grown(wealth, fresh, logs(limit, counts.new - ceiling.counts.new, 0))
        run = run.after(had + fresh, evidence(wealth), clock, counts)
    now = counts.plus(pair)
    if excused and _breaks(limit, pair, now.minus(run.start) if run.score else pair):
        return Ceiling(wealth, number + 1, now, run)
    had, fresh = evidence(wealth), stakes(number, number + 1)
    wealth = grown(wealth, fresh, logs(limit, pair.new, pair.new_hits))
    return Ceiling(wealth, number + 1, now, run.after(had + fresh, evidence(wealth), clock, counts))


def _breaks(limit: float, *pairs: Pair) -> bool:
    return any(pair.old_hits > limit * pair.old for pair in pairs)
