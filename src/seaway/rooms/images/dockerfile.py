"""A folder with a Dockerfile: whether one is meant, what goes in, and what it starts from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

from seaway.errors import NotFound
from seaway.rooms.images.project import ALWAYS_OUT, PINS, Project

NAMES: Final = ("Dockerfile", "Containerfile")
_PYTHON: Final = ("pyproject.toml", "uv.lock", *PINS)
_FROM: Final = re.compile(
    r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True)
class Context(Project):
    """What a Dockerfile, `file`, may copy: its folder without what `.dockerignore` names.

    `secrets` are variables of whoever builds, which steps may mount.
    """

    file: Path
    secrets: tuple[str, ...] = ()

    @property
    def requirements(self) -> None:
        """Nothing that is known: the Dockerfile installs what it wants."""
        return

    @property
    def ignore_files(self) -> tuple[Path, ...]:
        own = self.folder / ".dockerignore"
        return (own,) if own.is_file() else ()

    @property
    def bases(self) -> tuple[str, ...]:
        """The images that it starts from as they are written, without its own stages."""
        found = _FROM.findall(self.file.read_text())
        stages = {stage.lower() for _, stage in found if stage}
        return tuple(dict.fromkeys(name for name, _ in found if name.lower() not in {*stages, "scratch"}))

    def files(self) -> Iterator[Path]:
        """Every file and link of the context, and always the Dockerfile, in a fixed order."""
        lines = (line for file in self.ignore_files for line in file.read_text().splitlines())
        ignored = GitIgnoreSpec.from_lines(map(_as_git, lines))
        for path in self.walk(GitIgnoreSpec.from_lines(ALWAYS_OUT)):
            if path == self.file or not ignored.match_file(path.relative_to(self.folder).as_posix()):
                yield path


def find(folder: Path, top: Path, word: str, secrets: tuple[str, ...] = ()) -> Context | None:
    """Find the Dockerfile that is meant: the `word` of the file, or one beside which there is no project.

    Raises NotFound where the word names none.
    """
    if word:
        file = folder / word
        if not file.is_file() or not file.resolve().is_relative_to(folder):
            raise NotFound(
                f"there is no {word} in {folder}",
                why="build.dockerfile names a file of the service's source",
                remedy="mend build.dockerfile in seaway.yaml",
            )  # fmt: skip
        return Context(folder, top, file, secrets)
    if any((folder / name).is_file() for name in _PYTHON):
        return None
    return next((Context(folder, top, folder / n, secrets) for n in NAMES if (folder / n).is_file()), None)


def _as_git(line: str) -> str:
    """Translate a line of .dockerignore, whose names all begin at the folder, for git's rules."""
    line = line.strip()
    mark, rule = ("!", line[1:].strip()) if line.startswith("!") else ("", line)
    return line if not rule or line.startswith("#") else f"{mark}/{rule.removeprefix('./').strip('/')}"
