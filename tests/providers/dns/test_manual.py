"""A zone that a person changes: what they are told to do, and that it is waited for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from scripts.benchmark.names import Knot
from seaway.errors import Conflict, Refused, Unready
from seaway.kit.dns import Change, Records, ask
from seaway.model.event import Event
from seaway.providers.dns.manual import Manual

NAME = "www.shop.test"
OLD = Records(NAME, "A", 3600, ("192.0.2.1",))
NEW = Records(NAME, "A", 60, ("203.0.113.7",))
TEXT = Records(f"a-{NAME}", "TXT", 300, ('"heritage=external-dns,external-dns/owner=us"',))


@dataclass
class Person:
    """Reads what is told, and does it, one line at each wait."""

    knot: Knot
    lines: list[str] = field(default_factory=list)
    waits: int = 0

    def hear(self, event: Event) -> None:
        self.lines += event.text.splitlines()[1:]

    def pause(self, _: float) -> None:
        self.waits += 1
        added = [line for line in self.lines if line.startswith("+ ")]
        if len(added) < self.waits:
            return
        name, ttl, kind, value = added[self.waits - 1].removeprefix("+ ").split(" ", 3)
        self.knot.put("shop.test", Records(name.rstrip("."), kind, int(ttl), (value,)))


@pytest.fixture
def person(knot: Knot) -> Person:
    knot.put("shop.test", OLD)
    return Person(knot)


@pytest.fixture
def zone(knot: Knot, person: Person) -> Manual:
    return Manual("shop.test", (knot.server,), (knot.server,), person.hear, person.pause, patience=30)


CHANGES = [Change(OLD, NEW), Change(Records(TEXT.name, "TXT"), TEXT), Change(*[Records(NAME, "AAAA")] * 2)]


def test_it_says_what_to_do_and_waits_until_all_of_it_is_done(zone: Manual, person: Person) -> None:
    zone.change(CHANGES)
    assert person.lines == [
        "- www.shop.test. 3600 A 192.0.2.1",
        "+ www.shop.test. 60 A 203.0.113.7",
        f"+ a-www.shop.test. 300 TXT {TEXT.values[0]}",
    ]
    assert person.waits == 2
    assert zone.read(NAME) == (NEW,)


def test_what_is_done_already_is_not_asked_for(zone: Manual, knot: Knot, person: Person) -> None:
    knot.put("shop.test", NEW, TEXT)
    zone.change(CHANGES)
    assert (person.lines, person.waits) == ([], 0)


def test_what_does_not_come_is_named(zone: Manual) -> None:
    lazy = replace(zone, pause=lambda _: None)
    with pytest.raises(Unready, match=r"A of www\.shop\.test at 127.* is not yet"):
        lazy.change(CHANGES)


def test_nobody_is_asked_to_undo_another_change(zone: Manual, knot: Knot, person: Person) -> None:
    theirs = replace(OLD, values=("198.51.100.1",))
    knot.put("shop.test", theirs)
    with pytest.raises(Conflict, match="somebody else changed"):
        zone.change(CHANGES)
    assert person.lines == []
    assert ask(knot.server, NAME, "A") == theirs


def test_a_zone_that_nobody_serves_is_told(zone: Manual) -> None:
    with pytest.raises(Refused, match=r"nobody knows a server of the zone shop\.example"):
        replace(zone, zone="shop.example", named=()).read(NAME)
