"""docs/reference/cli.md: what every command says to --help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from seaway.cli import TABLE, root

WIDTH: Final = 88
HEAD: Final = """# The command line

Made by `scripts/reference` from the commands themselves; do not edit it.

Everywhere: `-o json` writes one JSON document to stdout while the story goes to stderr; where a command
fails, the document is `{"error": {…}}`. Colour is for terminals, and `NO_COLOR` turns it off.
`SEAWAY_DEBUG=1` prints the traceback of a fault in Seaway itself.

| exit status | means |
| --- | --- |
| 0 | done |
| 1 | failed |
| 2 | the command line or the file is wrong |
| 3 | there are changes (`plan`, `check --drift`) |
| 130 | interrupted; the same command goes on from there |
"""


def page() -> str:
    top: Any = root()
    with top.make_context("seaway", [], resilient_parsing=True, terminal_width=WIDTH) as ctx:
        parts = [HEAD, _section("seaway", ctx.get_help(), 2)]
        for verb in TABLE:
            parts.extend(_sections(top.get_command(ctx, verb.name), ctx))
    return "\n".join(parts)


def _sections(command: Any, above: Any, level: int = 2) -> Iterator[str]:
    with command.make_context(
        command.name, [], parent=above, resilient_parsing=True, terminal_width=WIDTH
    ) as ctx:
        yield _section(ctx.command_path, ctx.get_help(), level)
        for child in getattr(command, "commands", {}).values():
            yield from _sections(child, ctx, level + 1)


def _section(title: str, text: str, level: int) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"{'#' * level} {title}\n\n```text\n{lines}\n```\n"
