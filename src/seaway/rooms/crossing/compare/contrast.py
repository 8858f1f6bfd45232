"""Two answers of the old side and one of the new: what differs, and what differs by itself.

The new side is asked between the two: what goes with the time, or changes while one looks, differs between
the old side's own answers, and says nothing about the new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from seaway.rooms.crossing.compare import page, redact
from seaway.rooms.crossing.compare.answer import Answer, Asked
from seaway.rooms.crossing.compare.document import ANSWER, BODY, ORDER, STATUS, Places, is_ignored, places
from seaway.rooms.crossing.compare.spec import CompareSpec

#: Places that one comparison names; more are all `MORE`.
MOST: Final = 12
MORE: Final = "more places"
LONGEST: Final = 160


@dataclass(frozen=True)
class Example:
    """One difference as it is shown: the request, and what stands at `place` on both sides, redacted."""

    request: str
    place: str
    old: str
    new: str


@dataclass(frozen=True)
class Comparison:
    """What one comparison found.

    `unstable` are places at which the old side's own answers differ, `different` those at which only the new
    side's does. `failure` says why the old side gave nothing to compare with; then nothing else counts.
    """

    different: tuple[str, ...] = ()
    unstable: tuple[str, ...] = ()
    example: Example | None = None
    failure: str = ""


def compare(asked: Asked, first: Answer, new: Answer, second: Answer, spec: CompareSpec) -> Comparison:
    """Compare the new side's answer with both of the old side's, of before and of after."""
    if failure := first.failure or second.failure:
        return Comparison(failure=failure)
    unlike = not is_ignored(STATUS, spec.ignore)
    if unlike and first.status != second.status:
        return Comparison(unstable=(STATUS,))
    *olds, others = _apart(asked, (first, second, new), spec)
    if new.failure or (unlike and new.status != first.status):
        return _found(asked, [ANSWER if new.failure else STATUS], [], olds[0], others)
    if _kinds(*olds, others):
        return _by_hand(asked, olds, others, spec)
    unstable = _differing(olds[0], olds[1], spec)
    left = {*unstable, *([ORDER] if unstable else [])}
    different = [place for place in _differing(olds[0], others, spec) if place not in left]
    return _found(asked, different, unstable, olds[0], others)


def _apart(asked: Asked, answers: tuple[Answer, ...], spec: CompareSpec) -> list[Places]:
    """Take answers apart; where one page takes too long, all are their bytes: time says nothing of a page."""
    try:
        return [places(asked, answer, spec) for answer in answers]
    except page.UnreadableError:
        return [places(asked, answer, spec, pages=False) for answer in answers]


def _kinds(*answers: Places) -> bool:
    """Whether one of them could be taken apart and another could not."""
    return len({_kind(found) for found in answers}) > 1


def _kind(found: Places) -> str:
    return "json" if "$" in found else BODY if BODY in found else "html" if ORDER in found else ""


def _by_hand(asked: Asked, olds: Sequence[Places], others: Places, spec: CompareSpec) -> Comparison:
    """Compare the headers, and say of the bodies only what they are."""

    def only(found: Places) -> Places:
        heads = {place: values for place, values in found.items() if place.startswith((STATUS, "header "))}
        return heads | {BODY: found.get(BODY, [_kind(found) or "empty"])}

    one, two, new = only(olds[0]), only(olds[1]), only(others)
    unstable = _differing(one, two, spec)
    different = [place for place in _differing(one, new, spec) if place not in unstable]
    return _found(asked, different, unstable, one, new)


def _differing(one: Places, other: Places, spec: CompareSpec) -> list[str]:
    found = [place for place in {**one, **other} if one.get(place, []) != other.get(place, [])]
    return [place for place in found if not is_ignored(place, spec.ignore)]


def _named(found: list[str]) -> tuple[str, ...]:
    """Give few and short names in a fixed order."""
    short = sorted({place if len(place) <= LONGEST else f"{place[:LONGEST]}…" for place in found})
    return tuple(short if len(short) <= MOST else [*short[:MOST], MORE])


def _found(asked: Asked, different: list[str], unstable: list[str], old: Places, new: Places) -> Comparison:
    if not different:
        return Comparison(unstable=_named(unstable))
    shown = next((place for place in different if place != ORDER), ORDER)
    values = _first(old.get(shown, []), new.get(shown, []))
    request = f"{asked.method} {redact.target(asked.path, asked.query)}"
    example = Example(request, shown[:LONGEST], *redact.pair(shown, *values))
    return Comparison(_named(different), _named(unstable), example)


def _first(old: list[str], new: list[str]) -> tuple[str | None, str | None]:
    """Give the first pair that differs; None where one list ends before the other."""
    for one, other in zip(old, new, strict=False):
        if one != other:
            return one, other
    both = min(len(old), len(new))
    return (old[both] if len(old) > both else None), (new[both] if len(new) > both else None)


def example_from(found: Mapping[str, str]) -> Example:
    """Read an example as it was kept."""
    return Example(*(str(found[name]) for name in ("request", "place", "old", "new")))
