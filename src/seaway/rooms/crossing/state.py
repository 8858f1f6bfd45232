"""Where a crossing stands: all that the pilot keeps of it, in the resource's status."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from seaway.kit import moments

#: Entries that the status keeps; all of them are in the ledger.
KEPT: Final = 20
FULL: Final = 100
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Phase(StrEnum):
    """Where a crossing stands, in the order of its life; the last two are the way back."""

    WAITING = "waiting"
    MONOLITH = "monolith"
    COMPARING = "comparing"
    MOVING = "moving"
    HOLDING = "holding"
    SETTLED = "settled"
    RETURNING = "returning"
    RETURNED = "returned"


class Verb(StrEnum):
    """What people may ask of a crossing."""

    START = "start"
    HOLD = "hold"
    RESUME = "resume"
    MOVE = "move"
    BACK = "back"


class What(StrEnum):
    """What happened to a crossing, as ledger and Events name it."""

    ADOPTED = "adopted"
    STARTED = "started"
    COMPARED = "compared"
    MOVED = "moved"
    SETTLED = "settled"
    HELD = "held"
    RESUMED = "resumed"
    RETURNING = "returning"
    RETURNED = "returned"
    MENDED = "mended"
    REFUSED = "refused"


@dataclass(frozen=True)
class Command:
    """What somebody asked for: the annotation `seaway.dev/command`. `weight` counts for `move` alone."""

    id: str
    verb: Verb
    by: str
    at: datetime
    weight: int = 0

    def as_text(self) -> str:
        document: dict[str, Any] = {"id": self.id, "verb": self.verb.value}
        if self.verb is Verb.MOVE:
            document["weight"] = self.weight
        return json.dumps({**document, "by": self.by, "at": moment(self.at)})

    @classmethod
    def from_text(cls, text: str) -> Command | None:
        """Read the annotation; None where there is none, or none that can be understood."""
        try:
            data = json.loads(text)
            weight = int(data.get("weight", 0))
            found = cls(str(data["id"]), Verb(data["verb"]), str(data["by"]), read_moment(data["at"]), weight)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        return found if found.id and 0 <= weight <= FULL else None


@dataclass(frozen=True)
class Entry:
    """One thing that happened: when, by whom, the weights before and after, why, by which figures."""

    at: datetime
    what: What
    by: str
    start: int
    end: int
    reason: str = ""
    figures: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "at": moment(self.at), "what": self.what.value, "by": self.by, "from": self.start, "to": self.end,
        }  # fmt: skip
        if self.reason:
            document["reason"] = self.reason
        if self.figures:
            document["figures"] = dict(self.figures)
        return document

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        """Read one. Raises ValueError, KeyError or TypeError where it is none."""
        what, figures = What(data["what"]), data.get("figures")
        return cls(
            read_moment(data["at"]), what, str(data["by"]), int(data["from"]), int(data["to"]),
            str(data.get("reason", "")), dict(figures) if figures else None,
        )  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """A condition of the Kubernetes API (metav1.Condition). `since` is when `status` became what it is."""

    type: str
    status: str
    reason: str
    message: str
    since: datetime

    def as_json(self, generation: int) -> dict[str, Any]:
        return {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "lastTransitionTime": moment(self.since),
            "observedGeneration": generation,
        }


@dataclass(frozen=True)
class State:
    """What the pilot knows of a crossing; `phase` is None for one that it has never looked at.

    `weight` is what the route shall say, `taken` whether the gateway has taken that up. `watched` counts the
    seconds that this step was really watched: the pilot's own, so that neither a death of it nor a clock that
    is wrong shortens a hold. `epoch` is raised by every return. `started` says that it may go up by itself,
    `held` who keeps it from that. `command` is the last one that was dealt with, `answer` why it was refused.
    `evidence` is what the guards remember since it started. `generation` is that of the spec that was seen.
    """

    phase: Phase | None = None
    weight: int = 0
    since: datetime = NEVER
    epoch: int = 0
    reason: str = ""
    held: str = ""
    started: bool = False
    taken: bool = False
    watched: float = 0.0
    command: str = ""
    answer: str = ""
    evidence: Mapping[str, Any] | None = None
    conditions: tuple[Condition, ...] = ()
    history: tuple[Entry, ...] = ()
    generation: int = 0

    def condition(self, kind: str) -> Condition | None:
        return next((c for c in self.conditions if c.type == kind), None)

    def noting(self, entry: Entry) -> State:
        """Give the same state with one more entry in its bounded history."""
        return replace(self, history=(*self.history, entry)[-KEPT:])

    def saying(self, kind: str, status: str, reason: str, message: str, now: datetime) -> State:
        """Give the same state with one condition as it is now; its time changes with its status only."""
        before = self.condition(kind)
        since = before.since if before and before.status == status else now
        fresh = Condition(kind, status, reason, message, since)
        others = tuple(c for c in self.conditions if c.type != kind)
        return replace(self, conditions=tuple(sorted((*others, fresh), key=lambda c: c.type)))

    def step(self, steps: tuple[int, ...]) -> int:
        """Give the index of the last step that the weight has reached; -1 below the first."""
        return sum(1 for step in steps if step <= self.weight) - 1

    def as_status(self, steps: tuple[int, ...], generation: int) -> dict[str, Any]:
        """Give the resource's status; what is empty is left out."""
        return {
            "phase": self.phase.value if self.phase else "",
            "weight": self.weight,
            "step": self.step(steps),
            "since": moment(self.since),
            "epoch": self.epoch,
            "reason": self.reason,
            "held": self.held,
            "started": self.started,
            "taken": self.taken,
            "watched": round(self.watched, 1),
            "command": self.command,
            "answer": self.answer,
            "evidence": dict(self.evidence) if self.evidence else None,
            "conditions": [c.as_json(generation) for c in self.conditions],
            "history": [e.as_json() for e in self.history],
            "observedGeneration": generation,
        }

    @classmethod
    def from_status(cls, status: Mapping[str, Any] | None) -> State:
        """Read the resource's status; a crossing that has none was never looked at."""
        if not status or not status.get("phase"):
            return cls()
        return cls(
            phase=Phase(status["phase"]),
            weight=int(status.get("weight", 0)),
            since=read_moment(status["since"]),
            epoch=int(status.get("epoch", 0)),
            reason=str(status.get("reason", "")),
            held=str(status.get("held", "")),
            started=bool(status.get("started", False)),
            taken=bool(status.get("taken", False)),
            watched=float(status.get("watched", 0)),
            command=str(status.get("command", "")),
            answer=str(status.get("answer", "")),
            evidence=status.get("evidence") or None,
            conditions=tuple(_conditions(status.get("conditions") or ())),
            history=tuple(Entry.from_json(e) for e in status.get("history") or ()),
            generation=int(status.get("observedGeneration", 0)),
        )


def moment(at: datetime) -> str:
    """Write a moment as the Kubernetes API does (RFC 3339, UTC), to the millisecond."""
    return moments.written(at, "milliseconds")


def read_moment(text: str) -> datetime:
    """Read an RFC 3339 moment. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} does not say its time zone")
    return found.astimezone(UTC)


def _conditions(found: Iterable[Mapping[str, Any]]) -> Iterable[Condition]:
    for c in found:
        since = read_moment(c["lastTransitionTime"])
        yield Condition(c["type"], c["status"], c.get("reason", ""), c.get("message", ""), since)
