"""One turn of a crossing's life: the state as it becomes, and the effects that follow. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from seaway.rooms.crossing.facts import Facts, Other
from seaway.rooms.crossing.guards import Evidence
from seaway.rooms.crossing.routes import Split
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import FULL, Entry, Phase, State, What

PILOT: Final = "pilot"
READY: Final = "Ready"
GUARDED: Final = "Guarded"
COMPARED: Final = "Compared"
#: What somebody should look at; everything else is told as a Normal Event.
WARNINGS: Final = frozenset({What.RETURNING, What.RETURNED, What.MENDED, What.REFUSED})
UNDER_WAY: Final = frozenset({Phase.MOVING, Phase.HOLDING})


@dataclass(frozen=True)
class SetSplit(Split):
    """Write the route so that it parts its visitors like this."""


@dataclass(frozen=True)
class Record:
    """Add an entry to the ledger; one that is there already is not added twice."""

    entry: Entry


@dataclass(frozen=True)
class Emit:
    """Tell a Kubernetes Event: `type` is Normal or Warning, `reason` a word in CamelCase."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True)
class Requeue:
    """Look again at this moment, whether or not anything was seen until then."""

    at: datetime


@dataclass(frozen=True)
class Release:
    """Take the finalizer off the resource: its traffic is back at the monolith."""


Effect = SetSplit | Record | Emit | Requeue | Release


@dataclass
class Turn:
    """What is given, and what comes of it so far."""

    spec: CrossingSpec
    facts: Facts
    now: datetime
    state: State
    effects: list[Effect] = field(default_factory=list)
    #: Whether the weight was changed in this very turn: what the guards say is of the one before.
    fresh: bool = False

    @property
    def phase(self) -> Phase:
        return self.state.phase or Phase.WAITING

    def become(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def enter(self, phase: Phase, reason: str = "", **changes: Any) -> None:
        """Go into a phase; its time and what was watched begin anew."""
        self.become(phase=phase, reason=reason, since=self.now, watched=0.0, **changes)

    def condition(self, kind: str, status: str, reason: str, message: str = "") -> None:
        self.state = self.state.saying(kind, status, reason, message, self.now)

    def record(
        self, what: What, by: str, start: int, reason: str = "", figures: Mapping[str, Any] | None = None
    ) -> None:
        """Note what happened: in the history, in the ledger, as an Event. It leads to the present weight."""
        entry = Entry(self.now, what, by, start, self.state.weight, reason, figures or None)
        self.state = self.state.noting(entry)
        self.effects += [Record(entry), Emit(*_told(entry))]

    def rise(self, weight: int, by: str, reason: str, figures: Mapping[str, Any] | None = None) -> None:
        """Set the next weight and watch it from the beginning."""
        start, kept = self.state.weight, self.state.evidence
        phase = Phase.HOLDING if weight == FULL else Phase.MOVING
        evidence = Evidence.from_json(kept, self.spec.guard.rules).next_step().as_json() if kept else None
        self.enter(phase, weight=weight, taken=False, evidence=evidence)
        self.fresh = True
        self.record(What.MOVED, by, start, reason, figures)

    def back(
        self, reason: str, by: str, figures: Mapping[str, Any] | None = None, *, now: bool = False
    ) -> None:
        """Begin the way back; unless it must be `now`, those that crossed because of this one go first."""
        start = self.state.weight
        self.enter(Phase.RETURNING, reason, held="", started=False)
        if now or not self.dependents():
            self.drop()
        self.record(What.RETURNING, by, start, reason, figures)

    def drop(self) -> None:
        """Send everything to the monolith; visitors whom a cookie keeps on the new side come along."""
        found = self.facts.route.epoch if self.facts.route else 0
        self.become(weight=0, epoch=max(self.state.epoch + 1, found), taken=False, evidence=None)
        self.fresh = True

    def dependents(self) -> list[str]:
        """Name the crossings that come after this one and have traffic on their new side."""
        others = self.facts.others.items()
        return [name for name, other in others if self.facts.name in other.after and other.weight > 0]

    def behind(self, *, full: bool = False) -> str:
        """Say which crossing this one still waits for; with `full`, one at 100 % need not be settled."""
        for name in self.spec.after:
            other = self.facts.others.get(name)
            if other is None:
                return f"there is no crossing {name} to come after"
            if other.phase is not Phase.SETTLED and not (full and other.weight == FULL):
                return f"{name} is {other.phase.value} at {other.weight} %, not settled"
        return ""

    def leader_that_returns(self) -> str:
        """Name the crossing before this one that goes back or has gone back."""
        gone = {Phase.RETURNING, Phase.RETURNED}
        found = ((name, self.facts.others.get(name)) for name in self.spec.after)
        return next((name for name, other in found if other and other.phase in gone), "")

    def neighbour(self) -> tuple[str, Other] | None:
        """Find another crossing that is on its way while one of the two wants to be alone."""
        moving = ((name, other) for name, other in sorted(self.facts.others.items()) if other.moves)
        return next(((n, o) for n, o in moving if self.spec.alone or o.alone), None)


def _told(entry: Entry) -> tuple[str, str, str]:
    kind = "Warning" if entry.what in WARNINGS else "Normal"
    way = f"{entry.start} % → {entry.end} %" if entry.start != entry.end else f"at {entry.end} %"
    why = f": {entry.reason}" if entry.reason else ""
    return kind, f"Crossing{entry.what.value.capitalize()}", f"{entry.by}, {way}{why}"
