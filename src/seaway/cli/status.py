"""`seaway status`: one screen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.plan import tell_names
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands, style, wants_colour

if TYPE_CHECKING:
    from seaway.flow.status import Status, Workload

COLUMNS: Final = ("ready", "state", "image")


def command(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show nodes, services, databases, routes with their weights, the edge, and what is wrong.

    For example:
      seaway status
      seaway status -o json
    """
    from seaway.app import environment as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.status(load(file), on, story)
    if output is Format.JSON:
        emit_json(found.as_json())
    else:
        _screen(found)
    if found.cluster["state"] != "running" or found.problems:
        next_commands(("seaway plan", "what would mend it"), ("seaway up", "mend it"), on=on)
    else:
        trust = [("seaway edge ca", "the certificate to trust")] if found.edge["ca"] else []
        next_commands(("seaway cross status", "the crossings"), *trust, on=on)


def _screen(found: Status) -> None:
    cluster, edge = found.cluster, found.edge
    emit(f"{found.system} · {found.environment} · {' '.join(edge['urls'])}", "")
    emit(f"cluster {cluster['name'] or '-'}: {cluster['state']}  {cluster['context']}")
    emit_table(
        ("node", "size", "state", "claim"),
        [(n["name"], n["size"], "ready" if n["ready"] else "not ready", n["claim"]) for n in found.nodes],
    )
    counter = (found.counter,) if found.counter else ()
    for what, parts in (("service", found.services), ("database", found.databases), ("counter", counter)):
        if parts:
            emit("")
            emit_table((what, *COLUMNS), [row(w) for w in parts])
    if found.crossings:
        emit("")
        rows = [
            (c.name, " ".join(c.routes), c.to, str(c.weight), c.phase.value, c.reason)
            for c in found.crossings
        ]
        emit_table(("crossing", "routes", "to", "weight", "phase", "why"), rows)
    tell_names(found.names)
    authority = f", authority in {edge['ca']}" if edge["ca"] else ""
    until = edge["certificate_until"][:10] or "-"
    emit("", f"edge: at {edge['address'] or '-'}, certificate until {until}{authority}")
    colour = wants_colour(sys.stdout)
    emit(*(style(f"✗ {problem}", "red", colour) for problem in found.problems))
    if not found.problems:
        emit(style("✓ nothing is wrong", "green", colour))


def row(workload: Workload) -> tuple[str, str, str, str]:
    """Give what COLUMNS tell of a workload, behind its name."""
    image = workload.image.rpartition("@sha256:")[2][:12]
    ready = f"{workload.ready}/{workload.wanted}" if workload.wanted else "-"
    return workload.name, ready, workload.state, image or "-"
