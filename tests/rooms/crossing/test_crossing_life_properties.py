"""What holds of every life, whatever happens in it and wherever the pilot is killed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.rooms.crossing.facts import Compared, Facts, Other, RouteFacts
from seaway.rooms.crossing.ledger import merged
from seaway.rooms.crossing.life import advance
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import Command, Entry, Phase, State, Verb
from seaway.rooms.crossing.turn import Record, Release, SetSplit

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
UNDER_WAY = {Phase.MOVING, Phase.HOLDING}
BACK = {Phase.RETURNING, Phase.RETURNED}


@dataclass(frozen=True)
class Says:
    broken: bool = False
    enough: bool = True
    reason: str = "as the guards say"
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Moment:
    """What happens before one look; the pilot dies after `killed` writes, if at all."""

    elapsed: float = 1.0
    verdict: Says | None = Says()
    ready: int | None = 2
    compared: Compared | None = None
    others: dict[str, Other] = field(default_factory=dict)
    asked: tuple[Verb, int] | None = None
    edited: RouteFacts | str | None = None
    taken: bool = True
    killed: int | None = None


@dataclass
class World:
    """What outlives a pilot: the status, the route, the ledger, the last command."""

    spec: CrossingSpec
    now: datetime = NOW
    status: dict[str, Any] | None = None
    route: RouteFacts | None = None
    ledger: tuple[Entry, ...] = ()
    command: Command | None = None
    asked: int = 0

    def state(self) -> State:
        return State.from_status(self.status)

    def happen(self, moment: Moment) -> None:
        self.now += timedelta(seconds=moment.elapsed)
        if moment.asked:
            self.asked += 1
            verb, weight = moment.asked
            self.command = Command(str(self.asked), verb, "ann@desk", self.now, weight)
        if moment.edited == "gone":
            self.route = None
        elif moment.edited == "back" and self.route:
            epoch = self.route.epoch + (self.route.weight > 0)
            self.route = replace(self.route, weight=0, epoch=epoch, by="ann@desk")
        elif isinstance(moment.edited, RouteFacts) and self.route:
            self.route = replace(self.route, weight=moment.edited.weight)
        if self.route:
            self.route = replace(self.route, accepted=moment.taken)

    def facts(self, moment: Moment, elapsed: float, watched: int) -> Facts:
        verdict = moment.verdict
        if verdict and self.state().weight != watched:
            verdict = Says(enough=False)  # a new weight has no evidence yet
        return Facts(
            "login",
            self.route,
            self.command,
            moment.others,
            verdict,
            moment.ready,
            moment.compared,
            elapsed=elapsed,
        )

    def look(self, moment: Moment, elapsed: float, watched: int, killed: int | None = None) -> None:
        """One look and its writes, of which only the first `killed` are made."""
        found = advance(self.spec, self.state(), self.now, self.facts(moment, elapsed, watched))
        writes: list[Any] = [found.state, *found.effects]
        for write in writes[:killed]:
            match write:
                case State():
                    self.status = write.as_status(self.spec.steps, 0)
                case SetSplit(weight, epoch, comparing, leaving):
                    self.route = RouteFacts(weight, epoch, comparing, accepted=moment.taken, leaving=leaving)
                case Record(entry):
                    self.ledger = merged(self.ledger, [entry])


def _live(spec: CrossingSpec, moments: list[Moment], *, kill: bool) -> World:
    world = World(spec)
    for moment in moments:
        world.happen(moment)
        watched = world.state().weight
        if kill and moment.killed is not None:
            world.look(moment, moment.elapsed, watched, moment.killed)
            world.ledger = merged(world.ledger, world.state().history)
            world.look(moment, 0.0 if moment.killed else moment.elapsed, watched)
        else:
            world.look(moment, moment.elapsed, watched)
        for _ in range(3):  # changes that were seen are looked at at once
            world.look(replace(moment, verdict=Says(enough=False)), 0.0, watched)
    return world


OTHERS = st.dictionaries(
    st.sampled_from(["base", "later"]),
    st.builds(
        Other,
        st.sampled_from(Phase),
        st.sampled_from([0, 5, 100]),
        st.sampled_from([(), ("login",)]),
        st.booleans(),
    ),
)
MOMENTS = st.builds(
    Moment,
    elapsed=st.sampled_from([0.0, 1.0, 5.0, 600.0]),
    verdict=st.one_of(st.none(), st.just(Says()), st.builds(Says, st.booleans(), st.booleans())),
    ready=st.sampled_from([2, 2, 2, 0, None]),
    compared=st.one_of(st.none(), st.builds(Compared, st.booleans(), st.booleans(), st.just("as compared"))),
    others=OTHERS,
    asked=st.one_of(
        st.none(), st.none(), st.tuples(st.sampled_from(Verb), st.sampled_from([0, 1, 5, 30, 50, 99, 100]))
    ),
    edited=st.one_of(
        st.none(), st.none(), st.none(), st.sampled_from(["gone", "back"]),
        st.builds(RouteFacts, st.sampled_from([0, 7, 100])),
    ),
    taken=st.booleans(),
    killed=st.one_of(st.none(), st.integers(0, 5)),
)  # fmt: skip
SPECS = st.builds(
    lambda more: CrossingSpec.model_validate({"routes": "/login", "to": "web", "hold": "5s", **more}),
    st.fixed_dictionaries(
        {
            "steps": st.sampled_from([[100], [1, 5, 25, 50, 100], [30, 100]]),
            "start": st.sampled_from(["manual", "automatic"]),
            "after": st.sampled_from([[], ["base"]]),
            "alone": st.booleans(),
            "only": st.sampled_from(["", "", "Tue 10:00-10:20", "Wed 10:00-11:00"]),
        },
        optional={"compare": st.just({})},
    ),
)


@settings(max_examples=80)
@given(SPECS, st.lists(MOMENTS, min_size=1, max_size=15))
def test_one_that_is_killed_between_any_two_writes_arrives_at_the_same_place(
    spec: CrossingSpec, moments: list[Moment]
) -> None:
    whole, killed = _live(spec, moments, kill=False), _live(spec, moments, kill=True)
    assert killed.route == whole.route
    left, right = whole.state(), killed.state()
    for name in ("phase", "weight", "epoch", "held", "started", "taken", "command", "answer", "reason"):
        assert getattr(left, name) == getattr(right, name), name
    assert right.history == left.history
    assert killed.ledger == whole.ledger


@settings(max_examples=80)
@given(SPECS, st.lists(MOMENTS, min_size=1, max_size=15))
def test_a_weight_rises_only_by_steps_or_by_hand_and_never_above_the_guard(
    spec: CrossingSpec, moments: list[Moment]
) -> None:
    world = World(spec)
    for moment in moments:
        world.happen(moment)
        before = world.state()
        facts = world.facts(moment, moment.elapsed, before.weight)
        world.look(moment, moment.elapsed, before.weight)
        after = world.state()
        by_hand = {moment.asked[1]} if moment.asked and moment.asked[0] is Verb.MOVE else set()
        if before.phase is not None and after.weight > before.weight:
            following = next(step for step in spec.steps if step > before.weight)
            assert after.weight in {following} | by_hand
            assert after.phase in UNDER_WAY
            assert moment.ready
            if after.weight not in by_hand:
                assert spec.hours.is_open(world.now)
                assert before.weight == 0 or (moment.verdict and moment.verdict.enough)
                assert not after.held
        if before.phase in UNDER_WAY and facts.verdict and facts.verdict.broken and not by_hand:
            assert after.phase in BACK
        if before.weight and after.weight == 0:
            assert after.epoch > before.epoch
            assert after.phase in BACK
        assert after.epoch >= before.epoch
        assert (after.weight == 0) or after.phase in {*UNDER_WAY, Phase.SETTLED, Phase.RETURNING}
        assert after.phase is not Phase.SETTLED or after.weight == 100
        assert State.from_status(after.as_status(spec.steps, 0)) == after


@settings(max_examples=60)
@given(SPECS, st.lists(MOMENTS, max_size=8), MOMENTS)
def test_one_that_is_removed_at_any_moment_is_at_the_monolith_before_it_goes(
    spec: CrossingSpec, moments: list[Moment], last: Moment
) -> None:
    world = _live(spec, moments, kill=False)
    for _ in range(12):
        facts = replace(world.facts(last, 5.0, -1), deleting=True)
        found = advance(spec, world.state(), world.now, facts)
        world.status = found.state.as_status(spec.steps, 0)
        if any(isinstance(effect, Release) for effect in found.effects):
            assert world.route is None or (world.route.weight == 0 and world.route.leaving)
            return
        for effect in found.effects:
            if isinstance(effect, SetSplit):
                world.route = RouteFacts(
                    effect.weight, effect.epoch, effect.comparing, accepted=last.taken, leaving=effect.leaving
                )
    raise AssertionError("never released")


FLAGS = st.booleans()
ROUTES = st.builds(RouteFacts, st.integers(0, 100), st.integers(0, 3), FLAGS, FLAGS, FLAGS)
COMMANDS = st.builds(
    Command, st.just("1"), st.sampled_from(Verb), st.just("ann@desk"), st.just(NOW), st.integers(0, 100)
)
FACTS = st.builds(
    Facts,
    st.just("login"),
    st.one_of(st.none(), ROUTES),
    st.one_of(st.none(), COMMANDS),
    OTHERS,
    st.one_of(st.none(), st.builds(Says, FLAGS, FLAGS)),
    st.one_of(st.none(), st.integers(0, 3)),
    st.one_of(st.none(), st.builds(Compared, FLAGS, FLAGS, st.just(""))),
    st.floats(-10, 1e9),
    FLAGS,
)
STATES = st.builds(
    State,
    st.one_of(st.none(), st.sampled_from(Phase)),
    st.integers(0, 100),
    st.just(NOW),
    st.integers(0, 3),
    st.just(""),
    st.sampled_from(["", "ann@desk"]),
    st.booleans(),
    st.booleans(),
    st.floats(0, 1e6),
)


@settings(max_examples=300)
@given(SPECS, STATES, FACTS)
def test_every_phase_has_an_answer_to_everything(spec: CrossingSpec, state: State, facts: Facts) -> None:
    found = advance(spec, state, NOW, facts)
    assert 0 <= found.state.weight <= 100
    assert found.state.phase is not None
