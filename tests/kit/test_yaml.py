from __future__ import annotations

import pytest

from seaway.errors import SpecError
from seaway.kit.yaml import parse, show

TEXT = b"""\
on: yes
count: 010
list:
  - a
  - b: [1, 2]
'quoted': '5'
date: 2026-11-24
time: 12:30
"""


def test_words_are_words_as_in_version_one_point_two() -> None:
    data = parse(TEXT, "x").data
    assert data["on"] == "yes"
    assert data["count"] == 10
    assert (data["quoted"], data["date"], data["time"]) == ("5", "2026-11-24", "12:30")


def test_every_value_knows_its_line_and_its_text() -> None:
    document = parse(TEXT, "x")
    assert document.line(("list", 1, "b", 0)) == 5
    assert document.line(("list", 1, "b", 0, "deeper")) == 5
    assert document.text(("count",)) == "010"
    assert document.text(("list",)) is None


def test_a_path_is_written_as_people_do() -> None:
    assert show(("a", "b", 0, "c")) == "a.b[0].c"


def test_an_alias_is_followed() -> None:
    assert parse(b"a: &x {k: 1}\nb: *x\n", "x").data == {"a": {"k": 1}, "b": {"k": 1}}


def test_all_problems_of_the_shape_come_at_once() -> None:
    with pytest.raises(SpecError) as raised:
        parse(b"a: 1\na: 2\n1: x\nb: !t y\n", "x")
    assert [problem.line for problem in raised.value.problems] == [2, 3, 4]
