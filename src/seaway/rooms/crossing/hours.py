"""Quiet hours: when a crossing may move up, such as `Mon-Thu 09:00-16:00, Sat 10:00-12:00`. Pure.

Hours are wall clock of a time zone of the IANA database (RFC 6557), so they keep their place in the day where
clocks change: an hour that a change leaves out does not open, one that comes twice opens twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from seaway.kit.near import did_you_mean
from seaway.model.wrong import Wrong

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EXAMPLE: Final = "such as Mon-Thu 09:00-16:00, Sat 10:00-12:00"
MINUTE: Final = timedelta(minutes=1)
DAY_MINUTES: Final = 24 * 60
#: Days in which every window opens: two weeks, since a change of clocks can swallow one opening.
AHEAD: Final = 15

_TIME: Final = r"([01]?[0-9]|2[0-4]):([0-5][0-9])"
_SPAN: Final = re.compile(rf"{_TIME}\s*-\s*{_TIME}")
_DAYS: Final = re.compile(r"([A-Za-z]+)(?:\s*-\s*([A-Za-z]+))?")


@dataclass(frozen=True)
class Window:
    """On `days` (0 is Monday) from `begin` to before `end`, in minutes; over midnight where `end` is less."""

    days: frozenset[int]
    begin: int
    end: int

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether this minute of this day of the week lies in the window."""
        if self.begin < self.end:
            return weekday in self.days and self.begin <= minute < self.end
        late = weekday in self.days and minute >= self.begin
        return late or ((weekday - 1) % 7 in self.days and minute < self.end)


@dataclass(frozen=True)
class Hours:
    """Windows of the week in one time zone; without any it is always open."""

    windows: tuple[Window, ...]
    zone: str = "UTC"

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> Self:
        """Read windows, parted by commas; days without a time share that of the next window.

        Raises Wrong where the text or the zone cannot be read.
        """
        checked_zone(zone)
        windows: list[Window] = []
        days: set[int] = set()
        for part in filter(None, (p.strip() for p in text.split(","))):
            span = _SPAN.search(part)
            named = part[: span.start()].strip() if span else part
            days |= _days(named) if named else set() if days else set(range(7))
            if span:
                windows.append(_window(part, frozenset(days), span))
                days = set()
        if days:
            raise Wrong(f"{text!r} names days without hours", EXAMPLE)
        return cls(tuple(windows), zone)

    def is_open(self, now: datetime) -> bool:
        """Whether it is open at `now`, which knows its time zone."""
        if not self.windows:
            return True
        local = now.astimezone(_zone(self.zone))
        minute = local.hour * 60 + local.minute
        return any(window.holds(local.weekday(), minute) for window in self.windows)

    def next_open(self, now: datetime) -> datetime:
        """Give the first moment from `now` on at which it is open, in UTC."""
        if self.is_open(now):
            return now.astimezone(UTC)
        found = (moment for moment in self._openings(now) if moment > now and self.is_open(moment))
        return min(found)

    def _openings(self, now: datetime) -> Iterator[datetime]:
        """Give the moments at which a window may open, in UTC: where clocks change there is more than one."""
        zone = _zone(self.zone)
        today = now.astimezone(zone).date()
        for ahead in range(-1, AHEAD):
            day = today + timedelta(days=ahead)
            for window in self.windows:
                if day.weekday() in window.days:
                    yield from _moments(day, window.begin, zone)
            yield from _changes(day, zone)

    def __str__(self) -> str:
        """Give the canonical text, which parses to the same hours."""
        return ", ".join(f"{_named(w.days)}{_clock(w.begin)}-{_clock(w.end)}" for w in self.windows)


def checked_zone(name: str) -> str:
    """Check the name of a time zone. Raises Wrong where the IANA database does not have it."""
    try:
        _zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        remedy = (
            did_you_mean(name, available_timezones()) or "a name of the IANA database, such as Europe/Berlin"
        )
        raise Wrong(f"{name!r} is no time zone", remedy) from error
    return name


def checked_hours(text: str) -> str:
    """Check hours and give their canonical text. Raises Wrong where they cannot be read."""
    return str(Hours.parse(text))


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _days(text: str) -> set[int]:
    found = _DAYS.fullmatch(text)
    if not found:
        raise Wrong(f"{text!r} is neither a day nor an hour", EXAMPLE)
    first, last = _day(found[1]), _day(found[2] or found[1])
    return {(first + n) % 7 for n in range((last - first) % 7 + 1)}


def _day(word: str) -> int:
    short = word[:3].capitalize()
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    if short not in DAYS or not full[DAYS.index(short)].startswith(word.lower()):
        raise Wrong(f"{word!r} is no day of the week", did_you_mean(word, DAYS) or EXAMPLE)
    return DAYS.index(short)


def _window(part: str, days: frozenset[int], span: re.Match[str]) -> Window:
    if part[span.end() :].strip():
        raise Wrong(f"{part!r} says more than days and hours", EXAMPLE)
    begin, end = int(span[1]) * 60 + int(span[2]), int(span[3]) * 60 + int(span[4])
    if begin >= DAY_MINUTES or end > DAY_MINUTES:
        raise Wrong(f"{part!r} is beyond the end of the day", "a day ends at 24:00")
    if begin == end:
        raise Wrong(f"{part!r} is never open", "end it later than it begins; 00:00-24:00 is the whole day")
    return Window(days, begin, end)


def _moments(day: date, minute: int, zone: ZoneInfo) -> Iterator[datetime]:
    wall = datetime.combine(day, time(minute // 60, minute % 60))
    for fold in (0, 1):
        yield wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _changes(day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """Give the moment at which the clocks of this day change, if they do: what lay in the gap opens then."""
    low = datetime.combine(day, time(), zone).astimezone(UTC)
    high = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    before = low.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() == before:
        return
    while high - low > MINUTE:
        middle = low + (high - low) // 2
        middle = middle.replace(second=0, microsecond=0)
        if middle in {low, high}:
            break
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    yield high


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _named(days: frozenset[int]) -> str:
    """Name days in runs, such as `Mon-Thu, Sat`; nothing for every day."""
    if len(days) == len(DAYS):
        return ""
    starts = sorted(day for day in days if (day - 1) % 7 not in days)
    runs = []
    for start in starts:
        length = next(n for n in range(1, 7) if (start + n) % 7 not in days)
        last = (start + length - 1) % 7
        runs.append(DAYS[start] if length == 1 else f"{DAYS[start]}-{DAYS[last]}")
    return ", ".join(runs) + " "
