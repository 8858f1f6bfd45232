"""The image of the pilot: Seaway's own code, as it is installed here, and what the pilot needs of it.

The floors say which parts the pilot can reach, so that nothing else goes in: no command line, no builder, of
the providers only that of zones. Made like a service's image; a change of Seaway's code alone makes a new
application layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seaway.errors import NotFound
from seaway.rooms.images.project import Project
from seaway.rooms.images.recipe import Recipe

NAME: Final = "pilot"
PORT: Final = 8080
#: Files and folders of the package: the pilot, and the floors below it as far as it stands on them.
PARTS: Final = (
    "__init__.py",
    "errors.py",
    "kit",
    "model",
    "pilot",
    "ports",
    "providers/__init__.py",
    "providers/dns",
    "rooms/__init__.py",
    "rooms/acme",
    "rooms/crossing",
    "rooms/requests",
    "steps",
)


@dataclass(frozen=True)
class Package(Project):
    """Some parts of the package `seaway` that lies in `folder`, with the dependencies that `pinned` pins."""

    pinned: Path

    @property
    def requirements(self) -> Path:
        return self.pinned

    @property
    def python_path(self) -> tuple[str, ...]:
        return (".",)

    def files(self) -> Iterator[Path]:
        """Every module of the parts, in a fixed order."""
        for part in PARTS:
            path = self.folder / "seaway" / part
            yield from sorted(path.rglob("*.py")) if path.is_dir() else (path,)


def pilot_recipe() -> Recipe:
    """Say what the pilot's image is made from, in a checkout as in an installed wheel."""
    folder = Path(__file__).resolve().parents[3]
    run = "python3 -m seaway.pilot"
    return Recipe("seaway", NAME, folder, folder, run, PORT, given=Package(folder, folder, _pinned(folder)))


def _pinned(folder: Path) -> Path:
    """Find the pins: inside the package in a wheel, beside the sources in a checkout."""
    for file in (folder / "seaway" / "_pilot.txt", folder.parent / "requirements" / "pilot.txt"):
        if file.is_file():
            return file
    raise NotFound("requirements/pilot.txt is missing", where=str(folder), remedy="install Seaway again")
