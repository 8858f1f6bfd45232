"""The life of a crossing: each thing that can happen, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from seaway.rooms.crossing.facts import Compared, Facts, Other, RouteFacts
from seaway.rooms.crossing.life import advance
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import Command, Entry, Phase, State, Verb, What
from seaway.rooms.crossing.turn import Effect, Emit, Record, Release, Requeue, SetSplit

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)  # a Tuesday
SPEC = CrossingSpec(routes=("/login",), to="web", steps=(1, 25, 100), hold="1m")


@dataclass(frozen=True)
class Says:
    """What the guards say."""

    broken: bool = False
    enough: bool = True
    reason: str = "0 of 900 requests failed"
    figures: dict[str, Any] = field(default_factory=lambda: {"new": 900})


@dataclass
class Sea:
    """A crossing with the world around it: effects are carried out on paper, and time goes on by itself."""

    spec: CrossingSpec = SPEC
    state: State = field(default_factory=State)
    now: datetime = NOW
    route: RouteFacts | None = None
    facts: Facts = field(default_factory=lambda: Facts("login", verdict=Says(), ready=2))
    ledger: list[Entry] = field(default_factory=list)
    told: list[Emit] = field(default_factory=list)
    released: bool = False
    again: datetime | None = None

    def look(self, seconds: float = 1.0, **facts: Any) -> State:
        """Time goes on; look once and carry out what follows."""
        self.now += timedelta(seconds=seconds)
        self.facts = replace(self.facts, route=self.route, elapsed=seconds, **facts)
        found = advance(self.spec, self.state, self.now, self.facts)
        self.state, self.again = found.state, None
        for effect in found.effects:
            self.carry_out(effect)
        return self.state

    def carry_out(self, effect: Effect) -> None:
        match effect:
            case SetSplit(weight, epoch, comparing):
                self.route = RouteFacts(weight, epoch, comparing)
            case Record(entry):
                self.ledger.append(entry)
            case Emit():
                self.told.append(effect)
            case Requeue(at):
                self.again = at
            case Release():
                self.released = True

    def watch(self, seconds: int) -> State:
        for _ in range(seconds):
            self.look()
        return self.state

    def until(self, phase: Phase, *, within: int = 600) -> State:
        for _ in range(within):
            if self.look().phase is phase:
                return self.state
        raise AssertionError(f"not {phase} but {self.state.phase}: {self.state.reason}")

    def ask(self, verb: Verb, weight: int = 0, *, ago: float = 0) -> State:
        at = self.now - timedelta(seconds=ago)
        command = Command(f"{verb}-{self.now}", verb, "ann@desk", at, weight)
        return self.look(command=command)

    @property
    def weights(self) -> list[int]:
        return [entry.end for entry in self.ledger]

    @property
    def happened(self) -> list[str]:
        return [entry.what.value for entry in self.ledger]


def _moving(weight: int = 25, **changes: Any) -> Sea:
    state = State(Phase.MOVING, weight, since=NOW, started=True, taken=True)
    return Sea(state=replace(state, **changes), route=RouteFacts(weight))


def _settled(**changes: Any) -> Sea:
    return Sea(state=State(Phase.SETTLED, 100, since=NOW, taken=True, **changes), route=RouteFacts(100))


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


def test_a_broken_guard_takes_it_back_at_once() -> None:
    sea = _moving()
    sea.look(verdict=Says(broken=True, reason="12 of 90 requests failed, 0 of 900 at the monolith"))
    assert (sea.state.phase, sea.state.weight, sea.state.epoch) == (Phase.RETURNING, 0, 1)
    assert sea.route == RouteFacts(0, 1)
    assert sea.look().phase is Phase.RETURNED
    assert sea.state.reason == "12 of 90 requests failed, 0 of 900 at the monolith"
    assert sea.happened == ["returning", "returned"]
    assert [told.type for told in sea.told] == ["Warning", "Warning"]
    sea.watch(5)
    assert sea.state.phase is Phase.RETURNED
    sea.ask(Verb.START)
    assert (sea.state.phase, sea.state.weight, sea.state.epoch) == (Phase.MOVING, 1, 1)


def test_one_without_a_ready_pod_goes_back_at_once() -> None:
    sea = _moving()
    sea.look(ready=0)
    assert (sea.state.weight, sea.state.reason) == (0, "web has no ready pod")
    settled = _settled()
    assert settled.look(ready=0).phase is Phase.SETTLED


def test_without_metrics_it_holds_and_says_so_and_the_time_does_not_count() -> None:
    sea = _moving()
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
    sea = _moving()
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


def test_a_move_by_hand_holds_there_with_the_guards_on_until_resume() -> None:
    sea = Sea()
    sea.look()
    sea.ask(Verb.MOVE, 30)
    assert (sea.state.phase, sea.state.weight, sea.state.held) == (Phase.MOVING, 30, "ann@desk, by hand")
    assert sea.watch(300).weight == 30
    sea.ask(Verb.MOVE, 10)
    assert sea.state.weight == 10
    sea.ask(Verb.RESUME)
    assert sea.watch(62).weight == 25
    sea.ask(Verb.HOLD)
    assert sea.watch(300).weight == 25
    assert sea.state.held == "ann@desk"
    assert sea.look(verdict=Says(broken=True)).weight == 0


def test_a_move_to_the_end_settles_by_itself() -> None:
    sea = Sea()
    sea.look()
    sea.ask(Verb.MOVE, 100)
    assert (sea.state.phase, sea.state.held) == (Phase.HOLDING, "")
    sea.until(Phase.SETTLED)


def test_what_is_asked_too_late_or_at_the_wrong_time_is_refused_with_a_reason() -> None:
    sea = Sea(spec=SPEC.model_copy(update={"after": ("base",)}))
    sea.look(others={"base": Other(Phase.MOVING, 25), "later": Other(Phase.MONOLITH, 0, ("login",))})
    assert sea.ask(Verb.MOVE, 5).answer == "base is moving at 25 %, not settled"
    assert sea.ask(Verb.RESUME).answer == ""
    sea.look(others={"base": Other(Phase.HOLDING, 100)})
    assert "came too late" in sea.ask(Verb.MOVE, 5, ago=700).answer
    sea.look(ready=0)
    assert sea.ask(Verb.MOVE, 5).answer == "web has no ready pod"
    sea.look(ready=None)
    assert sea.ask(Verb.MOVE, 5).answer == "the endpoints of web are not seen"
    sea.look(ready=1)
    assert sea.ask(Verb.MOVE, 5).answer == ""
    sea.look(others={**sea.facts.others, "later": Other(Phase.MOVING, 5, ("login",))})
    assert sea.ask(Verb.MOVE, 2).answer == "later crossed because of it: take them back first"
    assert [e.reason for e in sea.ledger if e.what is What.REFUSED][-1].startswith("move: later")
    assert sea.ask(Verb.BACK, ago=7000).phase is Phase.RETURNING
    assert sea.ask(Verb.HOLD).answer != ""
    assert sea.ask(Verb.RESUME).answer != ""


def test_a_command_is_carried_out_once() -> None:
    sea = Sea()
    sea.look()
    sea.ask(Verb.MOVE, 30)
    before = list(sea.ledger)
    sea.watch(10)
    assert sea.ledger == before


def test_one_that_must_go_back_takes_back_first_what_crossed_because_of_it() -> None:
    sea = _settled()
    later = Other(Phase.MOVING, 25, ("login",))
    sea.look(others={"later": later})
    sea.ask(Verb.BACK)
    assert (sea.state.phase, sea.state.weight) == (Phase.RETURNING, 100)
    follower = _moving(weight=25)
    follower.spec = SPEC.model_copy(update={"after": ("base",)})
    follower.look(others={"base": Other(Phase.RETURNING, 100)})
    assert (follower.state.weight, follower.state.reason) == (
        0,
        "base goes back, and this one crossed because of it",
    )
    sea.look(others={"later": Other(Phase.RETURNED, 0, ("login",))})
    assert (sea.state.weight, sea.route) == (0, RouteFacts(0, 1))
    assert sea.look().phase is Phase.RETURNED
    assert sea.weights == [100, 0, 0]


def test_a_way_back_does_not_wait_for_ever_for_another() -> None:
    sea = _settled()
    sea.look(others={"later": Other(Phase.MOVING, 25, ("login",))})
    sea.ask(Verb.BACK)
    assert sea.watch(4).weight == 100
    assert sea.look().weight == 0


def test_a_way_back_at_the_route_itself_is_respected() -> None:
    for sea in (_moving(), _settled()):
        sea.route = RouteFacts(0, 1, by="ann@desk")
        sea.look()
        assert (sea.state.weight, sea.state.epoch, sea.state.phase) == (0, 1, Phase.RETURNED)
        assert [entry.by for entry in sea.ledger] == ["ann@desk", "pilot"]
        assert sea.route == RouteFacts(0, 1, by="ann@desk")


def test_a_way_back_at_the_route_and_as_a_command_is_one() -> None:
    sea = _moving()
    sea.route = RouteFacts(0, 1)
    sea.ask(Verb.BACK)
    assert (sea.state.epoch, sea.state.reason) == (1, "taken back by ann@desk")
    sea.watch(3)
    assert sea.happened == ["returning", "returned"]
    assert sea.route == RouteFacts(0, 1)


def test_a_route_edited_or_deleted_by_hand_is_noticed_and_mended() -> None:
    sea = _moving()
    sea.route = RouteFacts(77)
    sea.look()
    assert sea.route == RouteFacts(25, 0)
    assert sea.ledger[-1].reason == "somebody set the route to 77 %: it is 25 % again"
    sea.watch(2)
    sea.route = None
    sea.look()
    assert sea.route == RouteFacts(25, 0)
    sea.watch(2)
    sea.route = RouteFacts(0)
    assert sea.look().phase is Phase.RETURNING
    assert sea.happened == ["mended", "mended", "returning"]


def test_a_route_whose_file_changed_is_written_again_without_a_word() -> None:
    sea = _moving()
    sea.route = RouteFacts(25, ours=False)
    sea.look()
    assert sea.route == RouteFacts(25)
    assert sea.ledger == []


def test_a_route_of_an_earlier_version_keeps_its_weight() -> None:
    for weight, phase in ((0, Phase.MONOLITH), (25, Phase.MOVING), (100, Phase.SETTLED)):
        sea = Sea(route=RouteFacts(weight, ours=False))
        sea.look()
        assert (sea.state.phase, sea.state.weight) == (phase, weight)
        sea.watch(300)
        assert sea.state.weight == weight
        assert (sea.state.held == "the upgrade") == (weight == 25)


def test_a_crossing_that_is_removed_brings_its_traffic_back_first() -> None:
    sea = _moving()
    sea.look(deleting=True)
    assert not sea.released
    assert sea.route == RouteFacts(0, 1)
    sea.route = RouteFacts(0, 1, accepted=False)
    sea.watch(3)
    assert not sea.released
    sea.route = RouteFacts(0, 1)
    sea.look()
    assert sea.released
    unused = Sea(route=RouteFacts(0))
    unused.look(deleting=True)
    assert unused.released


def test_a_removal_does_not_wait_for_a_gateway_that_is_gone() -> None:
    sea = _moving()
    sea.look(deleting=True)
    sea.route = RouteFacts(0, 1, accepted=False)
    sea.watch(40)
    assert sea.released


def test_time_that_a_clock_jumps_is_not_watched() -> None:
    sea = _moving()
    sea.watch(10)
    sea.now += timedelta(minutes=5)
    assert sea.look().weight == 25
    sea.now -= timedelta(minutes=10)
    sea.watch(47)
    assert sea.state.weight == 25
    assert sea.watch(3).weight == 100


def test_only_what_is_new_must_be_written_at_once() -> None:
    sea = _moving()
    sea.watch(2)
    facts = replace(sea.facts, route=sea.route, elapsed=1.0)
    assert not advance(sea.spec, sea.state, sea.now, facts).changed
    broken = replace(facts, verdict=Says(broken=True))
    assert advance(sea.spec, sea.state, sea.now, broken).changed
