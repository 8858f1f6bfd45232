"""Evidence as the wealth of a gambler who bets against "everything holds", and may begin at any time.

A factor is an E-variable: what a bet of 1 becomes, at most 1 on average while everything holds. Wealth
multiplies by factors and takes new stakes, which never exceed 1 in all; so wealth reaches 1/a with
probability a at most, however often one looks (Ville 1939). New stakes, turn by turn, find a change after a
long good time.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from seaway.rooms.crossing.guards.seen import Pair

Wealth = tuple[float, ...]

_SPREAD: Final = 50.0
_MOST: Final = 1e300
_MOST_AT_ONCE: Final = 600.0


def left(begun: int) -> float:
    """Give the capital that is left after so many stakes: it falls from 1 towards 0, slowly."""
    return math.sqrt(_SPREAD / (begun + _SPREAD))


def stakes(begun: int, until: int) -> float:
    """Give the stakes of some turns together; those of all turns are 1."""
    return left(begun) - left(until)


def grown(wealth: Wealth, fresh: float, logs: list[float]) -> Wealth:
    """Add a fresh stake and multiply by each alternative's factor, which comes as its logarithm."""
    if max(logs) > _MOST_AT_ONCE:
        logs = [min(log, _MOST_AT_ONCE) for log in logs]
    found = [(had + fresh) * math.exp(log) for had, log in zip(wealth, logs, strict=True)]
    return tuple(found) if max(found) < _MOST else tuple([min(each, _MOST) for each in found])


def evidence(wealth: Wealth) -> float:
    """Average over the alternatives: each was given the same part of the stakes."""
    return sum(wealth) / len(wealth)


class Run(NamedTuple):
    """Where the evidence last was nil, for people: a cumulative sum (Page 1954).

    since is the clock in seconds, start the counts up to there.
    """

    score: float = 0.0
    since: float = 0.0
    start: Pair = Pair()

    def after(self, before: float, now: float, clock: float, start: Pair) -> Run:
        """Go on by the ratio of two wealths, or begin anew where the score falls to nothing."""
        score = self.score + math.log(now) - math.log(before) if now and before else 0.0
        if score <= 0:
            return NO_RUN
        return Run(score, self.since, self.start) if self.score else Run(score, clock, start)


NO_RUN: Final = Run()
