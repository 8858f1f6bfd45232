"""When the report of a comparison is written: at once for a new judgement, else seldom, never in vain."""

from __future__ import annotations

from seaway.pilot.comparing import Written
from seaway.pilot.course import PERSIST
from seaway.rooms.crossing.compare.contrast import Comparison
from seaway.rooms.crossing.compare.judgement import judge
from seaway.rooms.crossing.compare.spec import CompareSpec
from seaway.rooms.crossing.compare.tally import Tally

SPEC = CompareSpec(requests=3, differences="0%")
ALIKE = Comparison()


def _tally(compared: int, basis: str = "try 1") -> Tally:
    tally = Tally.fresh(basis, ("/",))
    for _ in range(compared):
        tally = tally.add("/", ALIKE)
    return tally


def _passed(before: int, after: Tally, seconds: float) -> bool:
    tally = _tally(before)
    return Written(tally, judge(tally, SPEC), 100.0).passed(after, judge(after, SPEC), 100.0 + seconds)


def test_what_is_the_same_is_never_written_again() -> None:
    assert not _passed(2, _tally(2), 3600.0)
    assert not _passed(5, _tally(5), 3600.0)


def test_what_has_grown_is_written_now_and_then_also_once_it_is_enough() -> None:
    for before in (1, 5):
        assert not _passed(before, _tally(before + 1), PERSIST - 1)
        assert _passed(before, _tally(before + 1), PERSIST)
    assert _passed(5, _tally(5).leave_out("too many waited"), PERSIST)


def test_another_judgement_and_another_try_are_written_at_once() -> None:
    assert _passed(2, _tally(3), 0.0)
    assert _passed(5, _tally(0, "try 2"), 0.0)
    assert _passed(5, _tally(5, "try 2"), 0.0)
