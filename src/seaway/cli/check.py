"""`seaway check`: whether the file is right and this machine has what it needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.story import Story, emit, emit_json, next_commands, style, wants_colour
from seaway.errors import SpecError

if TYPE_CHECKING:
    from seaway.flow.system import System
    from seaway.kit.machine import Finding

CHANGES: Final = 3
MARKS: Final = {"ok": ("✓", "green"), "warn": ("•", "dim"), "fail": ("✗", "red")}


Drift = Annotated[bool, typer.Option("--drift", help="Also see whether the environment is as the file says.")]


def command(on: On = "", file: File = FILE, drift: Drift = False, output: Output = Format.TEXT) -> None:
    """Validate the file and what it needs on this machine; nothing is changed.

    Exit status: 0 all is well, 1 this machine lacks something, 2 the file is wrong, 3 with --drift: the
    environment is not as the file says.

    For example:
      seaway check
      seaway check --on rehearsal -o json
    """
    from seaway.flow.check import look, machine_for_nodes  # noqa: PLC0415  (pydantic)
    from seaway.flow.load import load  # noqa: PLC0415

    wrong: SpecError | None = None
    changes: list[str] = []
    chosen = ""
    try:
        system = load(file)
    except SpecError as error:
        wrong, findings = error, list(machine_for_nodes())
    else:
        chosen, environment = system.environment(on)
        findings = list(look(system, environment))
        changes = _drift(system, on) if drift and not _failed(findings) else []
    status = wrong.exit_status if wrong else 1 if _failed(findings) else CHANGES if changes else 0
    if output is Format.JSON:
        problems = [vars(problem) for problem in wrong.problems] if wrong else []
        document = {"file": str(file), "environment": chosen, "ok": not status, "problems": problems}
        found = [vars(finding) for finding in findings]
        emit_json({**document, "findings": found, **({"drift": changes} if drift else {})})
    else:
        emit(*_lines(findings), *(f"• {change}" for change in changes))
    if wrong:
        sys.stderr.write("\n".join(wrong.lines()) + "\n")
    next_commands(
        ("seaway check", "look again") if status in {1, 2} else ("seaway plan", "what would be done"), on=on
    )
    raise typer.Exit(status)


def _failed(findings: list[Finding]) -> bool:
    return any(finding.level == "fail" for finding in findings)


def _drift(system: System, on: str) -> list[str]:
    """Say what `seaway up` would change, and which public names no longer lead where they were led."""
    from seaway.app import environment as house  # noqa: PLC0415  (lightkube)

    with Story() as story:
        found = house.survey(system, on, story)
    every = (each for change in found.plan.changes for each in (change, *change.parts))
    names = (text for each in found.seen.records for text in each.drift())
    return [*(f"{each.verb.value} {each.thing}" for each in every), *names]


def _lines(findings: list[Finding]) -> Iterator[str]:
    for finding in findings:
        mark, colour = MARKS[finding.level]
        why = f": {finding.why}" if finding.why else ""
        yield f"{style(mark, colour, wants_colour(sys.stdout))} {finding.what}{why}"
        if finding.remedy:
            yield f"    → {finding.remedy}"
