"""`seaway cross`: move routes from the monolith to a service, and back."""

from __future__ import annotations

from typing import Annotated

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands
from seaway.errors import UsageError

app = typer.Typer(no_args_is_help=True)
Crossing = Annotated[str, typer.Argument(metavar="CROSSING", help="Its name in the file.")]
Share = Annotated[int, typer.Argument(metavar="WEIGHT", help="Percent that goes to the service, 0 to 100.")]
Dependents = Annotated[
    bool, typer.Option("--with-dependents", help="Take back those that come after it too, the last first.")
]


@app.command("status")
def status_(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show every crossing: its routes, where they lead, its weight and phase.

    For example:
      seaway cross status -o json
    """
    from seaway import app as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.crossings(load(file), on, story)
    if output is Format.JSON:
        emit_json([view.as_json() for view in found])
    else:
        rows = [
            (v.name, " ".join(v.routes), v.to, str(v.weight), v.phase.value, " ".join(v.after)) for v in found
        ]
        emit_table(("crossing", "routes", "to", "weight", "phase", "after"), rows)
    first = next((v for v in found if v.phase.value in {"monolith", "moving"}), None)
    if first:
        next_commands((f"seaway cross move {first.name} {_further(first.weight.percent)}", "move it on"))
    else:
        next_commands(("seaway status", "what runs"))


@app.command("move")
def move(
    crossing: Crossing, weight: Share, on: On = "", file: File = FILE, output: Output = Format.TEXT
) -> None:
    """Send WEIGHT percent of a crossing's requests to its service.

    For example:
      seaway cross move login 5
    """
    from seaway import app as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415
    from seaway.model.names import Weight  # noqa: PLC0415

    system = load(file)
    try:
        wanted = Weight(weight)
    except ValueError as error:
        raise UsageError(str(error), remedy=f"seaway cross move {crossing} 5") from error
    with Story() as story:
        before = house.move(system, on, crossing, wanted, story)
    if output is Format.JSON:
        emit_json({"name": crossing, "from": before[0].weight.percent if before else weight, "to": weight})
    elif before:
        emit(f"{crossing}: {before[0].weight} → {wanted}")
    else:
        emit(f"{crossing} is at {wanted} already")
    further = (f"seaway cross move {crossing} {_further(weight)}", "move it on")
    back_again = (f"seaway cross back {crossing}", "take it back")
    next_commands(*([further, back_again] if weight < 100 else [back_again]))  # noqa: PLR2004


@app.command("back")
def back(
    crossing: Crossing,
    on: On = "",
    file: File = FILE,
    output: Output = Format.TEXT,
    with_dependents: Dependents = False,
) -> None:
    """Take all of a crossing's requests back to the monolith.

    For example:
      seaway cross back login
    """
    from seaway import app as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        taken = house.back(load(file), on, crossing, story, with_dependents=with_dependents)
    if output is Format.JSON:
        emit_json([{"name": v.name, "from": v.weight.percent, "to": 0} for v in taken])
    else:
        emit(*(f"{v.name}: {v.weight} → 0 %" for v in taken) if taken else (f"{crossing} is at 0 % already",))
    next_commands(("seaway cross status", "where they are"), (f"seaway cross move {crossing} 1", "try again"))


def _further(percent: int) -> int:
    """Suggest the next weight on the usual way."""
    return next((step for step in (1, 5, 25, 50, 100) if step > percent), 100)
