"""Small, seeded versions of `scripts/bench guards`, with wide margins."""

from __future__ import annotations

import math

import pytest

from scripts.benchmark.guards import Case, Side, cases, chunk

CASES = {case.name: case for case in cases()}


@pytest.mark.parametrize("name", ["alike, 1.0% errors, 30/s", "alike, 5.0% errors, 1/s"])
def test_where_both_sides_are_alike_crossings_arrive(name: str) -> None:
    ended = chunk((CASES[name], 1, 100))
    assert sum(each.falsely for each in ended) <= 4


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("10% errors, 20/s on it, at 50%", 14),
        ("10% errors, 20/s on it, at 1%", 9),
        ("2% errors, 50/s on it, at 25%", 45),
        ("p99 alone doubled, 50/s on it, at 50%", 55),
        ("slowest 2% doubled, 50/s on it, at 1%", 55),
    ],
)
def test_a_side_that_becomes_bad_goes_back_in_time(name: str, most: float) -> None:
    after = sorted(each.after for each in chunk((CASES[name], 1, 40)) if not each.falsely)
    assert after[math.ceil(0.95 * len(after)) - 1] <= most
    assert after[0] >= 1


def test_a_side_that_becomes_slow_goes_back_in_time() -> None:
    slow = Case(
        "slow", 1000, Side(0.001, "lognormal"), Side(0.001, "lognormal"), Side(0.0, "lognormal", 2.0), 5
    )
    assert max(each.after for each in chunk((slow, 1, 10))) <= 40
