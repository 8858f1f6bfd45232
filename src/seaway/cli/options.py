"""The options that every command shares, so that they are spelt and explained the same everywhere.

A command takes `on: On = "", file: File = FILE, output: Output = Format.TEXT, yes: Yes = False`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer


class Format(StrEnum):
    """How a command answers on stdout."""

    TEXT = "text"
    JSON = "json"


FILE: Final = Path("seaway.yaml")

On = Annotated[str, typer.Option("--on", metavar="ENV", help="Environment; default: the first in the file.")]
File = Annotated[
    Path, typer.Option("--file", "-f", metavar="FILE", help="The file that describes the system.")
]
Output = Annotated[
    Format, typer.Option("--output", "-o", help="json: one document on stdout, the story on stderr.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for scripts and CI.")]
Keep = Annotated[
    bool,
    typer.Option("--keep", help="On eks: leave what was made of a new cluster where the rest cannot be."),
]
Token = Annotated[
    Path | None,
    typer.Option(
        "--identity-token",
        metavar="FILE",
        help="With --key keyless: who signs; default: SIGSTORE_ID_TOKEN, or as the CI tells.",
    ),
]


def seconds_of(text: str, option: str) -> int:
    """Read a duration such as 30s, 2m or 1h. Raises UsageError for another text."""
    from seaway.errors import UsageError  # noqa: PLC0415
    from seaway.model.fields import duration, seconds  # noqa: PLC0415  (pydantic)
    from seaway.model.wrong import Wrong  # noqa: PLC0415

    try:
        return seconds(duration(text))
    except Wrong as error:
        raise UsageError(error.why, where=option, remedy=error.remedy) from error
