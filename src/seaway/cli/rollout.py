"""`seaway rollout`: the releases of the services, and the way back to what ran before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from seaway.cli.consent import agree
from seaway.cli.options import FILE, File, Format, On, Output, Yes
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

if TYPE_CHECKING:
    from seaway.flow.rollouts import Rollout

app = typer.Typer(no_args_is_help=True)
Service = Annotated[str, typer.Argument(metavar="SERVICE", help="Its name in the file.")]
To = Annotated[
    int, typer.Option("--to", metavar="RELEASE", min=0, help="A number of `history`; default: the last.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Go back also past a release that declares migrations: contract.")
]
HEADERS: Final = ("service", "ready", "state", "release", "since", "by", "why")
BESIDE: Final = ("new version", "ready", "image", "weight", "phase", "next", "why")


@app.command("status")
def status(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show of every service which release runs, since when and by whom, and whether it is there wholly.

    For example:
      seaway rollout status
      seaway rollout status -o json
    """
    from seaway.app import rollouts as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.rolled(load(file), on, story)
    if output is Format.JSON:
        emit_json([each.as_json() for each in found])
    else:
        emit_table(HEADERS, [_row(each) for each in found])
        if beside := [_beside(each) for each in found if each.crossing]:
            emit("")
            emit_table(BESIDE, beside)
    next_commands(
        ("seaway rollout history SERVICE", "what ran before"),
        ("seaway rollout undo SERVICE", "back to what ran before"),
        on=on,
    )


@app.command("history")
def history(service: Service, on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """List the releases of a service that are kept, the newest first: each can be gone back to.

    For example:
      seaway rollout history frontend
    """
    from seaway.app import rollouts as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        (found,) = house.rolled(load(file), on, story, service)
    if output is Format.JSON:
        emit_json([release.as_json() for release in reversed(found.releases)])
    else:
        rows = [
            (str(r.revision), r.digest, r.at, r.by or "-", r.migrations, "now" if r.current else "")
            for r in reversed(found.releases)
        ]
        emit_table(("release", "image", "since", "by", "migrations", ""), rows)
    next_commands((f"seaway rollout undo {service}", "back to the one before"), on=on)


@app.command("undo")
def undo(  # noqa: PLR0917  (typer's options)
    service: Service,
    to: To = 0,
    force: Force = False,
    on: On = "",
    file: File = FILE,
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Go back to the release before, or to one of `history`, image and settings alike.

    A release that crosses goes back at once, with the pilot or without it. Any other goes back by a rolling
    update; the file is not changed, so the next `seaway up` brings what it says again.

    For example:
      seaway rollout undo frontend
      seaway rollout undo frontend --to 3
    """
    from seaway.app import rollouts as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    system = load(file)
    agree(system, on, [f"{service} back to {f'release {to}' if to else 'the release before'}"], yes=yes)
    with Story() as story:
        before, after = house.undo(system, on, service, to, story, force=force)
    if output is Format.JSON:
        emit_json({"name": service, "from": before, "to": after})
    elif before == after:
        emit(f"{service} is back at {after} already; --to names an earlier release")
    else:
        emit(f"{service}: {before} → {after}")
    next_commands(
        ("seaway rollout status", "how it stands"),
        ("seaway up", "what the file says, once it is mended"),
        on=on,
    )


def _beside(found: Rollout) -> tuple[str, ...]:
    from seaway.rooms.services.history import short  # noqa: PLC0415  (lightkube)

    work, crossing = found.beside, found.crossing
    if work is None or crossing is None:
        return ()
    ready = f"{work.ready}/{work.wanted}"
    gone = crossing.phase.value == "returned"
    following = "seaway up, with another version" if gone else crossing.next
    told = (str(crossing.weight), crossing.phase.value, following, crossing.reason or work.problem)
    return work.name, ready, short(work.image), *told


def _row(found: Rollout) -> tuple[str, ...]:
    work, current = found.workload, found.current
    told = (current.digest, current.at, current.by or "-") if current else ("-", "-", "-")
    return work.name, f"{work.ready}/{work.wanted}", work.state, *told, work.problem
