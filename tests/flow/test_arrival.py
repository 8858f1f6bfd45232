"""The public name moves before the first route does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmark.names import GATEWAY, NAME, ZONE, Knot, free_port
from seaway.errors import Refused
from seaway.flow.arrival import moves_first, must_have_arrived
from seaway.flow.load import read
from seaway.kit import dns
from seaway.kit.dns import Records
from seaway.kit.servers import NameServer
from seaway.model.event import silent
from seaway.model.plan import Verb
from seaway.model.snapshot import Live, NameFacts
from seaway.rooms.domain.outside import known
from tests.flow import worlds
from tests.flow.names import Told
from tests.flow.worlds import planned

FILE = b"""
system: shop
monolith: http://127.0.0.1:9000
services: {web: {source: ., run: gunicorn web}}
"""
CROSSING = b"crossings: {login: {routes: [/login], to: web}}\n"


def leads(word: str, why: str = "") -> NameFacts:
    return NameFacts(NAME, word, why)


@pytest.mark.parametrize("word", ["old server", "nowhere"])
def test_nothing_crosses_while_no_visitor_comes(word: str) -> None:
    with pytest.raises(Refused, match="nothing crosses before it is moved") as found:
        must_have_arrived(leads(word), silent)
    assert "seaway domain move" in found.value.remedy
    assert "--anyway" in found.value.remedy


@pytest.mark.parametrize("name", [None, leads("gateway"), leads("both")])
def test_where_visitors_come_or_nobody_is_to_be_asked_nothing_is_said(name: NameFacts | None) -> None:
    told = Told()
    must_have_arrived(name, told)
    assert (told.events, moves_first(name)) == ([], [])


def test_resolvers_that_say_nothing_keep_nobody_from_crossing() -> None:
    told = Told()
    must_have_arrived(leads("unknown", "no answer"), told)
    assert f"where {NAME} leads is not known (no answer)" in told


def test_the_plan_says_what_comes_before_the_first_crossing(tmp_path: Path) -> None:
    system = read(FILE + CROSSING, "seaway.yaml", tmp_path)
    seen = worlds.everything(system)
    assert planned(system, seen).notes == ()
    there = replace(seen, name=leads("old server"))
    assert planned(system, there).notes == (
        f"{NAME} still leads to the old server: seaway domain move is the step before seaway cross",
    )
    assert not planned(system, there).steps
    alone = read(FILE, "seaway.yaml", tmp_path)
    without = replace(worlds.everything(alone), name=leads("old server"))
    assert planned(alone, without).notes == ()


@pytest.mark.parametrize(
    ("name", "start"),
    [
        (None, "automatic"),
        (leads("gateway"), "automatic"),
        (leads("both"), "automatic"),
        (leads("old server"), "manual"),
        (leads("unknown", "no answer"), "manual"),
    ],
)
def test_a_crossing_that_starts_by_itself_waits_for_visitors(
    tmp_path: Path, name: NameFacts | None, start: str
) -> None:
    system = read(FILE + CROSSING.replace(b"}}", b", start: automatic}}"), "seaway.yaml", tmp_path)
    plan = planned(system, replace(worlds.nothing(system), name=name))
    made: Any = next(step for step in plan.steps if step.id == "crossing/login/crossing")
    assert made.manifest["spec"]["start"] == start
    told = "login: starts by itself with the seaway up after that"
    assert (told in plan.notes) == (start == "manual")


def test_what_waited_starts_once_the_name_has_moved_and_what_began_goes_on(tmp_path: Path) -> None:
    system = read(FILE + CROSSING.replace(b"}}", b", start: automatic}}"), "seaway.yaml", tmp_path)
    seen = worlds.everything(system)
    change, *rest = planned(system, replace(seen, name=leads("old server"))).changes
    assert (change.verb, change.thing) == (Verb.UPDATE, "Crossing shop/login")
    assert [each.verb for each in rest] == [Verb.WAIT]
    begun = replace(seen, live=with_status(seen.live, {"started": True}))
    assert not planned(system, replace(begun, name=leads("old server"))).steps


def with_status(live: Live, change: dict[str, Any]) -> Live:
    changed = {
        ref: {**found, "status": {**found["status"], **change}}
        for ref, found in live.objects.items()
        if ref.kind == "Crossing"
    }
    return Live({**live.objects, **changed})


def test_resolvers_together_say_where_the_name_leads(
    knot: Knot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "PATIENCE", 0.1)
    to, silent_one = (GATEWAY,), NameServer("127.0.0.1", free_port())
    assert known(NAME, to, [knot.server]).leads == "nowhere"
    knot.put(ZONE, Records(NAME, "A", 60, ("192.0.2.1",)))
    assert known(NAME, to, [knot.server, silent_one]).unmoved
    with Knot(tmp_path / "other", {ZONE: f"www 60 A {GATEWAY}\n"}) as other:
        assert known(NAME, to, [other.server]).leads == "gateway"
        assert known(NAME, to, [knot.server, other.server]).leads == "both"
    assert known(NAME, to, [silent_one]).leads == "unknown"
