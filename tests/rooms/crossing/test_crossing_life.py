"""The life of a crossing on its way up: each thing that lets it go on or keeps it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from seaway.rooms.crossing.facts import Compared, Other, RouteFacts
from seaway.rooms.crossing.life import advance
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import Phase, Verb
from tests.rooms.crossing.sea import SPEC, Says, Sea, moving


def test_from_the_start_to_the_end_by_itself() -> None:
    sea = Sea()
    assert sea.look().phase is Phase.MONOLITH
    assert sea.watch(100).weight == 0
    assert sea.state.reason == "it waits for its start"
    sea.ask(Verb.START)
    assert (sea.state.phase, sea.state.weight) == (Phase.MOVING, 1)
    assert sea.watch(60).weight == 1
    assert sea.watch(2).weight == 25
    sea.until(Phase.HOLDING)
    assert sea.state.weight == 100
    sea.until(Phase.SETTLED)
    assert sea.happened == ["started", "moved", "moved", "moved", "settled"]
    assert sea.weights == [0, 1, 25, 100, 100]
    assert sea.ledger[2].reason == "0 of 900 requests failed"
    assert sea.ledger[2].figures == {"new": 900}
    assert sea.state.history == tuple(sea.ledger)
    assert sea.again is None


def test_one_that_starts_by_itself_waits_for_those_before_it() -> None:
    sea = Sea(spec=SPEC.model_copy(update={"start": "automatic", "after": ("base",)}))
    sea.look(others={"base": Other(Phase.HOLDING, 100)})
    assert sea.state.phase is Phase.WAITING
    assert sea.state.reason == "base is holding at 100 %, not settled"
    assert sea.look(others={}).reason == "there is no crossing base to come after"
    assert sea.look(others={"base": Other(Phase.SETTLED, 100)}).phase is Phase.MOVING


def test_two_that_wait_for_each_other_stay_where_they_are_and_say_so() -> None:
    sea = Sea(spec=SPEC.model_copy(update={"start": "automatic", "after": ("base",)}))
    sea.look(others={"base": Other(Phase.WAITING, 0, ("login",))})
    assert sea.watch(300).phase is Phase.WAITING
    assert sea.state.reason == "base is waiting at 0 %, not settled"
    assert sea.ask(Verb.MOVE, 5).answer == sea.state.reason
    assert (sea.state.weight, sea.happened) == (0, ["refused"])


def test_at_most_one_moves_unless_the_file_says_otherwise() -> None:
    sea = Sea(spec=SPEC.model_copy(update={"start": "automatic"}))
    busy = {"reading": Other(Phase.MOVING, 5, held="ann@desk")}
    assert sea.look(others=busy).phase is Phase.MONOLITH
    assert sea.state.reason == "one at a time: reading is moving at 5 %, held by ann@desk"
    both = {"reading": Other(Phase.MOVING, 5, alone=False)}
    assert sea.look(others=both).phase is Phase.MONOLITH
    sea.spec = sea.spec.model_copy(update={"alone": False})
    assert sea.look(others=busy).phase is Phase.MONOLITH
    assert sea.look(others=both).phase is Phase.MOVING


def test_it_moves_up_only_in_its_hours_and_looks_again_when_they_begin() -> None:
    update = {"only": "Wed 09:00-16:00", "timezone": "Europe/Berlin", "start": "automatic"}
    sea = Sea(spec=SPEC.model_copy(update=update))
    sea.look()
    assert sea.look().phase is Phase.MONOLITH
    assert sea.again == datetime(2026, 11, 25, 8, tzinfo=UTC)
    assert "only Wed 09:00-16:00 (Europe/Berlin), next from 2026-11-25 08:00 UTC" in sea.state.reason
    sea.now = datetime(2026, 11, 25, 8, tzinfo=UTC)
    assert sea.look().weight == 1
    sea.now = datetime(2026, 11, 25, 14, 59, tzinfo=UTC)
    assert sea.watch(100).weight == 1
    assert sea.look(verdict=Says(broken=True, reason="it fails")).weight == 0


def test_without_metrics_it_holds_and_says_so_and_the_time_does_not_count() -> None:
    sea = moving()
    sea.watch(30)
    sea.look(verdict=None)
    sea.watch(600)
    assert (sea.state.weight, round(sea.state.watched)) == (25, 30)
    guarded = sea.state.condition("Guarded")
    assert guarded is not None
    assert (guarded.status, guarded.reason) == ("False", "NoMetrics")
    assert [told.reason for told in sea.told] == ["CrossingBlind"]
    sea.look(verdict=Says())
    assert sea.watch(28).weight == 25
    assert sea.watch(2).weight == 100


def test_a_step_waits_for_its_requests_but_not_for_ever() -> None:
    sea = moving()
    sea.look(verdict=Says(enough=False, reason="only 3 of 100 requests"))
    sea.watch(300)
    assert (sea.state.weight, sea.state.reason) == (25, "only 3 of 100 requests")
    for _ in range(6 * 3600 // 5):
        sea.look(5)
    assert sea.state.weight == 100


def test_a_weight_counts_from_when_the_gateway_has_taken_it_up() -> None:
    sea = Sea(spec=SPEC.model_copy(update={"start": "automatic"}))
    sea.look()
    assert sea.state.weight == 1
    sea.route = RouteFacts(1, accepted=False, why="no such backend")
    assert sea.watch(300).weight == 1
    ready = sea.state.condition("Ready")
    assert ready is not None
    assert (ready.status, ready.message) == ("False", "no such backend")
    sea.route = RouteFacts(1)
    sea.watch(60)
    assert sea.state.weight == 1
    assert sea.watch(3).weight == 25


def test_comparison_comes_before_a_single_user() -> None:
    spec = CrossingSpec.model_validate({"routes": "/login", "to": "web", "compare": {}, "start": "automatic"})
    sea = Sea(spec=spec)
    sea.look()
    assert (sea.state.phase, sea.route) == (Phase.COMPARING, RouteFacts(0, 0, comparing=True))
    assert sea.look().reason == "the comparator gives no report"
    assert sea.look(compared=Compared(False, False, "40 of 200")).reason == "40 of 200"
    sea.look(compared=Compared(True, False, "0 of 200 differ"))
    assert (sea.state.phase, sea.state.weight) == (Phase.MOVING, 1)
    assert sea.route == RouteFacts(1, 0, comparing=False)
    other = Sea(spec=spec)
    other.look()
    other.look(compared=Compared(True, True, "9 of 200 differ"))
    assert other.look().phase is Phase.RETURNED
    assert (other.state.reason, other.route) == ("9 of 200 differ", RouteFacts(0, 1))


def test_time_that_a_clock_jumps_is_not_watched() -> None:
    sea = moving()
    sea.watch(10)
    sea.now += timedelta(minutes=5)
    assert sea.look().weight == 25
    sea.now -= timedelta(minutes=10)
    sea.watch(47)
    assert sea.state.weight == 25
    assert sea.watch(3).weight == 100


def test_only_what_is_new_must_be_written_at_once() -> None:
    sea = moving()
    sea.watch(2)
    facts = replace(sea.facts, route=sea.route, elapsed=1.0)
    assert not advance(sea.spec, sea.state, sea.now, facts).changed
    broken = replace(facts, verdict=Says(broken=True))
    assert advance(sea.spec, sea.state, sea.now, broken).changed
