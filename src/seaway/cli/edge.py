"""`seaway edge`: the gateway and its certificates."""

from __future__ import annotations

import typer

from seaway.cli.options import Format, Output
from seaway.cli.story import emit, emit_json, next_commands

app = typer.Typer()


@app.callback()
def edge() -> None:
    """Work with the gateway and its certificates."""


@app.command("ca")
def ca(output: Output = Format.TEXT) -> None:
    """Print the certificate of the local authority that signs for the edge.

    For example:
      seaway edge ca > ca.crt
      curl --cacert ca.crt https://thoughts.localhost/
    """
    from seaway import app as house  # noqa: PLC0415  (cryptography)

    path, pem = house.authority()
    if output is Format.JSON:
        emit_json({"path": path, "pem": pem})
    else:
        emit(pem.rstrip())
    next_commands((f"curl --cacert {path} https://…", "call the edge and trust it"))
