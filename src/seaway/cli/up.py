"""`seaway up`: bring the environment to what the file says."""

from __future__ import annotations

from seaway.cli.consent import agree
from seaway.cli.options import FILE, File, Format, Keep, On, Output, Yes
from seaway.cli.plan import costs, lines
from seaway.cli.story import Story, emit, emit_json, next_commands
from seaway.errors import UsageError


def command(
    on: On = "",
    file: File = FILE,
    output: Output = Format.TEXT,
    yes: Yes = False,
    keep: Keep = False,
) -> None:
    """Bring the environment to what the file says; safe to repeat and to interrupt.

    One elsewhere than on this machine is asked about first: where it is, what would change, what it costs. A
    cluster on EKS that cannot be made, such as by a quota, leaves nothing behind.

    For example:
      seaway up
      seaway up --on production
    """
    from seaway.app import environment as house  # noqa: PLC0415  (pydantic, lightkube)
    from seaway.flow.load import load  # noqa: PLC0415
    from seaway.flow.status import edge_url  # noqa: PLC0415

    system = load(file)
    name, environment = system.environment(on)
    if keep and environment.on != "eks":
        raise UsageError(f"--keep is for clusters on EKS, and {name} is none", remedy="leave it out")
    if not environment.here and not yes:
        with Story() as story:
            found = house.survey(system, on, story)
        if found.plan:
            told = [*lines(found.plan), *([costs(found.bill)] if found.bill else [])]
            agree(system, on, told, yes=yes, place=found.world.place)
    with Story() as story:
        plans = house.up(system, on, story, keep=keep)
    changes = [change for plan in plans for change in plan.changes]
    url = edge_url(environment)
    if output is Format.JSON:
        emit_json({"environment": name, "changes": [c.as_json() for c in changes], "url": url})
    elif changes:
        emit(f"{name} is up: {url}")
    else:
        emit(f"no changes: {name} is as the file says: {url}")
    named = [("seaway domain status", "where the public name leads")] if environment.dns else []
    trust = [("seaway edge ca", "the certificate to trust")] if environment.here else []
    next_commands(
        (
            "seaway status",
            "what runs" if environment.here else "what runs, and where the name must lead",
        ),
        *named,
        ("seaway cross status", "which routes have left the monolith"),
        *trust,
        on=on,
    )
