"""`seaway rollout`: the releases of the services, and the way back to what ran before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from seaway.cli.consent import agree
from seaway.cli.options import FILE, File, Format, On, Output, Yes
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

if TYPE_CHECKING:
    from seaway.flow.rollouts import Rollout
    from seaway.rooms.services.history import Release

app = typer.Typer(no_args_is_help=True)
Service = Annotated[str, typer.Argument(metavar="SERVICE", help="Its name in the file.")]
To = Annotated[
    str, typer.Option("--to", metavar="RELEASE", help="A number or an image of `history`; default: the last.")
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

    Those with a number the cluster remembers. The others are images that were promoted to the environment
    before and are in its registry still; of these the time and the name are those of the promotion.

    For example:
      seaway rollout history frontend
    """
    from seaway.app import rollouts as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.history(load(file), on, service, story)
    if output is Format.JSON:
        emit_json([release.as_json() for release in reversed(found)])
    else:
        emit_table(
            ("release", "image", "since", "by", "migrations", ""),
            [_release(each) for each in reversed(found)],
        )
    next_commands((f"seaway rollout undo {service}", "back to the one before"), on=on)


@app.command("undo")
def undo(  # noqa: PLR0917  (typer's options)
    service: Service,
    to: To = "",
    force: Force = False,
    on: On = "",
    file: File = FILE,
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Go back to the release before, or to one of `history`, image and settings alike.

    Of an image that was promoted and that the cluster forgot, the settings stay those of the present release.
    A release that crosses goes back at once, with the pilot or without it. Any other goes back by a rolling
    update; the file is not changed, so the next `seaway up` brings what it says again.

    For example:
      seaway rollout undo frontend
      seaway rollout undo frontend --to 3
      seaway rollout undo frontend --to 4f1c02a7b9de
    """
    from seaway.app import rollouts as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415
    from seaway.rooms.services.history import parsed  # noqa: PLC0415  (lightkube)

    system, wanted = load(file), parsed(to) if to else 0
    agree(system, on, [f"{service} back to {f'release {to}' if wanted else 'the release before'}"], yes=yes)
    with Story() as story:
        before, after = house.undo(system, on, service, wanted, story, force=force)
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


def _release(found: Release) -> tuple[str, ...]:
    mark = "now" if found.current else "" if found.revision else "promoted"
    told = found.digest, found.at, found.by or "-", found.migrations or "-"
    return str(found.revision or "-"), *told, mark


def _row(found: Rollout) -> tuple[str, ...]:
    work, current = found.workload, found.current
    told = (current.digest, current.at, current.by or "-") if current else ("-", "-", "-")
    return work.name, f"{work.ready}/{work.wanted}", work.state, *told, work.problem
