"""`seaway up`: bring the environment to what the file says."""

from __future__ import annotations

from seaway.cli.options import FILE, File, Format, On, Output, Yes
from seaway.cli.story import Story, emit, emit_json, next_commands


def command(
    on: On = "",
    file: File = FILE,
    output: Output = Format.TEXT,
    yes: Yes = False,  # noqa: ARG001  (a rehearsal is not asked about; scripts may say it all the same)
) -> None:
    """Bring the environment to what the file says; safe to repeat and to interrupt.

    For example:
      seaway up
      seaway up --on rehearsal --yes
    """
    from seaway.app import environment as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415
    from seaway.flow.status import edge_url  # noqa: PLC0415

    system = load(file)
    name, environment = system.environment(on)
    with Story() as story:
        plans = house.up(system, on, story)
    changes = [change for plan in plans for change in plan.changes]
    url = edge_url(environment)
    if output is Format.JSON:
        emit_json({"environment": name, "changes": [c.as_json() for c in changes], "url": url})
    elif changes:
        emit(f"{name} is up: {url}")
    else:
        emit(f"no changes: {name} is as the file says: {url}")
    named = [("seaway domain status", "where the public name leads")] if environment.dns else []
    next_commands(
        ("seaway status", "what runs"),
        *named,
        ("seaway cross status", "which routes have left the monolith"),
        ("seaway edge ca", "the certificate to trust"),
    )
