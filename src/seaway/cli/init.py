"""`seaway init`: look at the repository, write a seaway.yaml that works."""

from __future__ import annotations

from typing import Annotated

import typer

from seaway.cli.options import FILE, File, Format, Output
from seaway.cli.story import Story, emit, emit_json, next_commands

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the file instead of writing it.")]


def command(file: File = FILE, dry_run: DryRun = False, output: Output = Format.TEXT) -> None:
    """Look at the repository you stand in and write a seaway.yaml that works.

    It finds Python web applications and how they are served, an old application that has new ones beside
    it (the monolith), and the routes that both know. Nothing is imported or run, and a file that is there
    is never overwritten.

    For example:
      seaway init --dry-run
      seaway init
    """
    from seaway.flow.begin.draft import draft  # noqa: PLC0415  (pydantic)
    from seaway.flow.begin.survey import survey  # noqa: PLC0415
    from seaway.flow.begin.write import write  # noqa: PLC0415

    with Story() as story:
        folder = file.absolute().parent
        found = survey(folder)
        text = draft(found)
        write(text, file, dry_run=dry_run)
        old = f" and a monolith in ./{found.monolith.folder.relative_to(folder)}" if found.monolith else ""
        story.note(f"found {len(found.services)} services ({', '.join(found.services) or 'none'}){old}")
        for note in found.notes:
            story.note(note)
    if output is Format.JSON:
        names = {"services": list(found.services), "notes": list(found.notes)}
        emit_json({"file": str(file), "written": not dry_run, **names, "text": text})
    elif dry_run:
        emit(*text.splitlines())
    else:
        emit(f"wrote {file}")
    next_commands(("seaway check", "validate it, and this machine"))
