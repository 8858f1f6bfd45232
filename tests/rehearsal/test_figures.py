from __future__ import annotations

import random

import pytest

from scripts.rehearsal.figures import Share, per_second, plausible, pooled, quantile
from scripts.rehearsal.journey import HELD, by_itself
from scripts.rehearsal.load import _parse


def test_an_honest_share_lies_in_its_interval_about_99_times_in_100() -> None:
    dice = random.Random(7)
    inside = sum(Share(25, sum(dice.random() < 0.25 for _ in range(400)), 400).inside for _ in range(1000))
    assert 975 <= inside <= 1000


def test_a_share_that_is_off_is_outside() -> None:
    assert not Share(25, 180, 400).inside


@pytest.mark.parametrize(
    ("weight", "new", "inside"), [(0, 0, True), (0, 1, False), (100, 400, True), (100, 399, False)]
)
def test_nothing_and_everything_allow_no_exception(weight: int, new: int, inside: bool) -> None:
    assert Share(weight, new, 400).inside is inside


def test_shares_of_one_weight_are_joined() -> None:
    assert pooled([Share(5, 1, 10), Share(1, 0, 10), Share(5, 2, 30)]) == (Share(1, 0, 10), Share(5, 3, 40))


def test_one_miss_in_forty_is_luck_and_five_are_not() -> None:
    assert plausible(1, 40)
    assert not plausible(5, 40)


def test_a_rate_is_that_of_all_in_between_whatever_their_order() -> None:
    assert per_second([12.0, 10.0, 11.5, 10.5, 11.0]) == 2
    assert per_second([7.0]) == per_second([]) == 0


def test_the_quantile_is_a_value_that_was_seen() -> None:
    assert quantile([5, 1, 3], 0.5) == 3
    assert quantile([1, 2, 3, 4], 0.99) == 4
    assert quantile([], 0.5) == 0


def test_a_line_of_the_load_generator_is_read_with_its_side_and_time() -> None:
    row = {
        "timestamp": "2026-11-24T07:00:00.123456789Z",
        "latency": 2_000_000,
        "url": "https://a.localhost/search?q=sea",
        "code": 200,
        "error": "",
        "headers": {"X-Served-By": ["frontend"], "X-Version": ["2"]},
    }
    answer = _parse(row)
    assert (answer.path, answer.side, answer.version, answer.failed) == ("/search", "frontend", "2", False)
    assert answer.seconds == pytest.approx(0.002)
    assert answer.at % 60 == pytest.approx(0.123456, abs=1e-4)


def test_the_ledger_tells_how_long_each_weight_was_held_once_the_gateway_had_it() -> None:
    entries = [
        {"at": "2026-11-24T10:00:00.000Z", "from": 0, "to": 0, "what": "started"},
        {"at": "2026-11-24T10:00:01.500Z", "from": 0, "to": 1, "what": "moved"},
        {"at": "2026-11-24T10:00:05.500Z", "from": 1, "to": 100, "what": "moved"},
        {"at": "2026-11-24T10:00:09.000Z", "from": 100, "to": 100, "what": "settled"},
    ]
    first, last = by_itself("login", entries, until=1_795_514_500.0)
    assert (first.weight, last.weight) == (1, 100)
    assert first.until - first.ended == HELD
    assert first.until == last.began
    assert last.ended - last.began == pytest.approx(3.5 - HELD)
    assert last.until == 1_795_514_500.0
