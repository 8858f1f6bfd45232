"""What the zone has of the public name is told, and nothing of ours stays in it once the gateway goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.benchmark.names import GATEWAY, NAME, ZONE, Knot, Side
from seaway.flow.domain import back, let_go, look, move, record_of
from seaway.flow.load import read
from seaway.flow.status import status_of
from seaway.kit.dns import Records
from seaway.model.snapshot import RecordFacts
from tests.flow import worlds
from tests.flow.names import OLD, Killed, Place, place
from tests.flow.test_arrival import FILE
from tests.flow.test_domain import FOREIGN, TARGET, serial, texts
from tests.flow.worlds import planned

THEIRS = Records(NAME, "A", 60, ("198.51.100.1",))
STRAYED = (
    f"{NAME} was led to a gateway, and does not lead to this one (A 198.51.100.1): "
    "seaway domain move leads it here"
)


@pytest.fixture
def there(knot: Knot, tmp_path: Path) -> Iterator[Place]:
    """A name that leads to the old server, and is nobody's."""
    knot.put(ZONE, *OLD)
    with place(knot, tmp_path) as found:
        yield found


@pytest.mark.parametrize("old", [OLD, ()], ids=["addresses", "nothing"])
def test_a_name_that_was_led_here_is_what_it_was_once_the_gateway_goes(
    knot: Knot, tmp_path: Path, old: tuple[Records, ...]
) -> None:
    if old:
        knot.put(ZONE, *old)
    with place(knot, tmp_path) as there:
        before = record_of(there.here)
        assert (before.share, before.owner, before.ours, before.returns) == (0, "", False, False)
        assert before.leads == ("A 192.0.2.1; A 192.0.2.2; AAAA 2001:db8::1" if old else "nowhere")
        move(there.here, adopt=bool(old))
        found = record_of(there.here)
        assert (found.share, found.ours, found.returns, found.strayed) == (100, True, True, False)
        assert (found.leads, found.owner) == (f"A {GATEWAY}", "seaway-shop")
        waited = there.clock.waited
        let_go([there.here])
        assert there.clock.waited - waited >= 61, "nobody is led to a gateway that is gone"
        assert (look(there.here).records, texts(knot)) == (old, [])
        left = serial(knot)
        let_go([there.here])
        assert serial(knot) == left


def test_what_was_led_back_before_keeps_nothing_of_ours_either(there: Place, knot: Knot) -> None:
    move(there.here, adopt=True)
    back(there.here)
    assert texts(knot)
    let_go([there.here])
    assert (look(there.here).records, texts(knot)) == (OLD, [])


def test_an_interrupt_on_the_way_out_costs_no_visitor(there: Place, knot: Knot) -> None:
    move(there.here, adopt=True)
    before, there.clock.deadly = there.clock.waited, there.clock.waits + 3
    with pytest.raises(Killed):
        let_go([there.here])
    there.clock.deadly = 0
    let_go([there.here])
    assert there.clock.waited - before >= 61
    assert (look(there.here).records, texts(knot)) == (OLD, [])


def test_what_leads_elsewhere_by_now_is_told_and_left_alone(there: Place, knot: Knot) -> None:
    """Somebody changed it, or another environment has it: what is written down may be that one's."""
    move(there.here, adopt=True)
    knot.put(ZONE, THEIRS)
    found, before = record_of(there.here), serial(knot)
    assert (found.strayed, found.share, found.returns, found.drift()) == (True, 0, False, [STRAYED])
    let_go([there.here])
    assert f"{NAME} stays as it is: it leads elsewhere than to this gateway" in there.told
    unknown = replace(there.here, wish=replace(there.here.wish, to=()))
    let_go([unknown])
    assert f"{NAME} stays as it is: it is not known where the gateway answers" in there.told
    assert not record_of(unknown).strayed
    assert serial(knot) == before


@pytest.mark.parametrize("text", ["", FOREIGN])
def test_what_is_not_ours_stays_where_it_leads(there: Place, knot: Knot, text: str) -> None:
    knot.put(ZONE, *TARGET, Records(NAME, "AAAA"))
    if text:
        knot.put(ZONE, Records(f"a-{NAME}", "TXT", 300, (text,)))
    found, before = record_of(there.here), serial(knot)
    assert (found.share, found.owner, found.ours) == (100, "blue" if text else "", False)
    let_go([there.here])
    assert serial(knot) == before
    assert f"{NAME} stays as it is: it leads to the gateway, and is not ours" in there.told


def test_a_name_that_strayed_is_told_by_plan_and_status(tmp_path: Path) -> None:
    """And is not led back by `up`: somebody may have had a reason."""
    system = read(FILE, "seaway.yaml", tmp_path)
    facts = RecordFacts(NAME, "zone", ("A 198.51.100.1",), "seaway-shop", ours=True, strayed=True)
    seen = replace(worlds.everything(system), records=(facts,))
    plan = planned(system, seen)
    assert (plan.notes, plan.steps) == ((STRAYED,), ())
    told = status_of(system, system.environment()[1], seen, "")
    assert STRAYED in told.problems
    assert told.as_json()["names"][0]["records"] == ["A 198.51.100.1"]


def test_a_name_goes_over_to_another_environment_and_the_first_takes_nothing_along(
    there: Place, tmp_path: Path
) -> None:
    """What a change of where TLS ends takes; and over to the first again while that is there."""
    move(there.here, adopt=True)
    to, port = ("127.0.0.5",), there.here.gateway.port
    with Side(to[0], port, NAME, there.authority, tmp_path).serving():
        beside = replace(
            there.here,
            wish=replace(there.here.wish, to=to),
            gateway=replace(there.here.gateway, to=to),
        )
        assert record_of(beside).strayed
        assert move(beside, adopt=False).leads == "gateway"
        assert move(there.here, adopt=False).leads == "gateway"
        move(beside, adopt=False)
        let_go([there.here])
        assert (record_of(beside).share, record_of(beside).returns) == (100, True)
        let_go([beside])
    assert look(there.here).records == OLD
