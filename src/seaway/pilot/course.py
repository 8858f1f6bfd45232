"""One crossing as the pilot keeps it in mind: its state, its guards' evidence, when to look again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from seaway.rooms.crossing.facts import Other, RouteFacts
from seaway.rooms.crossing.guards import Evidence, Rules, Seen, Verdict, fold, verdict
from seaway.rooms.crossing.resource import Crossing
from seaway.rooms.crossing.state import Entry, Phase, State
from seaway.rooms.crossing.turn import UNDER_WAY, Emit

#: Seconds between two writes of what is only counted, at least: evidence, and the time that was watched.
PERSIST: Final = 10.0
NEVER: Final = math.inf


@dataclass
class Course:
    """`state` is what was decided last, `basis` what the status said when it was last seen or written.

    `looked`, `saved` and `due` are seconds of a clock that only goes forward. `unnoted` are entries that the
    ledger may lack: at first all that the status has, since a pilot before may have died in between.
    `untold` are Events that are still to be told.
    `rests` is until when it is left alone after a fault of the pilot's own.
    `route` is what was found out about the route, with the versions that it was found out from.
    """

    crossing: Crossing
    state: State
    basis: State
    saved: float
    evidence: Evidence | None = None
    looked: float | None = None
    due: float = 0.0
    rests: float = 0.0
    seen: tuple[Any, ...] = ()
    route: tuple[tuple[Any, ...], RouteFacts | None] = ((), None)
    unnoted: list[Entry] = field(default_factory=list)
    untold: list[Emit] = field(default_factory=list)

    @classmethod
    def of(cls, crossing: Crossing, clock: float) -> Course:
        """Begin with what the resource says: it may be another pilot's."""
        state, rules = crossing.state, crossing.spec.guard.rules
        kept = Evidence.from_json(state.evidence, rules) if state.evidence else None
        return cls(crossing, state, state, clock, kept, unnoted=list(state.history))

    @property
    def rules(self) -> Rules:
        return self.crossing.spec.guard.rules

    @property
    def phase(self) -> Phase:
        return self.state.phase or Phase.WAITING

    @property
    def other(self) -> Other:
        """As the other crossings see it."""
        spec = self.crossing.spec
        return Other(self.phase, self.state.weight, spec.after, spec.alone, self.state.held)

    @property
    def watched(self) -> bool:
        """Whether its guards need the gateway's statistics."""
        return self.phase in UNDER_WAY

    def fold(self, sides: Mapping[str, tuple[Seen, Seen]], seconds: float) -> None:
        """Take in what both sides did; nothing where nobody asked for its routes."""
        evidence = self._evidence()
        old, new = sides.get(self.crossing.name, (Seen(0, 0), Seen(0, 0)))
        self.evidence = fold(evidence, self.rules, old, new, seconds)

    def verdict(self) -> Verdict:
        return verdict(self._evidence(), self.rules)

    def learnt(self, state: State) -> Evidence | None:
        """Give what the guards go on with: a step keeps what was learnt, the way back forgets it."""
        if state.epoch != self.state.epoch or state.phase not in UNDER_WAY or self.evidence is None:
            return None
        return self.evidence if state.weight == self.state.weight else self.evidence.next_step()

    def become(self, state: State) -> None:
        """Go on with what was decided."""
        self.evidence, self.state = self.learnt(state), state

    def to_save(self, state: State) -> State:
        """Give the state as it shall be written: with the evidence that goes on."""
        evidence = self.learnt(state)
        return replace(state, evidence=evidence.as_json() if evidence else None)

    def _evidence(self) -> Evidence:
        if self.evidence is None or self.evidence.rules != str(self.rules):
            self.evidence = Evidence.fresh(self.rules)
        return self.evidence
