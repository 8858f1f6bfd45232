"""Both sides at the same time: whether the new side is hit more often than the old one.

H0: of every tick, p_new <= p_old, whatever both are, and however they change from tick to tick. The factor is
that of Turner, Ly and Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for
optional stopping" (2024): with q_old < q_new and p0 the mean of both, weighed by requests, a hit of side s
multiplies by q_s/p0 and a miss by (1-q_s)/(1-p0). An alternative is the ratio q_new/q_old.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from seaway.rooms.crossing.guards.seen import Pair
from seaway.rooms.crossing.guards.stakes import NO_RUN, Run, Wealth, evidence, grown, stakes

FAILURES: Final = (2.0, 10.0, 100.0, 1000.0)
SLOWNESS: Final = (1.2, 1.5, 2.5, 6.0)
#: Every so many blocks a contest of latencies takes a stake.
PACE: Final = 8

_MOST: Final = 0.95
#: Stakes that the clock gives, and those that are kept for an alarm.
_CLOCK, _RESERVE = 0.15, 0.85
_AT_ONCE: Final = 0.5
_SURPRISE: Final = 20.0
_RISE: Final = math.log(_SURPRISE)
_ALARM: Final = 5.0
#: The same for latencies: what is kept for alarms, the odds that an alarm looks for, how sure it must be.
RESERVE_SLOW: Final = 0.8
_ODDS: Final = 2.0
_ALARM_SLOW: Final = 3.0


class Contest(NamedTuple):
    """The evidence of one comparison; `reserve` is what is left for alarms, `alarm` how near one is."""

    wealth: Wealth
    turns: int = 0
    run: Run = NO_RUN
    reserve: float = _RESERVE
    alarm: float = 0.0

    @classmethod
    def fresh(cls, alternatives: tuple[float, ...], reserve: float = _RESERVE) -> Contest:
        return cls((0.0,) * len(alternatives), reserve=reserve)

    @property
    def evidence(self) -> float:
        return evidence(self.wealth)


def logs(pair: Pair, ratios: tuple[float, ...], base: float = 0.0) -> list[float]:
    """Give the logarithm of each alternative's factor for one block.

    base is q_old, known before the block. With base 0 (its limit) the factor asks only which side the hits
    are on: given their number, that is a fair draw by the shares of traffic, even where all rates jump.
    """
    old, old_hits, new, new_hits = pair
    both = old + new
    found = []
    for asked in ratios:
        ratio = min(asked, _MOST / base) if base else asked
        part = both / (ratio * new + old)  # q_old / p0
        log = new_hits * math.log(ratio * part) + old_hits * math.log(part)
        if base:
            rest = 1 - base / part
            log += (new - new_hits) * math.log((1 - ratio * base) / rest)
            log += (old - old_hits) * math.log((1 - base) / rest)
        found.append(log)
    return found


def failing(contest: Contest, start: Pair, end: Pair, *, usual: float, clock: float) -> Contest:
    """Fold one block of failures, from counts to counts; usual is both sides' share of failures so far.

    Blocks without a failure say nothing and cost nothing, so turns are blocks with one. How many failures
    there are in all tells nothing about their side: a sudden rise may call for a large stake.
    """
    pair = end.minus(start)
    if not pair.old or not pair.new:
        return contest
    hits = pair.old_hits + pair.new_hits
    if not hits and not contest.alarm:
        return contest
    alarm = max(0.0, contest.alarm + hits * _RISE - (_SURPRISE - 1) * usual * (pair.old + pair.new))
    if not hits:
        return contest._replace(alarm=alarm)
    fresh, reserve = _CLOCK * stakes(contest.turns, contest.turns + 1), contest.reserve
    if alarm > _ALARM:
        fresh += reserve * _AT_ONCE
        reserve, alarm = reserve * (1 - _AT_ONCE), 0.0
    wealth = grown(contest.wealth, fresh, logs(pair, FAILURES))
    run = contest.run.after(contest.evidence + fresh, evidence(wealth), clock, start)
    return Contest(wealth, contest.turns + 1, run, reserve, alarm)


def slower(contest: Contest, start: Pair, end: Pair, *, base: float, turn: bool, clock: float) -> Contest:
    """Fold one block of hits of two bounds; base is what the old side had so far. turn: a stake is due.

    Another one is laid where the blocks before this one raised an alarm: after n alarms the reserve is its
    beginning's through the root of n + 1.
    """
    pair = end.minus(start)
    if not pair.old or not pair.new:
        return contest
    fresh = (1 - RESERVE_SLOW) * stakes(contest.turns, contest.turns + turn)
    reserve, alarm = contest.reserve, contest.alarm
    if alarm > _ALARM_SLOW:
        left = reserve / math.hypot(1, reserve / RESERVE_SLOW)
        fresh, reserve, alarm = fresh + reserve - left, left, 0.0
    wealth = grown(contest.wealth, fresh, logs(pair, SLOWNESS, base))
    run = contest.run.after(contest.evidence + fresh, evidence(wealth), clock, start)
    return Contest(wealth, contest.turns + turn, run, reserve, max(0.0, alarm + _surprise(pair, base)))


def _surprise(pair: Pair, base: float) -> float:
    """Say how much better raised odds explain the new side's hits than the usual share, as a logarithm."""
    raised = _ODDS * base / (1 - base + _ODDS * base)
    misses = pair.new - pair.new_hits
    return pair.new_hits * math.log(raised / base) + misses * math.log((1 - raised) / (1 - base))
