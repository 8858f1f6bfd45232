"""A Python project as it lies on the disk: which of its files go in, and what names its dependencies."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from seaway.errors import NotFound, SeawayError

#: Never part of an image, whatever the ignore files say: history, environments, caches, secrets.
ALWAYS_OUT = (
    ".git/", ".hg/", ".svn/", ".venv/", "venv/", "node_modules/", "__pycache__/", "*.py[co]",
    "*.egg-info/", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/", ".tox/", ".nox/", ".hypothesis/",
    ".coverage", ".env", ".env.*", ".idea/", ".vscode/", ".DS_Store", ".gitignore", ".seawayignore",
    ".dockerignore",
)  # fmt: skip
#: Nor of a Python project's: its tests and what it publishes.
NEVER = (*ALWAYS_OUT, "/tests/", "/test/", "/dist/")
#: What pins the dependencies in the service's own folder; the first one counts.
PINS = ("requirements.txt", "pylock.toml", "poetry.lock")
#: Lock files of other tools, and how each becomes one that is understood here.
OTHER_LOCKS = {
    "pdm.lock": "pdm export -o requirements.txt",
    "Pipfile.lock": "pipenv requirements --hash > requirements.txt",
}


@dataclass(frozen=True)
class Project:
    """`folder` is the service's own; `top` is where seaway.yaml lies, the furthest up that is looked."""

    folder: Path
    top: Path

    @classmethod
    def open(cls, folder: Path, top: Path) -> Project:
        """Check that the folder can become an image. Raises NotFound."""
        if not folder.is_dir():
            raise NotFound(
                f"there is no folder {folder}",
                why="a service's source is the folder of its project",
                remedy="mend `source` in seaway.yaml",
            )
        return cls(folder, top)

    @property
    def requirements(self) -> Path | None:
        """The file that pins the dependencies: uv.lock (here or up to `top`), else one of PINS.

        None where nothing is declared. Raises SeawayError where dependencies are declared but not pinned.
        """
        for folder in (self.folder, *self.folder.parents):
            if (folder / "uv.lock").is_file():
                return folder / "uv.lock"
            if folder == self.top:
                break
        for name in PINS:
            if (self.folder / name).is_file():
                return self.folder / name
        self._insist_on_a_lock()
        return None

    @property
    def unpinned(self) -> bool:
        """Whether the dependencies are pinned without hashes, so that another day may bring other files."""
        file = self.requirements
        return bool(file and file.name == "requirements.txt" and "--hash=" not in file.read_text())

    def files(self) -> Iterator[Path]:
        """Every file and link that goes in, in a fixed order. `.seawayignore` replaces `.gitignore`."""
        yield from self.walk(GitIgnoreSpec.from_lines((*self._ignore_lines(), *NEVER)))

    def copy(self, target: Path) -> None:
        """Copy all that goes in to the folder `target`: to read by all, and to run where it may run."""
        target.mkdir(exist_ok=True)
        for path in self.files():
            copy = target / path.relative_to(self.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink():
                copy.symlink_to(path.readlink())
            else:
                copy.write_bytes(path.read_bytes())
                copy.chmod(0o755 if path.stat().st_mode & 0o111 else 0o644)

    def walk(self, ignored: GitIgnoreSpec) -> Iterator[Path]:
        """Every file and link of the folder that is not `ignored`, in a fixed order."""
        for root, folders, names in os.walk(self.folder):
            here = Path(root).relative_to(self.folder)
            links = [n for n in folders if (Path(root) / n).is_symlink()]
            folders[:] = sorted(
                n
                for n in folders
                if n not in links and not ignored.match_file(f"{here / n}/".removeprefix("./"))
            )
            for name in sorted([*names, *links]):
                if not ignored.match_file(str(here / name)):
                    yield Path(root) / name

    @property
    def python_path(self) -> tuple[str, ...]:
        """Folders of the project from which its modules are imported, relative to it."""
        src = self.folder / "src"
        return ("src", ".") if src.is_dir() and not (src / "__init__.py").exists() else (".",)

    @property
    def ignore_files(self) -> tuple[Path, ...]:
        """The files that say what stays out: `.seawayignore`, else every `.gitignore` from `top` down."""
        own = self.folder / ".seawayignore"
        if own.is_file():
            return (own,)
        found = (folder / ".gitignore" for folder in reversed((self.folder, *self._parents())))
        return tuple(file for file in found if file.is_file())

    def _ignore_lines(self) -> Iterator[str]:
        for file in self.ignore_files:
            # Rules of a folder further up hold here too; anchors are cut where they lead through this folder.
            inside = self.folder.relative_to(file.parent).as_posix()
            for line in file.read_text().splitlines():
                yield _seen_from(line, "" if inside == "." else inside)

    def _parents(self) -> Iterator[Path]:
        for folder in self.folder.parents:
            if not folder.is_relative_to(self.top):
                return
            yield folder

    def _insist_on_a_lock(self) -> None:
        for name, command in OTHER_LOCKS.items():
            if (self.folder / name).is_file():
                raise SeawayError(f"{name} is not understood here", where=str(self.folder),
                                  remedy=f"cd {self.folder} && {command}")  # fmt: skip
        file = self.folder / "pyproject.toml"
        if not file.is_file():
            return
        try:
            known = tomllib.loads(file.read_text())
        except tomllib.TOMLDecodeError as error:
            raise SeawayError("pyproject.toml cannot be read", where=str(file), why=str(error)) from error
        poetry = set(known.get("tool", {}).get("poetry", {}).get("dependencies", ())) - {"python"}
        if known.get("project", {}).get("dependencies") or poetry:
            raise SeawayError(
                "the project's dependencies are not locked",
                where=str(file),
                why="an image is made from exact versions, so that the same input gives the same image",
                remedy=f"{'poetry' if poetry else 'uv'} lock --project {self.folder}",
            )


def _seen_from(line: str, inside: str) -> str:
    """Translate one line of a .gitignore further up for the folder `inside` it ('' for the same folder)."""
    mark, rule = ("!", line[1:]) if line.startswith("!") else ("", line)
    if not inside or "/" not in rule.rstrip("/"):
        return line
    rule = rule.lstrip("/")
    if rule.startswith("**/"):
        return line
    return f"{mark}/{rule.removeprefix(inside + '/')}" if rule.startswith(f"{inside}/") else ""
