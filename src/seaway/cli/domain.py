"""`seaway domain`: the public name, from the old server to the gateway and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

if TYPE_CHECKING:
    from seaway.app.domain import DomainStatus

app = typer.Typer()

Adopt = Annotated[
    bool, typer.Option("--adopt", help="Take a record over that no TXT record names an owner of.")
]


@app.callback()
def domain() -> None:
    """Work with the public name: see where it leads, move it to the gateway, and take it back."""


@app.command("status")
def status(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show where the name leads, how long that may be kept, who owns it, and what resolvers say.

    For example:
      seaway domain status --on production
      seaway domain status -o json
    """
    found = _look(file, on)
    _show(found, output)
    _next(found, on)


@app.command("verify")
def verify(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Check the name from every resolver, and that the gateway serves it with a certificate that fits.

    Ends with 1 where something is wrong. Before the move it says what would keep it from happening.

    For example:
      seaway domain verify --on production
    """
    found = _look(file, on)
    _show(found, output)
    _next(found, on)
    if found.problems:
        raise typer.Exit(1)


@app.command("move")
def move(on: On = "", file: File = FILE, adopt: Adopt = False, output: Output = Format.TEXT) -> None:
    """Lead the name to the gateway: lower its TTL, wait the old one, point, check, and watch the gateway.

    Nothing is changed unless the gateway serves the name with a certificate that fits. Interrupted at any
    time, the same command goes on. The earlier record is kept in a TXT record beside the name.

    For example:
      seaway domain move --on production --adopt
      seaway domain move --on production
    """
    from seaway.app import domain as house  # noqa: PLC0415  (dnspython, boto3)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.move(house.public_name(load(file), on, story), adopt=adopt)
    _show(found, output)
    next_commands((_command("verify", on), "check it again"), (_command("back", on), "where it led before"))


@app.command("back")
def back(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Put the earlier record back at once, with its TTL, and wait until resolvers have followed.

    For example:
      seaway domain back --on production
    """
    from seaway.app import domain as house  # noqa: PLC0415  (dnspython, boto3)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.back(house.public_name(load(file), on, story))
    _show(found, output)
    next_commands((_command("status", on), "see where it leads"))


def _look(file: Path, on: str) -> DomainStatus:
    from seaway.app import domain as house  # noqa: PLC0415  (dnspython, boto3)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        return house.domain_status(house.public_name(load(file), on, story))


def _show(found: DomainStatus, output: Format) -> None:
    told = found.as_json()
    if output is Format.JSON:
        emit_json(told)
        return
    owner = f"{found.owner} (we are)" if found.ours else found.owner or "nobody"
    where = found.leads if found.leads == "nowhere" else f"to the {found.leads}"
    emit(f"{found.name} leads {where}", "")
    emit_table(
        ("type", "ttl", "value"),
        [(each.kind, str(each.ttl), value) for each in found.held.records for value in each.values],
    )
    emit("", f"kept in     {found.place}", f"owned by    {owner}")
    emit(*(f"before      {each}" for each in found.earlier))
    emit(f"gateway     {found.failure or 'serves it, with a certificate that fits'}", "")
    emit_table(
        ("resolver", "leads to", "addresses"),
        [(str(s.resolver), s.leads, s.why or " ".join(s.addresses) or "-") for s in found.seen],
    )
    emit("", *(f"✗ {each}" for each in found.problems or ()))
    if not found.problems:
        emit("✓ nothing is wrong")


def _next(found: DomainStatus, on: str) -> None:
    if found.leads == "gateway":
        next_commands((_command("back", on), "where it led before"))
    else:
        next_commands((_command("move", on), "lead it to the gateway"))


def _command(verb: str, on: str) -> str:
    return f"seaway domain {verb} --on {on}" if on else f"seaway domain {verb}"
