"""`seaway scale`: load, replicas and nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

if TYPE_CHECKING:
    from seaway.flow.scale import Scale, Scaled

app = typer.Typer(no_args_is_help=True)
SERVICES: Final = ("service", "load", "aim", "ready", "desired", "range", "why")


@app.callback()
def scale() -> None:
    """Load, replicas and nodes: how they stand, and what waits."""


@app.command("status")
def status(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show load and replicas of every service, the nodes, and which pods wait for one, with the reason.

    For example:
      seaway scale status
      seaway scale status -o json
    """
    from seaway import app as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.scaled(load(file), on, story)
    if output is Format.JSON:
        emit_json(found.as_json())
    else:
        _screen(found)
    next_commands(("seaway status", "everything else"))


def _screen(found: Scale) -> None:
    emit_table(SERVICES, [_row(each) for each in found.services])
    emit("")
    rows = [
        (node["name"], node["size"], "ready" if node["ready"] else "not ready", node["claim"])
        for node in found.nodes
    ]
    emit_table(("node", "size", "state", "claim"), rows)
    added = sum(bool(node["claim"]) for node in found.nodes)
    told = "no autoscaler adds nodes" if found.addable is None else f"{added} of {found.addable} nodes added"
    emit("", told)
    if found.waiting:
        emit("")
        emit_table(("waits", "since", "why"), [(each.pod, each.since, each.why) for each in found.waiting])


def _row(each: Scaled) -> tuple[str, ...]:
    counts = (str(each.ready), str(each.desired), f"{each.least}-{each.most}")
    return (each.name, _shares(each.load), _shares(each.aim), *counts, each.why)


def _shares(shares: Mapping[str, int]) -> str:
    return " ".join(f"{name} {share}%" for name, share in shares.items()) or "-"
