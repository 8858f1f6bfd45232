"""A crossing on paper, with the world around it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from seaway.rooms.crossing.facts import Facts, RouteFacts
from seaway.rooms.crossing.life import advance
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import Command, Entry, Phase, State, Verb
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
            case SetSplit(weight, epoch, comparing, leaving):
                self.route = RouteFacts(weight, epoch, comparing, leaving=leaving)
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


def moving(weight: int = 25, **changes: Any) -> Sea:
    state = State(Phase.MOVING, weight, since=NOW, started=True, taken=True)
    return Sea(state=replace(state, **changes), route=RouteFacts(weight))


def settled(**changes: Any) -> Sea:
    return Sea(state=State(Phase.SETTLED, 100, since=NOW, taken=True, **changes), route=RouteFacts(100))
