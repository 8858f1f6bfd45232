"""What shall be done: steps, in an order that is data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol, TypeVar

World_contra = TypeVar("World_contra", contravariant=True)


class Verb(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    BUILD = "build"
    WAIT = "wait"


@dataclass(frozen=True)
class Change:
    """One line of `seaway plan`: what is done to which thing, and why; `parts` are what it consists of."""

    step: str
    verb: Verb
    thing: str
    details: tuple[str, ...] = ()
    parts: tuple[Change, ...] = ()

    def as_json(self) -> dict[str, Any]:
        document = {
            "step": self.step,
            "verb": self.verb.value,
            "thing": self.thing,
            "details": list(self.details),
        }
        return {**document, "parts": [part.as_json() for part in self.parts]} if self.parts else document


Outputs = Mapping[str, str]


class Step(Protocol[World_contra]):
    """One thing to do. Steps are frozen: they carry all they need and can be shown before they run."""

    @property
    def id(self) -> str:
        """`room/name/what`, unique in the plan."""

    @property
    def after(self) -> tuple[str, ...]:
        """Ids of steps that must be done first; ids that are not in the plan count as done."""

    def describe(self) -> Change:
        """Say what it will do, without doing it."""

    def run(self, world: World_contra) -> Outputs:
        """Do it. Safe to repeat; what later steps need to know comes back by name."""


@dataclass(frozen=True)
class Plan:
    """Steps in an order in which each comes after those it names. `notes` is what the reader should know."""

    steps: tuple[Step[Any], ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def ordered(cls, steps: Iterable[Step[Any]], notes: Iterable[str] = ()) -> Plan:
        """Sort by `after`, otherwise as given.

        Raises ValueError when two steps share an id or the order has a cycle: a fault of the planner.
        """
        given = list(steps)
        by_id = {step.id: step for step in given}
        if len(by_id) != len(given):
            raise ValueError("two steps share an id")
        sorter = TopologicalSorter({s.id: [a for a in s.after if a in by_id] for s in given})
        try:
            order = list(sorter.static_order())
        except CycleError as error:
            raise ValueError(f"the plan has a cycle: {error.args[1]}") from error
        return cls(tuple(by_id[i] for i in order), tuple(notes))

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(step.describe() for step in self.steps)

    def __bool__(self) -> bool:
        return bool(self.steps)
