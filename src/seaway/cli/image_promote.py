"""`seaway image promote`: what was tested comes to the next environment, unchanged."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seaway.cli.options import FILE, File, Format, Output, Token, Yes
from seaway.cli.story import Story, emit_json, emit_table, next_commands

Services = Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Default: all.")]
From = Annotated[
    str, typer.Option("--from", metavar="ENV", help="Where they come from; default: as the file says.")
]
To = Annotated[str, typer.Option("--to", metavar="ENV", help="The environment that they come to.")]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        "-k",
        metavar="KEY",
        help="The key that signs the record: a file, awskms:///alias/NAME, or keyless.",
    ),
]


def promote(
    to: To,
    services: Services = None,
    from_: From = "",
    *,
    key: Key = None,
    identity_token: Token = None,
    file: File = FILE,
    output: Output = Format.TEXT,
    yes: Yes = False,
) -> None:
    """Copy the images of what the folders hold now to another environment's registry, once their gates pass.

    Signatures and papers come along and no digest changes. Where one gate of one image does not hold, all of
    them are told and nothing is copied. The target records who did it, when, from where and by which gates.

    For example:
      seaway image promote users --to production
      seaway image promote --from rehearsal --to production --yes
    """
    from seaway.app import images as house  # noqa: PLC0415
    from seaway.app.keys import signer as signer_of  # noqa: PLC0415
    from seaway.app.registry import registry_of  # noqa: PLC0415
    from seaway.flow.load import load  # noqa: PLC0415

    system, signer = load(file), signer_of(key, identity_token) if key else None
    _, target = system.environment(to)
    if target.on != "local" and not yes and sys.stdin.isatty():
        names = ", ".join(services or system.services)
        registry = registry_of(target)
        typer.confirm(f"Promote {names} to {to}, in {registry}?", abort=True, err=True)
    with Story() as story:
        done = house.promote(system, from_, to, services or (), story, key=signer)
    rows = [
        {
            "service": name,
            "image": each.image,
            "digest": str(each.digest),
            "gates": [gate.name for gate in each.gates],
            "new": each.fresh,
            "bytes": each.copied.sent,
        }
        for name, each in done.items()
    ]
    if output is Format.JSON:
        emit_json(rows)
        return
    emit_table(
        ("service", "image", "gates"),
        [(str(r["service"]), str(r["image"]), f"{len(done[str(r['service'])].gates)} passed") for r in rows],
    )
    next_commands((f"seaway up --on {to}", "run them there"))
