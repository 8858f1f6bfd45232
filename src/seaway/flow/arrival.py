"""Whether visitors come to the gateway by the public name: its move is the step before the first crossing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from seaway.errors import Refused
from seaway.flow.system import System
from seaway.model.event import Event, Outcome, Report
from seaway.model.snapshot import NameFacts, Snapshot
from seaway.rooms.crossing.plan import resources_in
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import State

_BY_HAND: Final = {"start": "manual"}


def moves_first(name: NameFacts | None, waiting: Iterable[str] = ()) -> list[str]:
    """Say what comes before the first crossing; nothing where the name leads here, or the file has none.

    Those that are `waiting` would start by themselves.
    """
    if name is None or not (name.unmoved or name.why):
        return []
    first = f"{_told(name)}: seaway domain move is the step before seaway cross"
    names = ", ".join(waiting)
    return [first, *([f"{names}: starts by itself with the seaway up after that"] if names else [])]


def unhurried(system: System, seen: Snapshot) -> dict[str, CrossingSpec]:
    """Give the crossings of the file, of which none begins by itself before visitors are known to come.

    Until then one with `start: automatic` waits for `seaway cross start`; what has begun is left as it is.
    """
    if seen.name is None or seen.name.arrived:
        return dict(system.crossings)
    live = resources_in(seen.live, system.system, system.crossings)
    states = {name: State.from_status((found or {}).get("status")) for name, found in live.items()}
    return {
        name: spec if states[name].started or states[name].weight else spec.model_copy(update=_BY_HAND)
        for name, spec in system.crossings.items()
    }


def must_have_arrived(name: NameFacts | None, report: Report) -> None:
    """See that visitors come before anything crosses; where that is not known it is told, and that is all.

    Raises Refused where none can come. A crossing that nobody asks passes its guards unseen, and the move of
    the name would then send everybody to what was never tried.
    """
    if name is None:
        return
    if name.unmoved:
        raise Refused(
            f"{_told(name)}: nothing crosses before it is moved",
            why="a crossing is judged by its visitors, and none come to the gateway",
            remedy="seaway domain move, or say --anyway where you send it requests of your own",
        )
    if name.why:
        report(Event("cross/name", Outcome.NOTE, _told(name)))


def _told(name: NameFacts) -> str:
    if name.why:
        return f"where {name.name} leads is not known ({name.why})"
    return (
        f"{name.name} leads nowhere yet"
        if name.leads == "nowhere"
        else f"{name.name} still leads to the old server"
    )
