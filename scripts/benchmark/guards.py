"""Simulated crossings through the real guards: how often they go back falsely, how soon when they must."""

from __future__ import annotations

import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from seaway.rooms.crossing.guards import Evidence, Rules, Seen, fold
from seaway.rooms.crossing.guards.verdict import broken
from seaway.rooms.edge.manifests import BUCKETS

STEPS: Final = (1, 5, 25, 50, 100)
HOLD: Final = 120
#: The upper bounds of the gateway's buckets.
EDGES: Final = (*BUCKETS, math.inf)
#: Seconds that a bad side is watched; crossings that are drawn together.
LONGEST, CHUNK = 180, 50
RULES: Final = Rules()
NOTHING: Final = Seen(0, 0)


def _normal(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def _lognormal(ms: float, median: float, sigma: float) -> float:
    return _normal(math.log(ms / median) / sigma)


def _heavy(ms: float) -> float:
    """97 of 100 around 80 ms, the rest from 200 ms on in a Pareto tail without variance (1.5)."""
    tail = 1 - (200 / ms) ** 1.5 if ms > 200 else 0.0  # noqa: PLR2004
    return 0.97 * _lognormal(ms, 80, 0.4) + 0.03 * tail


#: Distribution functions of latencies, by name: milliseconds to probability.
LATENCIES: Final[dict[str, Callable[[float], float]]] = {
    "lognormal": lambda ms: _lognormal(ms, 80, 0.5),
    "wide": lambda ms: _lognormal(ms, 80, 1.0),
    "heavy": _heavy,
}


@dataclass(frozen=True)
class Side:
    """What requests of one side meet: a share of errors, and a distribution of latencies.

    The slowest, so large a share of all as `tail` says, take `stretched` times as long as the others would.
    """

    errors: float = 0.0
    latency: str = ""
    stretched: float = 1.0
    tail: float = 1.0

    def parts(self) -> Any:
        """Give the probabilities of the buckets."""
        return np.diff([0.0, *map(self._below, EDGES)])

    def _below(self, ms: float) -> float:
        if math.isinf(ms):
            return 1.0
        known = LATENCIES[self.latency]
        return max(min(known(ms), 1 - self.tail), known(ms / self.stretched))


DOUBLED: Final = Side(0.001, "lognormal", 2.0)
#: The p99 doubled, median and p90 as before.
TAIL: Final = Side(0.001, "lognormal", 2.0, tail=0.05)
THIN_TAIL: Final = Side(0.001, "lognormal", 2.0, tail=0.02)


@dataclass(frozen=True)
class Case:
    """Crossings of one kind. rate: requests a second of both sides together.

    bad: what the new side becomes, from some second of the step of this weight on; within: seconds until it
    must be back, in 95 of 100, where that was promised. Without `bad` going back is false.
    """

    name: str
    rate: float
    old: Side
    new: Side
    bad: Side | None = None
    weight: int = 0
    within: float = 0.0


class Ended(NamedTuple):
    """How a crossing ended: gone back while all was well, or so many seconds after it was not."""

    falsely: bool
    after: float = LONGEST


def cases() -> list[Case]:
    """Give all that was promised, and some that is harder."""
    alike = [
        Case(f"alike, {share:.1%} errors, {rate}/s", rate, Side(share), Side(share))
        for share in (0.0, 0.001, 0.01, 0.05)
        for rate in (1, 30, 500)
    ]
    usual, heavy = Side(0.001, "lognormal"), Side(0.001, "heavy")
    alike += [
        Case("alike, heavy tail, 100/s", 100, heavy, heavy),
        Case("1.5 times as slow, as allowed, 100/s", 100, usual, Side(0.001, "lognormal", 1.5)),
    ]
    good, worse = Side(0.001), []
    for weight in STEPS[:-1]:
        twenty, fifty = 20 * 100 / weight, 50 * 100 / weight
        worse += [
            Case(f"10% errors, 20/s on it, at {weight}%", twenty, good, good, Side(0.1), weight, 10),
            Case(f"2% errors, 50/s on it, at {weight}%", fifty, good, good, Side(0.02), weight, 60),
            Case(f"p99 doubled, 50/s on it, at {weight}%", fifty, usual, usual, DOUBLED, weight, 60),
            Case(f"p99 alone doubled, 50/s on it, at {weight}%", fifty, usual, usual, TAIL, weight, 60),
            Case(f"slowest 2% doubled, 50/s on it, at {weight}%", fifty, usual, usual, THIN_TAIL, weight),
        ]
    wide, twice = Side(0.001, "wide"), Side(0.001, "wide", 2.0)
    tail = Side(0.001, "wide", 2.0, tail=0.05)
    worse += [
        Case("p99 doubled, wide, 50/s on it, at 50%", 100, wide, wide, twice, 50, 60),
        Case("p99 alone doubled, wide, 50/s on it, at 50%", 100, wide, wide, tail, 50),
    ]
    return alike + worse


def measure(crossings: int) -> tuple[dict[str, float], dict[str, float]]:
    """Simulate so many crossings of every case, on all cores; gives figures and what they must not exceed."""
    figures: dict[str, float] = {}
    bounds: dict[str, float] = {}
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for case in cases():
            began = time.monotonic()
            work = [(case, n, min(CHUNK, crossings - n)) for n in range(0, crossings, CHUNK)]
            ended = [each for part in pool.imap_unordered(chunk, work) for each in part]
            name = f"{case.name}: back falsely, %"
            figures[name] = 100 * sum(each.falsely for each in ended) / len(ended)
            bounds[name] = 100 * RULES.alpha
            if case.bad:
                after = sorted(each.after for each in ended if not each.falsely)
                name = f"{case.name}: back after, p95, s"
                figures[name] = after[math.ceil(0.95 * len(after)) - 1]
                bounds |= {name: case.within} if case.within else {}
            sys.stderr.write(f"{case.name}: {len(ended)} crossings in {time.monotonic() - began:.0f} s\n")
        name = "one request a minute, one error: decisions"
        lonely = [(n, min(CHUNK, crossings - n)) for n in range(0, crossings, CHUNK)]
        figures[name] = sum(pool.map(_lonely, lonely))
        bounds[name] = 0.0
    return figures, bounds


def _seconds(rng: Any, side: Side, rate: float, seconds: int) -> Iterator[Seen]:
    """Draw one side, second by second: requests come at random (Poisson)."""
    requests = rng.poisson(rate, seconds)
    errors = rng.binomial(requests, side.errors).tolist()
    if not side.latency:
        yield from map(Seen, requests.tolist(), errors)
        return
    rows = rng.multinomial(requests, side.parts()).tolist()
    for count, failed, row in zip(requests.tolist(), errors, rows, strict=True):
        yield Seen(count, failed, tuple(zip(EDGES, row, strict=True)))


def _watch(evidence: Evidence, sides: tuple[Iterator[Seen], Iterator[Seen]]) -> tuple[Evidence, int | None]:
    """Fold second after second; gives the one in which the guards said no, if they did."""
    for second, (old, new) in enumerate(zip(*sides, strict=True), 1):
        evidence = fold(evidence, RULES, old, new)
        if broken(evidence, RULES):
            return evidence, second
    return evidence, None


def _cross(case: Case, rng: Any) -> Ended:
    """Simulate one crossing from its first step on."""
    evidence = Evidence.fresh(RULES)
    for step in STEPS:
        olds, news = case.rate * (100 - step) / 100, case.rate * step / 100
        well = int(rng.integers(HOLD)) if step == case.weight else HOLD
        sides = _seconds(rng, case.old, olds, well), _seconds(rng, case.new, news, well)
        evidence, second = _watch(evidence, sides)
        if second:
            return Ended(falsely=True)
        if step == case.weight and case.bad:
            sides = _seconds(rng, case.old, olds, LONGEST), _seconds(rng, case.bad, news, LONGEST)
            _, second = _watch(evidence, sides)
            return Ended(falsely=False, after=second or LONGEST)
        evidence = evidence.next_step()
    return Ended(falsely=False)


def chunk(work: tuple[Case, int, int]) -> list[Ended]:
    """Simulate some crossings of a case; the second number is their seed."""
    case, seed, crossings = work
    rng = np.random.default_rng([seed, *case.name.encode()])
    return [_cross(case, rng) for _ in range(crossings)]


def _lonely(work: tuple[int, int]) -> int:
    """One request a minute, of which one fails on the new side, at any time and weight."""
    seed, crossings = work
    rng, decisions = np.random.default_rng([seed, 1]), 0
    for _ in range(crossings):
        minutes = int(rng.integers(1, 1440))
        on_new = (rng.random(minutes) < rng.choice(STEPS) / 100).tolist()
        failed = int(rng.integers(minutes))
        on_new[failed] = True
        evidence = Evidence.fresh(RULES)
        for minute, new in enumerate(on_new):
            seen = Seen(1, int(minute == failed))
            evidence = fold(evidence, RULES, NOTHING if new else seen, seen if new else NOTHING, 60.0)
            decisions += broken(evidence, RULES) is not None
    return decisions
