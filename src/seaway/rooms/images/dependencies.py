"""The dependency layer: exact wheels from the user's own index, installed by uv, compiled for the base."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from seaway.errors import ProcessFailed, Refused, SeawayError
from seaway.kit import archive, process
from seaway.kit.oci import Layer
from seaway.model.event import Event, Outcome, Report
from seaway.rooms.images.base import Base
from seaway.rooms.images.bytecode import compile_tree
from seaway.rooms.images.poetry import exported
from seaway.rooms.images.project import Project
from seaway.rooms.images.store import Store, key

RECIPE = 4
SITE = "app/site"
_INCLUDE = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[ =]*(\S+)", re.MULTILINE)
_NO_WHEEL = re.compile(r"([\w.-]+?)(?:==\S+)? has no (?:usable )?wheels|Wheels are required for `([^`]+)`")


@dataclass(frozen=True)
class Requirements:
    """What is installed: `text` in the language of requirements.txt, which lies at `file`."""

    text: str
    file: Path
    exact: bool

    @property
    def hashed(self) -> bool:
        return "--hash=" in self.text or self.file.name == "pylock.toml"


def read(project: Project) -> Requirements | None:
    """Read what the project pins. Raises Refused for a dependency that is a folder on this disk."""
    file = project.requirements
    if file is None:
        return None
    if file.name == "poetry.lock":
        return Requirements(exported(file), file, exact=True)
    if file.name != "uv.lock":
        return Requirements(file.read_text(), file, exact=False)
    text = _uv(
        "export", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate",
        "--project", str(project.folder),
    )  # fmt: skip
    if local := re.findall(r"^(?:-e )?(\.{0,2}/\S*|\S+ @ file:\S+)", text, re.MULTILINE):
        raise Refused(f"the project needs {local[0]}, which is a folder beside it", where=str(file),
                      why="this version takes dependencies from package indexes only",
                      remedy="publish it to your index, or move its code into the service")  # fmt: skip
    return Requirements(text, file, exact=True) if text.strip() else None


def pinned_text(project: Project) -> str:
    """Give the text that decides the dependencies, without asking any program."""
    file = project.requirements
    if file is None:
        return ""
    wanted = Requirements(file.read_text(), file, exact=file.name.endswith(".lock"))
    return wanted.text if wanted.exact else _whole_text(wanted)


def dependency_layer(store: Store, base: Base, wanted: Requirements, report: Report, step: str) -> Layer:
    """Find the layer with these requirements for this base, or install them (network only for new wheels).

    Raises SeawayError that names the package which has no wheel.
    """
    name = key("dependencies", RECIPE, base.key, base.version, base.libc, _whole_text(wanted))

    def entries() -> Iterator[archive.Entry]:
        report(Event(step, Outcome.PROGRESS, f"installing what {wanted.file.name} pins", 0.85))
        with store.scratch() as folder:
            site = folder / "site"
            _install(base, wanted, site)
            yield from archive.tree(site, SITE)
            if any(site.glob("*.pth")):
                # Only a site folder's .pth files are read, and PYTHONPATH makes none of /app/site.
                line = f"import site; site.addsitedir('/{SITE}')\n"
                yield archive.Entry(f"{base.site}/app.pth", 0o644, data=line.encode())

    return store.layer(name, f"dependencies from {wanted.file.name}", entries)


def _install(base: Base, wanted: Requirements, site: Path) -> None:
    file = wanted.file
    if wanted.exact:
        file = site.with_name("requirements.txt")
        file.write_text(wanted.text)
    argv = [
        "pip", "install", "--quiet", "--target", str(site), "--python", sys.executable,
        "--python-version", base.version, "--python-platform", base.libc, "--only-binary", ":all:",
        *(["--no-deps"] if wanted.exact else []), *(["--require-hashes"] if wanted.hashed else []),
        "-r", str(file),
    ]  # fmt: skip
    try:
        if not (wanted.hashed and _succeeds(*argv, "--offline")):
            _uv(*argv)
    except ProcessFailed as error:
        raise _explained(error, wanted, base) from error
    site.mkdir(exist_ok=True)
    (site / ".lock").unlink(missing_ok=True)
    _repoint_scripts(site / "bin", base.program)
    if base.python:
        compile_tree(base.python, site, f"/{SITE}")


def _succeeds(*words: str) -> bool:
    """Try with the wheels that uv has in its cache: exact ones need nobody's answer."""
    try:
        _uv(*words)
    except ProcessFailed:
        return False
    return True


def _repoint_scripts(folder: Path, program: str) -> None:
    """Let console scripts find the image's Python, not the one that installed them."""
    for path in folder.glob("*") if folder.is_dir() else ():
        data = path.read_bytes()
        if data.startswith(b"#!") and b"python" in data.partition(b"\n")[0]:
            path.unlink()  # it may be a hard link into uv's cache
            path.write_bytes(f"#!{program}\n".encode() + data.partition(b"\n")[2])
            path.chmod(0o755)


def _uv(*words: str) -> str:
    env = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    return process.run(find_uv_bin(), "--system-certs", *words, env=env)


def _whole_text(wanted: Requirements) -> str:
    """Join the requirements with every file that they include."""
    texts, waiting, seen = [wanted.text], [(wanted.text, wanted.file.parent)], set[Path]()
    while waiting:
        text, folder = waiting.pop()
        for name in _INCLUDE.findall(text):
            file = (folder / name).resolve()
            if file.is_file() and file not in seen:
                seen.add(file)
                texts.append(file.read_text())
                waiting.append((texts[-1], file.parent))
    return "\n".join(texts)


def _explained(error: ProcessFailed, wanted: Requirements, base: Base) -> SeawayError:
    if found := _NO_WHEEL.search(error.why):
        package = found[1] or found[2]
        return SeawayError(
            f"{package} has no wheel for Python {base.version} on {base.libc}",
            where=str(wanted.file),
            why="an image has no compiler, so that every dependency must be there as a wheel",
            remedy=f"pin a version of {package} that has one, or put its wheel into an index of your own",
        )
    if "hash" in error.why.lower():
        return SeawayError(
            "the dependencies are not all pinned with matching hashes", where=str(wanted.file), why=error.why,
            remedy="write the file anew, with: uv pip compile --generate-hashes",
        )  # fmt: skip
    return SeawayError("the dependencies cannot be installed", where=str(wanted.file), why=error.why)
