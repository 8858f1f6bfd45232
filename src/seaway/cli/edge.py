"""`seaway edge`: the gateway and its certificates."""

from __future__ import annotations

from typing import Any

import typer

from seaway.cli.options import FILE, File, Format, On, Output
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

app = typer.Typer()


@app.callback()
def edge() -> None:
    """Work with the gateway and its certificates."""


@app.command("status")
def status(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show the certificate that visitors are shown: its names, issuer, days left, and what is wrong with it.

    For example:
      seaway edge status
      seaway edge status -o json
    """
    from seaway.app import environment as house  # noqa: PLC0415  (cryptography)
    from seaway.flow.load import load  # noqa: PLC0415

    with Story() as story:
        found = house.edge(load(file), on, story)
    told = found.as_json()
    if output is Format.JSON:
        emit_json(told)
    else:
        names = " ".join(told["names"]) or "-"
        row = (
            names,
            told["issuer"] or "-",
            str(told["days"]),
            told["until"][:10],
            told["renewal"][:10] or "-",
        )
        emit(*found.urls, "")
        emit_table(("names", "issuer", "days left", "ends", "renewed from"), [row])
        emit("", f"✗ {found.failure}" if found.failure else "✓ visitors are shown this one")
        if found.acme:
            emit(*acme_lines(told["acme"]))
        if found.managed:
            emit(*managed_lines(told["cert_manager"]))
    if found.failure or found.due:
        next_commands(("seaway up", "renew it, or mend what is wrong"), on=on)
    else:
        next_commands(("seaway status", "everything else"), on=on)


def acme_lines(told: dict[str, Any]) -> list[str]:
    """Say how it stands with an ACME server."""
    whose = "it is of" if told["signed"] or told["stays"] else "a stand-in for one of"
    until = ", and stays until there is one for all names" if told["stays"] else ""
    lines = [f"· {whose} {told['directory']}{until}", f"· next {told['next']}: {told['does']}"]
    times = "once" if told["failures"] == 1 else f"{told['failures']} times in a row"
    failed = f"✗ failed {times}, last {told['last_failure_at']}: {told['last_failure']}"
    return [*lines, failed] if told["failures"] else lines


def managed_lines(told: dict[str, Any]) -> list[str]:
    """Say how it stands with cert-manager."""
    whose = "it is kept by" if told["ready"] else "a stand-in for one of"
    failed = f" (failed {told['failures']} times in a row)" if told["failures"] else ""
    said = [] if told["ready"] and not told["failures"] else [f"✗ cert-manager says{failed}: {told['says']}"]
    return [f"· {whose} {told['issuer']}", *said]


@app.command("ca")
def ca(output: Output = Format.TEXT) -> None:
    """Print the certificate of the local authority that signs for the edge.

    For example:
      seaway edge ca > ca.crt
      curl --cacert ca.crt https://thoughts.localhost/
    """
    from seaway.app import machine as house  # noqa: PLC0415  (cryptography)

    path, pem = house.authority()
    if output is Format.JSON:
        emit_json({"path": path, "pem": pem})
    else:
        emit(pem.rstrip())
    next_commands((f"curl --cacert {path} https://…", "call the edge and trust it"))
