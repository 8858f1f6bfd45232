"""All that the guards of one crossing remember, and how a tick changes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from seaway.rooms.crossing.guards import ceiling, contest
from seaway.rooms.crossing.guards.ceiling import Ceiling, Tick
from seaway.rooms.crossing.guards.contest import Contest
from seaway.rooms.crossing.guards.memory import LEVELS, NO_MARKS, Mark, Marks, Memory
from seaway.rooms.crossing.guards.rules import NEGLIGIBLE, Rules
from seaway.rooms.crossing.guards.seen import Latency, Pair, Seen, beyond, failures, idle
from seaway.rooms.crossing.guards.stakes import NO_RUN, Run

T = TypeVar("T")

_HUNDREDTH: Final = 0.01
#: Requests of both sides that make a block, and how many of the rarer side are expected in it.
_BLOCK, _RARE = 16, 2

_UNKNOWN: Final = Mark(math.inf, math.inf, 0.0)

Levels = tuple[Pair, ...]
_NONE: Final[Levels] = (Pair(),) * len(LEVELS)


class Start(NamedTuple):
    """Where the open block begins: ticks are judged together until both sides are in it."""

    clock: float = 0.0
    failed: Pair = Pair()
    levels: Levels = _NONE


class Evidence(NamedTuple):
    """What one crossing's guards know; begin with `fresh`. The clock, in seconds, begins with the evidence.

    failed, levels and beyond count from the beginning: failures, what is above the marks, what is above p99.
    worse and slower compare the sides; negligible, failing and slow hold the new side against a limit.
    """

    rules: str
    clock: float = 0.0
    ticks: int = 0
    blocks: int = 0
    failed: Pair = Pair()
    levels: Levels = _NONE
    beyond: Pair = Pair()
    step: Pair = Pair()
    block: Start = Start()
    memory: Memory = Memory()
    marks: Marks = NO_MARKS
    worse: Contest = Contest.fresh(contest.FAILURES)
    negligible: Ceiling = Ceiling()
    failing: Ceiling = Ceiling()
    slower: tuple[Contest, ...] = (Contest.fresh(contest.SLOWNESS, contest.RESERVE_SLOW),) * len(LEVELS)
    slow: Ceiling = Ceiling()

    @classmethod
    def fresh(cls, rules: Rules) -> Evidence:
        """Begin, for a crossing that starts (again)."""
        return cls(str(rules))

    def next_step(self) -> Evidence:
        """Begin a step: the weight changes, so the open block ends, and requests are counted from 0."""
        return _judged(self)._replace(step=self.failed)

    @property
    def in_step(self) -> Pair:
        """Give what this step has seen."""
        return self.failed.minus(self.step)

    def as_json(self) -> dict[str, Any]:
        """Give it as plain data, below 2 kB as JSON; what is as in the beginning is left out."""
        first = Evidence(self.rules)
        kept = {
            name: _plain(value)
            for name, value in self._asdict().items()
            if name == "rules" or value != getattr(first, name)
        }
        return kept | ({"marks": [mark and list(mark) for mark in self.marks]} if "marks" in kept else {})

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], rules: Rules) -> Evidence:
        """Go on with what was kept; begin anew where it was made by other rules, or cannot be read."""
        if kept.get("rules") != str(rules):
            return cls.fresh(rules)
        try:
            return cls.fresh(rules)._replace(**{name: _READ[name](kept[name]) for name in kept})
        except (KeyError, TypeError, ValueError):
            return cls.fresh(rules)


def fold(evidence: Evidence, rules: Rules, old: Seen, new: Seen, seconds: float = 1.0) -> Evidence:
    """Take in one tick: what both sides did in the seconds since the tick before."""
    clock, pair = evidence.clock + seconds, failures(old, new)
    if not pair.old and not pair.new and idle(old.latency) and idle(new.latency):
        return evidence._replace(clock=clock)
    negligible, failing = evidence.negligible, evidence.failing
    if pair.new_hits:
        tick = Tick(pair, evidence.failed, evidence.ticks, evidence.clock)
        negligible = ceiling.over(negligible, NEGLIGIBLE, tick)
        if rules.errors is not None:
            failing = ceiling.over(failing, rules.errors, tick, excused=rules.worse)
    now = evidence.failed.plus(pair)
    folded = evidence._replace(
        clock=clock,
        ticks=evidence.ticks + 1,
        failed=now,
        memory=evidence.memory.learn(now, old.latency),
        negligible=negligible,
        failing=failing,
    )
    if old.latency or new.latency:
        folded = _timed(folded, rules, evidence, old.latency, new.latency)
    return _measured(_judged(folded), rules, old.latency) if _full(folded) else folded


def _timed(folded: Evidence, rules: Rules, before: Evidence, old: Latency, new: Latency) -> Evidence:
    """Count what is above the bounds, and hold the new side's p99 against its limit."""
    marks = [mark or _UNKNOWN for mark in before.marks]
    limit = rules.p99 or 0.0
    bound = next((upper for upper, _ in new if upper >= limit), math.inf)
    olds, old_bound, *old_hits = beyond(old, -1.0, bound, *[mark.old for mark in marks])
    news, new_bound, *new_hits = beyond(new, -1.0, bound, *[mark.new for mark in marks])
    levels = [
        had.plus(Pair(olds, old_hit, news, new_hit))
        for had, old_hit, new_hit in zip(before.levels, old_hits, new_hits, strict=True)
    ]
    pair, slow = Pair(olds, old_bound, news, new_bound), before.slow
    if limit and new_bound:
        tick = Tick(pair, before.beyond, before.ticks, before.clock)
        slow = ceiling.over(slow, _HUNDREDTH, tick, excused=rules.latency is not None)
    return folded._replace(levels=tuple(levels), beyond=before.beyond.plus(pair), slow=slow)


