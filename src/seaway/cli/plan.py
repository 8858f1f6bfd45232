"""`seaway plan`: what would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.story import Story, emit, emit_json, next_commands

if TYPE_CHECKING:
    from seaway.model.plan import Plan

CHANGES: Final = 3
MARKS: Final = {"create": "+", "update": "~", "delete": "-", "build": "*", "wait": "…"}


def command(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Say what would change, step by step; nothing is changed.

    Exit status: 0 all is as the file says, 3 there are changes.

    For example:
      seaway plan
      seaway plan --on rehearsal -o json
    """
    from seaway.app import environment as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.survey(load(file), on, story)
        for note in found.plan.notes:
            story.note(note)
    if output is Format.JSON:
        document = {"environment": found.seen.environment, "notes": list(found.plan.notes)}
        emit_json({**document, "changes": [change.as_json() for change in found.plan.changes]})
    else:
        emit(*lines(found.plan))
    if found.plan:
        next_commands(("seaway up", "carry it out"))
        raise typer.Exit(CHANGES)
    next_commands(("seaway status", "what runs"))


def lines(plan: Plan) -> list[str]:
    """Write one line for each change, in the order in which they will be made."""
    found = []
    for change in plan.changes:
        details = f"  ({'; '.join(change.details)})" if change.details else ""
        found.append(f"{MARKS[change.verb.value]} {change.verb.value:<7}{change.thing}{details}")
    return found or ["no changes: all is as the file says"]
