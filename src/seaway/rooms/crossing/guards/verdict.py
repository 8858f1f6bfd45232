"""From evidence to a verdict, and to one sentence with the figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from seaway.rooms.crossing.guards.evidence import Evidence
from seaway.rooms.crossing.guards.memory import Mark
from seaway.rooms.crossing.guards.rules import BAR_OF_NEGLIGIBLE, FEWEST, Rules
from seaway.rooms.crossing.guards.seen import Pair
from seaway.rooms.crossing.guards.stakes import Run

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SOME: Final = 2


@dataclass(frozen=True)
class Verdict:
    """What the guards say. broken: the new side must go back. enough: this step has seen its minimum.

    reason is one sentence with figures, also where nothing is broken. figures are for the ledger: rule (the
    one that broke, or empty), seconds, and for both sides requests and bad (failed, or slower than over_ms).
    """

    broken: bool
    reason: str
    enough: bool
    figures: dict[str, Any]


@dataclass(frozen=True)
class _Found:
    """The rule that broke: since when, what was seen, with which bounds, against which limit."""

    rule: str
    run: Run
    counts: Pair
    limit: str = ""
    mark: Mark | None = None


def verdict(evidence: Evidence, rules: Rules) -> Verdict:
    """Judge; may be asked at any time and as often as one likes."""
    enough = evidence.in_step.new >= rules.minimum
    found = broken(evidence, rules)
    if found is None:
        few = "" if enough else f"; the step waits for {rules.minimum:,} requests of the new side"
        return Verdict(
            broken=False,
            reason=f"{_failed(evidence.in_step)} in this step{few}",
            enough=enough,
            figures=_figures("", evidence.in_step, None),
        )
    seconds = evidence.clock - found.run.since
    said = _slow(found.counts, found.mark) if found.mark else _failed(found.counts)
    return Verdict(
        broken=True,
        reason=f"{said} in the last {_time(seconds)}{found.limit}",
        enough=enough,
        figures=_figures(found.rule, found.counts, found.mark) | {"seconds": round(seconds, 3)},
    )


def broken(evidence: Evidence, rules: Rules) -> _Found | None:
    """Find the rule whose evidence has reached its bar."""
    bars = rules.bars
    return (
        _worse(evidence, bars.get("worse"))
        or _failing(evidence, bars.get("failing"), rules.errors)
        or _slower(evidence, bars.get("slower"), rules.latency)
        or _too_slow(evidence, bars.get("slow"), rules.p99)
    )


def _worse(evidence: Evidence, bar: float | None) -> _Found | None:
    if bar is None or evidence.worse.evidence < bar or evidence.negligible.evidence < BAR_OF_NEGLIGIBLE:
        return None
    run = max(evidence.worse.run, evidence.negligible.run, key=lambda run: run.since)
    return _if_seen(_Found("worse", run, evidence.failed.minus(run.start)))


def _failing(evidence: Evidence, bar: float | None, limit: float | None) -> _Found | None:
    if bar is None or limit is None or evidence.failing.evidence < bar:
        return None
    run = evidence.failing.run
    text = f"; the limit is {_percent(limit)}"
    return _if_seen(_Found("failing", run, evidence.failed.minus(run.start), text))


def _slower(evidence: Evidence, bar: float | None, ratio: float | None) -> _Found | None:
    if bar is None or sum([level.evidence for level in evidence.slower]) < bar * len(evidence.slower):
        return None
    level = max(range(len(evidence.slower)), key=lambda n: evidence.slower[n].evidence)
    run, mark = evidence.slower[level].run, evidence.marks[level]
    text = f"; the limit is {ratio:g} times"
    return (
        _if_seen(_Found("slower", run, evidence.levels[level].minus(run.start), text, mark)) if mark else None
    )


def _too_slow(evidence: Evidence, bar: float | None, limit: float | None) -> _Found | None:
    if bar is None or limit is None or evidence.slow.evidence < bar:
        return None
    run, mark = evidence.slow.run, Mark(limit, limit, 0)
    return _if_seen(_Found("slow", run, evidence.beyond.minus(run.start), "; the limit is 1 %", mark))


def _if_seen(found: _Found) -> _Found | None:
    return found if found.counts.new_hits >= FEWEST else None


def _figures(rule: str, pair: Pair, mark: Mark | None) -> dict[str, Any]:
    old: dict[str, Any] = {"requests": pair.old, "bad": pair.old_hits}
    new: dict[str, Any] = {"requests": pair.new, "bad": pair.new_hits}
    if mark:
        old["over_ms"], new["over_ms"] = round(mark.old, 3), round(mark.new, 3)
    return {"rule": rule, "old": old, "new": new}


def _failed(pair: Pair) -> str:
    return (
        f"{pair.new_hits:,} of {pair.new:,} requests failed on the new side"
        f"{_share(pair.new_hits, pair.new)}, "
        f"{pair.old_hits:,} of {pair.old:,} on the old side{_share(pair.old_hits, pair.old)}"
    )


def _slow(pair: Pair, mark: Mark) -> str:
    return (
        f"{pair.new_hits:,} of {pair.new:,} requests took longer than {mark.new:.0f} ms on the new side"
        f"{_share(pair.new_hits, pair.new)}, {pair.old_hits:,} of {pair.old:,} longer than {mark.old:.0f} ms "
        f"on the old side{_share(pair.old_hits, pair.old)}"
    )


def _time(seconds: float) -> str:
    for unit, name in ((_DAY, "days"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= _SOME * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(1, round(seconds))} s"


def _share(hits: int, requests: int) -> str:
    return f" ({_percent(hits / requests)})" if requests else ""


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.2g} %" if 0 < percent < 1 else f"{percent:.3g} %"
