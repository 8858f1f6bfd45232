"""`seaway cross`: move routes from the monolith to a service, by themselves or by hand, and back."""

from __future__ import annotations

import typer

from seaway.cli.cross import ask, look

app = typer.Typer(no_args_is_help=True)
for name, command in (
    ("status", look.status),
    ("start", ask.start),
    ("watch", look.watch),
    ("hold", ask.hold),
    ("resume", ask.resume),
    ("move", ask.move),
    ("back", ask.back),
    ("history", look.history),
    ("differences", look.differences),
):
    app.command(name)(command)
