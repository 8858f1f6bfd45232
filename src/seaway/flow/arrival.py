"""Whether visitors come to the gateway by the public name: its move is the step before the first crossing."""

from __future__ import annotations

from seaway.errors import Refused
from seaway.model.event import Event, Outcome, Report
from seaway.model.snapshot import NameFacts


def moves_first(name: NameFacts | None) -> list[str]:
    """Say what comes before the first crossing; nothing where the name leads here, or the file has none."""
    if name is None or not (name.unmoved or name.why):
        return []
    return [f"{_told(name)}: seaway domain move is the step before seaway cross"]


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
