"""What the guards' validity rests on, by adding up every possible outcome."""

from __future__ import annotations

import math
from itertools import product

import pytest

from seaway.rooms.crossing.guards import ceiling, contest, stakes
from seaway.rooms.crossing.guards.ceiling import Ceiling, Tick
from seaway.rooms.crossing.guards.contest import FAILURES, SLOWNESS, Contest
from seaway.rooms.crossing.guards.memory import NO_MARKS, Memory
from seaway.rooms.crossing.guards.seen import Pair, beyond
from seaway.rooms.edge.manifests import BUCKETS

SHARES = (0.0, 0.001, 0.05, 0.3, 0.5, 0.9, 1.0)
EVEN = 1 + 1e-9


def _binomial(n: int, k: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


def _mean(old: int, new: int, rates: tuple[float, float], base: float, ratio: float) -> float:
    outcomes = product(range(old + 1), range(new + 1))
    return sum(
        _binomial(old, i, rates[0])
        * _binomial(new, j, rates[1])
        * math.exp(contest.logs(Pair(old, i, new, j), (ratio,), base)[0])
        for i, j in outcomes
    )


@pytest.mark.parametrize(("old", "new"), [(1, 1), (7, 1), (5, 4), (1, 6)])
@pytest.mark.parametrize("base", [0.0, 0.01, 0.1, 0.5, 0.75])
def test_a_comparison_gains_nothing_on_average_while_the_new_side_is_no_worse(
    old: int, new: int, base: float
) -> None:
    for ratio in FAILURES + SLOWNESS:
        for p_old, p_new in product(SHARES, SHARES):
            if p_new <= p_old:
                assert _mean(old, new, (p_old, p_new), base, ratio) <= EVEN


def test_a_comparison_gains_when_the_new_side_is_worse() -> None:
    assert _mean(5, 5, (0.01, 0.3), 0.0, 10.0) > 1.3
    assert _mean(5, 5, (0.1, 0.2), 0.1, 2.0) > 1.05


@pytest.mark.parametrize(("old", "new"), [(9, 1), (6, 6), (2, 10)])
def test_given_the_number_of_failures_their_sides_are_a_fair_draw(old: int, new: int) -> None:
    for ratio, hits in product(FAILURES, range(1, old + new + 1)):
        mean = sum(
            math.comb(new, j)
            * math.comb(old, hits - j)
            / math.comb(old + new, hits)
            * math.exp(contest.logs(Pair(old, hits - j, new, j), (ratio,))[0])
            for j in range(max(0, hits - old), min(new, hits) + 1)
        )
        assert mean <= EVEN


@pytest.mark.parametrize("limit", [0.001, 0.01, 0.05, 0.5, 0.95])
def test_a_limit_gains_nothing_on_average_while_it_holds(limit: float) -> None:
    for share in (0.0, limit / 3, limit):
        for n in range(ceiling.ALTERNATIVES):
            mean = sum(_binomial(12, k, share) * math.exp(ceiling.logs(limit, 12, k)[n]) for k in range(13))
            assert mean <= EVEN
    above = sum(_binomial(12, k, 1.0) * math.exp(ceiling.logs(limit, 12, k)[-1]) for k in range(13))
    assert above > 1.3


def test_all_stakes_together_are_at_most_one() -> None:
    assert stakes.left(0) == 1
    assert sum(stakes.stakes(n, n + 1) for n in range(10_000)) == pytest.approx(1 - stakes.left(10_000))
    spent, state = 0.0, Contest.fresh(FAILURES)
    for n in range(200):
        fresh = state._replace(wealth=(0.0,) * len(FAILURES))
        state = contest.failing(fresh, Pair(), Pair(10, 5, 10, 5), usual=0.001, clock=float(n))
        factors = contest.logs(Pair(10, 5, 10, 5), FAILURES)
        spent += state.wealth[0] / math.exp(factors[0])
    assert state.reserve < 1e-9, "the alarm took stakes"
    assert 0.9 < spent <= EVEN


def test_all_stakes_on_slowness_are_at_most_one_however_often_an_alarm_is_raised() -> None:
    spent, state, pair = 0.0, Contest.fresh(SLOWNESS, contest.RESERVE_SLOW), Pair(50, 0, 50, 40)
    factor = math.exp(contest.logs(pair, SLOWNESS, 0.02)[0])
    alarms = 0
    for n in range(500):
        before = state._replace(wealth=(0.0,) * len(SLOWNESS))
        state = contest.slower(before, Pair(), pair, base=0.02, turn=True, clock=float(n))
        spent += state.wealth[0] / factor
        alarms += state.reserve < before.reserve
        assert state.reserve == pytest.approx(contest.RESERVE_SLOW / math.sqrt(alarms + 1))
    assert alarms == 499, "the first block has none before it"
    assert 0.9 < spent <= EVEN


def test_an_alarm_rests_on_the_blocks_before_alone() -> None:
    quiet, loud = Pair(50, 1, 50, 1), Pair(50, 1, 50, 40)
    first = Contest.fresh(SLOWNESS, contest.RESERVE_SLOW)
    for pair in (quiet, loud):
        assert contest.slower(first, Pair(), pair, base=0.02, turn=False, clock=0.0).reserve == first.reserve
    alarmed = contest.slower(first, Pair(), loud, base=0.02, turn=False, clock=0.0)
    for pair in (quiet, loud):
        assert contest.slower(alarmed, Pair(), pair, base=0.02, turn=False, clock=1.0).reserve < first.reserve


def test_a_limit_folded_with_the_next_failure_never_says_more_than_tick_by_tick() -> None:
    limit, ticks = 0.05, [0, 0, 0, 2, 0, 1, 1, 3, 0, 0, 5]
    wealth: tuple[float, ...] = (0.0,) * ceiling.ALTERNATIVES
    lazy, counts = Ceiling(), Pair()
    for n, hits in enumerate(ticks):
        pair = Pair(new=10, new_hits=hits)
        wealth = stakes.grown(wealth, stakes.stakes(n, n + 1), ceiling.logs(limit, 10, hits))
        if hits:
            lazy = ceiling.over(lazy, limit, Tick(pair, counts, n, float(n)))
            for ours, exact in zip(lazy.wealth, wealth, strict=True):
                assert 0.5 * exact < ours <= exact * EVEN
        counts = counts.plus(pair)


def test_wealth_neither_overflows_nor_comes_back_from_nothing() -> None:
    wealth = (1.0, 0.0)
    for _ in range(10):
        wealth = (stakes.grown(wealth, 0.0, [500.0, 500.0])[0], stakes.grown(wealth, 0.0, [500.0, 500.0])[1])
    assert wealth == (1e300, 0.0)
    assert stakes.grown((1e300,), 0.0, [-5000.0]) == (0.0,)


def test_a_fall_of_the_evidence_over_the_whole_range_of_floats_ends_its_run() -> None:
    run = stakes.Run(600.0, 1.0, Pair())
    assert run.after(1e257, 1e-67, 2.0, Pair()) == stakes.NO_RUN
    assert run.after(1e-300, 1e300, 2.0, Pair()).score == pytest.approx(600 + 600 * math.log(10))


def test_requests_above_an_edge_are_counted_whole() -> None:
    histogram = ((1.0, 4), (1.25, 3), (1.5625, 2), (math.inf, 1))
    assert beyond(histogram, -1, 1.0, 1.25, 1.5625, math.inf) == [10, 6, 3, 1, 0]
    assert beyond((), -1.0, 5.0) == [0, 0]


def test_bounds_are_edges_a_ratio_apart_and_stay_while_they_fit() -> None:
    edges = (*(100 * 1.25**n for n in range(11)), math.inf)
    seen = tuple((edge, 100 if n < 10 else 1) for n, edge in enumerate(edges))
    memory = Memory().learn(Pair(), seen)
    median, *rest = memory.marks(seen, 1.5, NO_MARKS)
    assert median
    assert median.new == median.old * 1.25**2, "the first edge that is 1.5 times as far"
    assert median.base == pytest.approx(403 / 1004)
    assert rest == [None] * 3, "no finite edge is 1.5 times as far"
    more = memory.learn(Pair(), tuple((edge, 150 if n < 5 else 0) for n, edge in enumerate(edges)))
    again = more.marks(seen, 1.5, (median, None, None, None))[0]
    assert again
    assert again[:2] == median[:2]
    assert again.base < median.base


def test_bounds_wait_until_enough_is_known() -> None:
    edges = (*(100 * 1.25**n for n in range(20)), math.inf)
    few = tuple((edge, 3 if n < 10 else 0) for n, edge in enumerate(edges))
    found = Memory().learn(Pair(), few).marks(few, 1.5, NO_MARKS)
    assert [mark is not None for mark in found] == [True, False, False, False]
    assert Memory().marks(few, 1.5, NO_MARKS) == NO_MARKS


def test_what_slowness_is_allowed_lies_on_an_edge_of_the_gateways_buckets() -> None:
    edges = (*BUCKETS, math.inf)
    for n, edge in enumerate(BUCKETS[:-3]):
        seen = tuple((upper, 100 if upper == edge else 0) for upper in edges)
        mark = Memory().learn(Pair(), seen).marks(seen, 1.5, NO_MARKS)[0]
        assert mark
        assert mark.old == edge
        if edge >= 20:  # what is faster may be 10 ms slower
            assert mark.new == BUCKETS[n + 2] == pytest.approx(1.5 * edge)
        else:
            assert mark.new >= edge + 10
