"""What one may ask of a crossing: start, hold, resume, move, back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from seaway.cli.consent import agree
from seaway.cli.options import FILE, File, Format, On, Output, Yes
from seaway.cli.story import Story, emit, emit_json, next_commands
from seaway.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from seaway.rooms.crossing.views import CrossingView

Crossing = Annotated[str, typer.Argument(metavar="CROSSING", help="Its name in the file.")]
Some = Annotated[
    list[str] | None, typer.Argument(metavar="[CROSSING]...", help="Names in the file; all without any.")
]
One = Annotated[str, typer.Argument(metavar="[CROSSING]", help="Its name in the file.")]
Share = Annotated[int, typer.Argument(metavar="WEIGHT", help="Percent that goes to the service, 0 to 100.")]
Anyway = Annotated[
    bool,
    typer.Option("--anyway", help="Also while the public name does not lead to the gateway yet."),
]
Dependents = Annotated[
    bool, typer.Option("--with-dependents", help="Take back those that come after it too, the last first.")
]
All = Annotated[bool, typer.Option("--all", help="Take back every crossing, the last first.")]


def start(  # noqa: PLR0917  (typer's options)
    crossings: Some = None,
    on: On = "",
    file: File = FILE,
    yes: Yes = False,
    output: Output = Format.TEXT,
    anyway: Anyway = False,
) -> None:
    """Let crossings go: each moves by itself as soon as it may, until it is settled or goes back.

    Where the file has dns:, the public name must lead to the gateway by then, so that visitors judge it.

    For example:
      seaway cross start
      seaway cross start login
    """
    asked = _ask("start", crossings, on, file, yes=yes, anyway=anyway)
    _told(asked, "start", output, "started")
    next_commands(
        ("seaway cross watch", "see it happen"), ("seaway cross hold", "let it wait where it is"), on=on
    )


def hold(
    crossings: Some = None, on: On = "", file: File = FILE, yes: Yes = False, output: Output = Format.TEXT
) -> None:
    """Keep crossings at the weight that they have; the guards go on, and may take them back.

    For example:
      seaway cross hold login
    """
    asked = _ask("hold", crossings, on, file, yes=yes)
    _told(asked, "hold", output, "held where it is")
    next_commands(("seaway cross resume", "let it go on"), ("seaway cross status", "where they are"), on=on)


def resume(  # noqa: PLR0917  (typer's options)
    crossings: Some = None,
    on: On = "",
    file: File = FILE,
    yes: Yes = False,
    output: Output = Format.TEXT,
    anyway: Anyway = False,
) -> None:
    """Let crossings go on that were held, or moved by hand; the public name must lead here, as for start.

    For example:
      seaway cross resume login
    """
    asked = _ask("resume", crossings, on, file, yes=yes, anyway=anyway)
    _told(asked, "resume", output, "goes on")
    next_commands(("seaway cross watch", "see it happen"), on=on)


def move(  # noqa: PLR0917  (typer's options)
    crossing: Crossing,
    weight: Share,
    on: On = "",
    file: File = FILE,
    yes: Yes = False,
    output: Output = Format.TEXT,
    anyway: Anyway = False,
) -> None:
    """Send WEIGHT percent of a crossing's requests to its service, and hold it there.

    The guards watch it there; `seaway cross resume` lets it go on by itself. Before more go, the public name
    must lead here, as for start.

    For example:
      seaway cross move login 5
    """
    from seaway.app import crossings as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415
    from seaway.model.names import Weight  # noqa: PLC0415

    system = load(file)
    try:
        wanted = Weight(weight)
    except ValueError as error:
        raise UsageError(str(error), remedy=f"seaway cross move {crossing} 5") from error
    agree(system, on, [f"crossing {crossing} to {wanted}"], yes=yes)
    with Story() as story:
        before = house.move(system, on, crossing, wanted, story, anyway=anyway)
    if output is Format.JSON:
        emit_json({"name": crossing, "from": before[0].weight.percent if before else weight, "to": weight})
    elif before:
        emit(f"{crossing}: {before[0].weight} → {wanted}")
    else:
        emit(f"{crossing} is at {wanted} already")
    next_commands(*_after_move(crossing, weight), on=on)


def back(  # noqa: PLR0917  (typer's options)
    crossing: One = "",
    on: On = "",
    file: File = FILE,
    yes: Yes = False,
    output: Output = Format.TEXT,
    with_dependents: Dependents = False,
    everything: All = False,
) -> None:
    """Take all of a crossing's requests back to the monolith at once; the pilot is not needed for it.

    For example:
      seaway cross back login
      seaway cross back --all
    """
    from seaway.app import crossings as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    if bool(crossing) == everything:
        raise UsageError("say which crossing goes back, or --all", remedy="seaway cross back --all")
    system = load(file)
    agree(system, on, [f"back to the monolith: {crossing or 'every crossing'}"], yes=yes)
    with Story() as story:
        taken = house.back(system, on, crossing, story, with_dependents=with_dependents)
    if output is Format.JSON:
        emit_json([{"name": v.name, "from": v.weight.percent, "to": 0} for v in taken])
    elif taken:
        emit(*(f"{v.name}: {v.weight} → 0 %" for v in taken))
    else:
        emit("all is at the monolith already" if everything else f"{crossing} is at 0 % already")
    again = f"seaway cross start {crossing}".rstrip()
    next_commands(("seaway cross status", "where they are"), (again, "try again"), on=on)


def _ask(
    verb: str, crossings: list[str] | None, on: str, file: Path, *, yes: bool, anyway: bool = False
) -> tuple[CrossingView, ...]:
    from seaway.app import crossings as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415
    from seaway.rooms.crossing.state import Verb  # noqa: PLC0415

    system = load(file)
    agree(system, on, [f"{verb}: {', '.join(crossings or ('every crossing',))}"], yes=yes)
    with Story() as story:
        return house.ask(system, on, Verb(verb), crossings or (), story, anyway=anyway)


def _told(asked: tuple[CrossingView, ...], verb: str, output: Format, done: str) -> None:
    if output is Format.JSON:
        documents: list[dict[str, Any]] = [{"name": v.name, "asked": verb} for v in asked]
        emit_json(documents)
    elif asked:
        emit(*(f"{v.name}: {done}" for v in asked))
    else:
        emit(f"there is nothing to {verb}")


def _after_move(crossing: str, weight: int) -> list[tuple[str, str]]:
    further = (f"seaway cross move {crossing} {_further(weight)}", "move it on")
    onward = (f"seaway cross resume {crossing}", "let it go on by itself")
    back_again = (f"seaway cross back {crossing}", "take it back")
    if weight == 0:
        return [further]
    return [back_again] if weight == 100 else [further, onward, back_again]  # noqa: PLR2004


def _further(percent: int) -> int:
    """Suggest the next weight on the usual way."""
    return next((step for step in (1, 5, 25, 50, 100) if step > percent), 100)
