"""`seaway check`: whether the file is right and this machine has what it needs."""

from __future__ import annotations

import sys
from typing import Final

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.story import emit, emit_json, next_commands, style, wants_colour
from seaway.errors import SpecError

MARKS: Final = {"ok": ("✓", "green"), "warn": ("•", "dim"), "fail": ("✗", "red")}


def command(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Validate the file and what it needs on this machine; nothing is changed.

    Exit status: 0 all is well, 1 this machine lacks something, 2 the file is wrong.

    For example:
      seaway check
      seaway check --on rehearsal -o json
    """
    from seaway.flow.check import look, machine_for_nodes  # noqa: PLC0415  (pydantic)
    from seaway.flow.load import load  # noqa: PLC0415

    wrong: SpecError | None = None
    try:
        system = load(file)
    except SpecError as error:
        wrong, findings, chosen = error, list(machine_for_nodes()), ""
    else:
        chosen, environment = system.environment(on)
        findings = list(look(system, environment))
    failed = any(finding.level == "fail" for finding in findings)
    status = wrong.exit_status if wrong else int(failed)
    if output is Format.JSON:
        problems = [vars(problem) for problem in wrong.problems] if wrong else []
        document = {"file": str(file), "environment": chosen, "ok": not status, "problems": problems}
        emit_json({**document, "findings": [vars(finding) for finding in findings]})
    else:
        for finding in findings:
            mark, colour = MARKS[finding.level]
            why = f": {finding.why}" if finding.why else ""
            emit(f"{style(mark, colour, wants_colour(sys.stdout))} {finding.what}{why}")
            if finding.remedy:
                emit(f"    → {finding.remedy}")
    if wrong:
        sys.stderr.write("\n".join(wrong.lines()) + "\n")
    next_commands(
        *([("seaway plan", "what would be done")] if not status else [("seaway check", "look again")])
    )
    raise typer.Exit(status)