def _full(evidence: Evidence) -> bool:
    """Tell whether the block ends: by the numbers of requests alone, never by how they ended."""
    now, step, start = evidence.failed, evidence.step, evidence.block.failed
    new, old = now.new - step.new, now.old - step.old
    whole = now.new - start.new + now.old - start.old
    return whole >= _BLOCK and whole * (min(new, old) + 1) >= _RARE * (new + old + 2)


def _judged(evidence: Evidence) -> Evidence:
    """End the open block: the contests take it in."""
    start, now = evidence.block, evidence.failed
    usual = evidence.memory.usual(now)
    worse = contest.failing(evidence.worse, start.failed, now, usual=usual, clock=start.clock)
    slower = evidence.slower
    if evidence.levels != start.levels:
        turn = evidence.blocks % contest.PACE == 0
        each = zip(slower, start.levels, evidence.levels, evidence.marks, strict=True)
        slower = tuple(
            [
                contest.slower(had, a, b, base=mark.base, turn=turn, clock=start.clock) if mark else had
                for had, a, b, mark in each
            ]
        )
    block = Start(evidence.clock, now, evidence.levels)
    return evidence._replace(blocks=evidence.blocks + 1, block=block, worse=worse, slower=slower)


def _measured(evidence: Evidence, rules: Rules, edges: Latency) -> Evidence:
    """Choose the bounds of the blocks to come, now and then."""
    if rules.latency is None or not edges or evidence.blocks % contest.PACE:
        return evidence
    marks = evidence.memory.marks(edges, rules.latency, evidence.marks)
    each = zip(evidence.slower, marks, evidence.marks, strict=True)
    slower = [
        level if mark and had and mark[:2] == had[:2] else level._replace(run=NO_RUN)
        for level, mark, had in each
    ]
    return evidence._replace(marks=marks, slower=tuple(slower))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


def _pair(kept: Any) -> Pair:
    old, old_hits, new, new_hits = kept
    return Pair(int(old), int(old_hits), int(new), int(new_hits))


def _each(kept: Any, read: Callable[[Any], T]) -> tuple[T, ...]:
    """Read one for each level. Raises ValueError where there are more or less: of another version."""
    return tuple(read(level) for level, _ in zip(kept, LEVELS, strict=True))


def _levels(kept: Any) -> Levels:
    return _each(kept, _pair)


def _run(kept: Any) -> Run:
    score, since, start = kept
    return Run(score, since, _pair(start))


def _contest(kept: Any) -> Contest:
    wealth, turns, run, reserve, alarm = kept
    return Contest(tuple(wealth), turns, _run(run), reserve, alarm)


def _ceiling(kept: Any) -> Ceiling:
    wealth, ticks, counts, run = kept
    return Ceiling(tuple(wealth), ticks, _pair(counts), _run(run))


_READ: Final[dict[str, Any]] = {
    "rules": str,
    "clock": float,
    "ticks": int,
    "blocks": int,
    "failed": _pair,
    "levels": _levels,
    "beyond": _pair,
    "step": _pair,
    "block": lambda kept: Start(kept[0], _pair(kept[1]), _levels(kept[2])),
    "memory": lambda kept: Memory(_pair(kept[0]), _pair(kept[1]), tuple(kept[2])),
    "marks": lambda kept: _each(kept, lambda mark: mark and Mark(*mark)),
    "worse": _contest,
    "negligible": _ceiling,
    "failing": _ceiling,
    "slower": lambda kept: _each(kept, _contest),
    "slow": _ceiling,
}
