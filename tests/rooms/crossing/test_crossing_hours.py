"""Quiet hours, in zones whose clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.model.wrong import Wrong
from seaway.rooms.crossing.hours import Hours, checked_hours, checked_zone

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)


def _open(text: str, moment: str, zone: str = "Europe/Berlin") -> bool:
    return Hours.parse(text, zone).is_open(datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)))


def test_hours_are_of_the_wall_clock() -> None:
    week = "Mon-Thu 09:00-16:00, Sat 10:00-12:00"
    assert _open(week, "2026-11-23T09:00")
    assert not _open(week, "2026-11-23T08:59")
    assert _open(week, "2026-11-26T15:59:59")
    assert not _open(week, "2026-11-26T16:00")
    assert not _open(week, "2026-11-27T10:00")
    assert _open(week, "2026-11-28T10:00")
    assert Hours.parse("", "UTC").is_open(datetime.now(UTC))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("mon-thu 9:00-16:00,saturday 10:00-12:00", "Mon-Thu 09:00-16:00, Sat 10:00-12:00"),
        ("Mon, Wed 09:00-10:00", "Mon, Wed 09:00-10:00"),
        ("Fri-Mon 22:00-02:00", "Fri-Mon 22:00-02:00"),
        ("00:00-24:00", "00:00-24:00"),
        ("Sun-Sat 08:00-09:00", "08:00-09:00"),
        ("", ""),
    ],
)
def test_hours_have_one_canonical_text(text: str, canonical: str) -> None:
    assert checked_hours(text) == canonical
    assert Hours.parse(text) == Hours.parse(canonical)


@pytest.mark.parametrize(
    ("text", "why", "remedy"),
    [
        ("Mon-Thu", "names days without hours", "such as Mon-Thu"),
        ("Moon 09:00-10:00", "'Moon' is no day of the week", "did you mean Mon?"),
        ("09:00-09:00", "is never open", "00:00-24:00 is the whole day"),
        ("09:00-25:00", "is neither a day nor an hour", "such as"),
        ("09:00-24:30", "beyond the end of the day", "24:00"),
        ("09:00-10:00 sharp", "says more than days and hours", "such as"),
        ("9-10", "is neither a day nor an hour", "such as"),
    ],
)
def test_wrong_hours_are_explained(text: str, why: str, remedy: str) -> None:
    with pytest.raises(Wrong) as raised:
        checked_hours(text)
    assert why in raised.value.why
    assert remedy in raised.value.remedy


@pytest.mark.parametrize("name", ["Europe/Berln", "../etc/passwd", "", "/etc/localtime", "a\x00b"])
def test_a_zone_that_is_none_is_explained(name: str) -> None:
    with pytest.raises(Wrong, match="is no time zone"):
        checked_zone(name)


def test_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    assert _open("Fri 22:00-02:00", "2026-11-28T01:59")
    assert not _open("Fri 22:00-02:00", "2026-11-27T01:59")
    assert not _open("Fri 22:00-02:00", "2026-11-28T22:00")


def test_an_hour_that_the_clocks_leave_out_opens_where_they_go_on() -> None:
    hours = Hours.parse("Sun 02:30-05:00", "Europe/Berlin")
    before = datetime(2026, 3, 29, 0, 0, tzinfo=BERLIN)
    assert hours.next_open(before) == datetime(2026, 3, 29, 3, 0, tzinfo=BERLIN)
    swallowed = Hours.parse("Sun 02:10-02:50", "Europe/Berlin")
    assert swallowed.next_open(before) == datetime(2026, 4, 5, 2, 10, tzinfo=BERLIN)


def test_an_hour_that_comes_twice_opens_twice() -> None:
    hours = Hours.parse("Sun 02:10-02:20", "Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 10, tzinfo=BERLIN).astimezone(UTC)
    assert hours.next_open(datetime(2026, 10, 25, 0, 0, tzinfo=BERLIN)) == first
    second = datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=BERLIN)
    assert hours.next_open(first + 10 * MINUTE) == second.astimezone(UTC)


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
#: The days around which the clocks of these zones change in 2026, and two usual ones.
DAYS = st.sampled_from(
    [
        datetime(2026, m, d, tzinfo=UTC)
        for m, d in ((3, 8), (3, 29), (4, 4), (10, 3), (10, 25), (11, 1), (6, 9), (12, 31))
    ]
)
CLOCK = st.integers(0, 287).map(lambda n: f"{n // 12:02}:{n % 12 * 5:02}")
WINDOWS = st.tuples(st.sampled_from(["", "Mon ", "Sat-Sun ", "Sun ", "Tue, Thu "]), CLOCK, CLOCK).filter(
    lambda w: w[1] != w[2]
)


@settings(max_examples=150)
@given(ZONES, DAYS, st.integers(-1500, 1500), st.lists(WINDOWS, min_size=1, max_size=3))
def test_the_next_opening_is_the_first_open_minute(
    zone: str, day: datetime, minutes: int, windows: list[tuple[str, str, str]]
) -> None:
    hours = Hours.parse(", ".join(f"{days}{begin}-{end}" for days, begin, end in windows), zone)
    now = day + minutes * MINUTE
    found = hours.next_open(now)
    assert found >= now
    assert hours.is_open(found)
    between = (now + n * MINUTE for n in range(min((found - now) // MINUTE, 3000)))
    assert not any(hours.is_open(moment) for moment in between)
