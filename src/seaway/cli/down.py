"""`seaway down`: remove all that Seaway made."""

from __future__ import annotations

from seaway.cli.consent import agree, consent
from seaway.cli.options import FILE, File, Format, On, Output, Yes
from seaway.cli.story import Story, emit, emit_json, next_commands


def command(on: On = "", file: File = FILE, output: Output = Format.TEXT, yes: Yes = False) -> None:
    """Remove all that Seaway made in an environment, its data included, and nothing else.

    For example:
      seaway down
      seaway down --on rehearsal --yes
    """
    from seaway.app import environment as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415

    system = load(file)
    name, environment = system.environment(on)
    cluster = house.local_cluster(system, on)
    goes = [f"cluster {cluster.name} ({len(cluster.nodes)} nodes)"] if cluster else []
    goes += [f"database {each} with its data" for each in system.databases] if cluster else []
    world = None
    if not environment.here:
        goes, world = house.removals(system, on)
        agree(system, on, goes, yes=yes or not goes, place=world.place)
    elif goes and not yes:
        refusal = f"environment {name} is not removed without a word"
        consent(refusal, "This goes, for good:", goes, f"Remove environment {name}?")
    with Story() as story:
        house.down(system, on, story, world)
    if output is Format.JSON:
        emit_json({"environment": name, "removed": goes})
    else:
        emit(*(f"removed: {each}" for each in goes) if goes else ("nothing to remove",))
    next_commands(("seaway up", "bring it back, without the data"), on=on)
