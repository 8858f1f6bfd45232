"""The draft becomes a file, once it is known to load."""

from __future__ import annotations

from pathlib import Path

from seaway.errors import Refused
from seaway.flow.load import read


def write(text: str, file: Path, *, dry_run: bool) -> None:
    """Write `text` to `file`, or only see that it loads.

    Raises Refused where the file is there, SpecError where the draft is wrong: a fault of the survey.
    """
    if file.exists() and not dry_run:
        raise Refused(
            f"{file} is there already, and was not touched",
            remedy="seaway init --dry-run   (prints what would be written), or move it away first",
        )
    read(text.encode(), str(file), file.absolute().parent)
    if not dry_run:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
