"""What one may see of crossings: status, watch, history, differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from seaway.cli.cross.ask import Some
from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.screen import Screen
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

if TYPE_CHECKING:
    from seaway.rooms.crossing.views import CrossingView

Crossing = Annotated[str, typer.Argument(metavar="CROSSING", help="Its name, also of one that is gone.")]
#: Seconds between two looks of `watch`.
EVERY: Final = 0.5
HEADERS: Final = ("crossing", "routes", "to", "weight", "phase", "held", "next", "why")
#: Phases in which nothing moves any more without somebody's word.
ENDS: Final = frozenset({"settled", "returned"})


def status(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show every crossing: its routes, where they lead, its weight and phase, what comes next and why.

    For example:
      seaway cross status -o json
    """
    from seaway.app import crossings as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.crossings(load(file), on, story)
    if output is Format.JSON:
        emit_json([view.as_json() for view in found])
    else:
        emit_table(HEADERS, [_row(view) for view in found])
    gone = [view.name for view in found if view.phase.value == "returned"]
    moving = [view.name for view in found if view.phase.value in {"moving", "holding", "comparing"}]
    told = [(f"seaway cross history {name}", "what happened") for name in gone[:1]]
    told += [("seaway cross watch", "see it happen")] if moving else [("seaway cross start", "let them go")]
    next_commands(*told, on=on)


def watch(crossings: Some = None, on: On = "", file: File = FILE) -> None:
    """Follow crossings until each is settled or back at the monolith; Ctrl-C ends the look, not the crossing.

    For example:
      seaway cross watch
      seaway cross watch login
    """
    from seaway.app import crossings as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415
    from seaway.rooms.crossing.decide import find  # noqa: PLC0415

    system = load(file)
    with Story() as story:
        screen = Screen()
        for every in house.follow(system, on, story, EVERY):
            seen = {view.name: view for view in every}
            found = [find(seen, name) for name in crossings or seen]
            screen.show([_bar(view) for view in found], {view.name: _told(view) for view in found})
            if all(view.phase.value in ENDS for view in found):
                break
    first = next((view.name for view in found if view.phase.value == "returned"), "")
    next_commands(
        *(
            [(f"seaway cross history {first}", "what happened")]
            if first
            else [("seaway status", "all of it")]
        ),
        on=on,
    )


def history(crossing: Crossing, on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show all that happened to a crossing: when (UTC), what, by whom, the weights, and why.

    For example:
      seaway cross history login
      seaway cross history login -o json
    """
    from seaway.app import crossings as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415
    from seaway.rooms.crossing.ledger import told  # noqa: PLC0415

    with Story() as story:
        entries = house.history(load(file), on, crossing, story)
    if output is Format.JSON:
        emit_json([entry.as_json() for entry in entries])
    elif entries:
        emit_table(("when (UTC)", "what", "by", "weight", "why"), [told(entry) for entry in entries])
    else:
        emit(f"nothing has happened to {crossing} yet")
    next_commands(("seaway cross status", "where they are"), on=on)


def differences(crossing: Crossing, on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show in what the answers of both sides differ, route by route, with examples; secrets are left out.

    For example:
      seaway cross differences login
    """
    from seaway.app import crossings as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415
    from seaway.rooms.crossing.compare.render import render  # noqa: PLC0415

    with Story() as story:
        report = house.differences(load(file), on, crossing, story)
    if output is Format.JSON:
        emit_json(report)
    else:
        emit(*render(report))
    next_commands(
        (f"seaway cross start {crossing}", "compare again"), ("seaway cross status", "where they are"), on=on
    )


def _row(view: CrossingView) -> tuple[str, ...]:
    routes = " ".join(view.routes)
    return view.name, routes, view.to, str(view.weight), view.phase.value, view.held, view.next, view.reason


def _bar(view: CrossingView) -> tuple[str, ...]:
    full = view.weight.percent // 5
    bar = "█" * full + "░" * (20 - full)
    return view.name, bar, str(view.weight), view.phase.value, view.reason or view.next


def _told(view: CrossingView) -> str:
    return ", ".join(filter(None, (str(view.weight), view.phase.value, view.held, view.reason)))
