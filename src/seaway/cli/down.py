"""`seaway down`: remove all that Seaway made."""

from __future__ import annotations

import sys

import typer

from seaway.cli.options import FILE, File, Format, On, Output, Yes
from seaway.cli.story import Story, emit, emit_json, next_commands
from seaway.errors import Refused


def command(on: On = "", file: File = FILE, output: Output = Format.TEXT, yes: Yes = False) -> None:
    """Remove all that Seaway made in an environment, its data included, and nothing else.

    For example:
      seaway down
      seaway down --on rehearsal --yes
    """
    from seaway import app  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    system = load(file)
    name, _ = system.environment(on)
    cluster = app.local_cluster(system, on)
    goes = [f"cluster {cluster.name} ({len(cluster.nodes)} nodes)"] if cluster else []
    goes += [f"database {each} with its data" for each in system.databases] if cluster else []
    if goes and not yes:
        _ask(name, goes)
    with Story() as story:
        app.down(system, on, story)
    if output is Format.JSON:
        emit_json({"environment": name, "removed": goes})
    else:
        emit(*(f"removed: {each}" for each in goes) if goes else ("nothing to remove",))
    next_commands(("seaway up", "bring it back, without the data"))


def _ask(name: str, goes: list[str]) -> None:
    """Ask before anything goes. Raises Refused where nobody can answer."""
    if not sys.stdin.isatty():
        raise Refused(
            f"environment {name} is not removed without a word",
            why="; ".join(f"this would go: {each}" for each in goes),
            remedy="give the option --yes as well",
        )
    sys.stderr.write("\n".join(["This goes, for good:", *(f"  {each}" for each in goes)]) + "\n")
    typer.confirm(f"Remove environment {name}?", abort=True, err=True)
