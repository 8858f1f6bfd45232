"""What poetry.lock pins, in the language of requirements.txt (Poetry 2, lock-version 2.1)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from seaway.errors import Refused, SeawayError

#: The group of what a project itself needs; all others are for its developers.
MAIN: Final = "main"
#: From these on each package says for which groups and where it is needed.
OLDEST: Final = (2, 1)


def exported(file: Path) -> str:
    """Give a line for each package of the main group, with its marker and hashes; extras are left out.

    Raises SeawayError for a file that cannot be read or that an older Poetry wrote, Refused for a package
    that comes from elsewhere than an index.
    """
    try:
        known = tomllib.loads(file.read_text())
        version = tuple(map(int, known["metadata"]["lock-version"].split(".")))
    except (tomllib.TOMLDecodeError, KeyError, ValueError) as error:
        raise SeawayError(
            f"{file.name} cannot be read", where=str(file), why=str(error), remedy="poetry lock"
        ) from error
    if version < OLDEST:
        raise SeawayError(
            f"{file.name} was written by an older Poetry", where=str(file),
            why="it does not say which packages are for developers only",
            remedy="poetry lock, with Poetry 2",
        )  # fmt: skip
    return "".join(_lines(file, known.get("package", ())))


def _lines(file: Path, packages: list[Mapping[str, Any]]) -> Iterator[str]:
    for each in packages:
        if MAIN not in each.get("groups", ()) or each.get("optional"):
            continue
        source = each.get("source", {}).get("type", "legacy")
        if source != "legacy":
            raise Refused(
                f"the project needs {each['name']} from {each['source'].get('url')}, a {source}",
                where=str(file), why="this version takes dependencies from package indexes only",
                remedy="publish it to your index",
            )  # fmt: skip
        hashes = "".join(f" --hash={found['hash']}" for found in each.get("files", ()))
        yield f"{each['name']}=={each['version']}{_marker(each.get('markers'))}{hashes}\n"


def _marker(given: str | Mapping[str, str] | None) -> str:
    """Write a package's marker (PEP 508), which may differ from group to group."""
    marker = given.get(MAIN) if isinstance(given, Mapping) else given
    return f" ; {marker}" if marker else ""
