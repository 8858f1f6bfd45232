"""`seaway domain`: the public names, from the old server to the gateway and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seaway.app.domain import DomainStatus

app = typer.Typer()

Adopt = Annotated[
    bool, typer.Option("--adopt", help="Take a record over that no TXT record names an owner of.")
]
Share = Annotated[
    int,
    typer.Option(
        "--weight", min=1, max=100, metavar="PERCENT", help="Move so many of all who ask. (route53)"
    ),
]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Public names; without, all of the file.")
]


@app.callback()
def domain() -> None:
    """Work with public names: see where they lead, move them to the gateway, and take them back."""


@app.command("status")
def status(names: Names = None, on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show where each name leads, how long that may be kept, who owns it, and what resolvers say.

    For example:
      seaway domain status --on production
      seaway domain status -o json
    """
    found = _look(file, on, names or ())
    _show(found, output)
    _next(found, on)


@app.command("verify")
def verify(names: Names = None, on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Check each name from every resolver, and that the gateway serves it with a certificate that fits.

    Ends with 1 where something is wrong. Before the move it says what would keep it from happening.

    For example:
      seaway domain verify --on production
    """
    found = _look(file, on, names or ())
    _show(found, output)
    _next(found, on)
    if any(each.problems for each in found):
        raise typer.Exit(1)


@app.command("move")
def move(
    names: Names = None,
    *,
    on: On = "",
    file: File = FILE,
    adopt: Adopt = False,
    weight: Share = 100,
    output: Output = Format.TEXT,
) -> None:
    """Lead a name to the gateway: lower its TTL, wait the old one, point, check, and watch the gateway.

    Several move one after the other, each watched before the next. Nothing is changed unless the gateway
    serves all of them with a certificate that fits. Interrupted at any time, the same command goes on. The
    earlier record is kept in a TXT record beside the name.

    For example:
      seaway domain move --on production --adopt
      seaway domain move --on production --weight 10
      seaway domain move www.example.com --on production
    """
    from seaway.app import domain as house  # noqa: PLC0415  (dnspython, boto3)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        asked = house.public_names(load(file), on, story, names or ())
        found = house.move_all(asked, adopt=adopt, weight=weight)
    _show(found, output)
    next_commands((_command("verify", on), "check it again"), (_command("back", on), "where it led before"))


@app.command("back")
def back(names: Names = None, on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Put the earlier record back at once, with its TTL, and wait until resolvers have followed.

    Several go back together.

    For example:
      seaway domain back --on production
    """
    from seaway.app import domain as house  # noqa: PLC0415  (dnspython, boto3)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.back_all(house.public_names(load(file), on, story, names or ()))
    _show(found, output)
    next_commands((_command("status", on), "see where it leads"))


def _look(file: Path, on: str, names: Sequence[str]) -> list[DomainStatus]:
    from seaway.app import domain as house  # noqa: PLC0415  (dnspython, boto3)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        return [house.domain_status(each) for each in house.public_names(load(file), on, story, names)]


def _show(found: Sequence[DomainStatus], output: Format) -> None:
    if output is Format.JSON:
        emit_json({"names": [each.as_json() for each in found]})
        return
    for number, each in enumerate(found):
        emit(*[""] * bool(number))
        _screen(each)


def _screen(found: DomainStatus) -> None:
    owner = f"{found.owner} (we are)" if found.ours else found.owner or "nobody"
    emit(f"{found.name} leads {_where(found)}", "")
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


def _where(found: DomainStatus) -> str:
    if found.leads == "nowhere":
        return found.leads
    if found.leads == "both":
        return f"to both: the gateway gets {found.share} % of who asks"
    return f"to the {found.leads}"


def _next(found: Sequence[DomainStatus], on: str) -> None:
    if all(each.leads == "gateway" for each in found):
        next_commands((_command("back", on), "where it led before"))
    else:
        next_commands((_command("move", on), "lead it to the gateway"))


def _command(verb: str, on: str) -> str:
    return f"seaway domain {verb} --on {on}" if on else f"seaway domain {verb}"
