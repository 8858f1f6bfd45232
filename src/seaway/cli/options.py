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
