"""One Python project as it lies on the disk: what it depends on, and how it is served."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from seaway.flow.begin.source import Entry, Source, read

MARKERS: Final = ("pyproject.toml", "requirements.txt", "requirements.in", "manage.py", "setup.py", "Pipfile")
WEB: Final = ("django", "fastapi", "flask", "starlette", "litestar")
ASGI: Final = frozenset({"fastapi", "starlette", "litestar"})
HEALTH: Final = ("/health", "/healthz", "/health/", "/livez", "/ping", "/status")
READY: Final = ("/ready", "/readyz", "/ready/")
SECRET: Final = re.compile(r"[A-Z0-9_]*_(?:KEY|TOKEN|SECRET|PASSWORD)")
PORT: Final = 8000
#: Threads answer health checks beside slow requests; connections outlive the gateway's idle ones.
GUNICORN: Final = (
    f"gunicorn --bind 0.0.0.0:{PORT} --worker-class gthread --threads 8 --keep-alive 75"
    " --graceful-timeout 25 --worker-tmp-dir /tmp"
)

_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_BIND: Final = re.compile(
    r"(?:127\.0\.0\.1|0\.0\.0\.0|localhost|\[::\]|-b |--bind[ =]|--port[ =]|runserver )[: ]*([0-9]{4,5})\b"
)


@dataclass(frozen=True)
class Project:
    """A web application. `framework` is django, flask …; `entry` is None where none was found."""

    folder: Path
    framework: str
    dependencies: frozenset[str]
    source: Source
    command: str
    unsure: str = ""

    @property
    def health(self) -> str:
        """A path that it answers, as far as the code shows; `/` where it shows none."""
        return next((p for p in HEALTH if p in self.source.paths or p.lstrip("/") in self.source.paths), "")

    @property
    def ready(self) -> str:
        return next((p for p in READY if p in self.source.paths or p.lstrip("/") in self.source.paths), "")

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(v.lower().replace("_", "-") for v in self.source.variables if SECRET.fullmatch(v))

    @property
    def wants_database(self) -> bool:
        return "DATABASE_URL" in self.source.variables

    @property
    def port(self) -> int:
        """The port on which it is served today, as its scripts say; 8000 where they say nothing."""
        names = ("serve", "run", "Procfile", "Makefile", "docker-compose.yml", "compose.yaml", "Dockerfile")
        for file in (self.folder / name for name in names):
            if file.is_file() and (found := _BIND.search(_text(file))):
                return int(found[1])
        return PORT


def is_project(folder: Path) -> bool:
    return any((folder / marker).is_file() for marker in MARKERS)


def look(folder: Path, others: frozenset[Path]) -> Project | None:
    """Look at the project in `folder`; None where it is no web application."""
    wanted = frozenset(dependencies(folder))
    framework = next((name for name in WEB if name in wanted), "")
    source = read(folder, others)
    framework = framework or next((e.framework for e in source.entries if e.framework), "")
    framework = framework or ("django" if (folder / "manage.py").is_file() else "")
    if not framework:
        return None
    command, unsure = _command(folder, framework, wanted, source)
    return Project(folder, framework, wanted, source, command, unsure)


def dependencies(folder: Path) -> Iterator[str]:
    """Name what the project depends on, in small letters, from pyproject.toml and requirements files."""
    for file in sorted(folder.glob("requirements*.*")):
        for line in _text(file).splitlines() if file.suffix in {".txt", ".in"} else ():
            if found := _REQUIREMENT.match(line):
                yield found[1].lower()
    try:
        project: dict[str, Any] = tomllib.loads(_text(folder / "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return
    for line in project.get("project", {}).get("dependencies", []):
        if found := _REQUIREMENT.match(str(line)):
            yield found[1].lower()
    for name in project.get("tool", {}).get("poetry", {}).get("dependencies", {}):
        yield str(name).lower()


def _command(folder: Path, framework: str, wanted: frozenset[str], source: Source) -> tuple[str, str]:
    """Give the command that serves it on port 8000, and what is unsure about it."""
    if web := _procfile(folder):
        return web, ""
    entry = _best(source.entries, framework)
    if entry is None:
        module = _settings_package(folder) if framework == "django" else "app"
        entry = Entry(
            f"{module}.wsgi" if framework == "django" else module,
            "application" if framework == "django" else "app",
        )
        unsure = f"no application object was found: {entry.module}:{entry.name} is a guess"
    else:
        unsure = ""
    asynchronous = framework in ASGI or entry.module.endswith("asgi")
    server = "uvicorn" if asynchronous else "gunicorn"
    if server not in wanted:
        unsure = unsure or f"add {server} to the dependencies: it serves the application"
    if not asynchronous:
        target = entry.module if entry.name == "application" else f"{entry.module}:{entry.name}"
        return f"{GUNICORN} {shlex.quote(target)}", unsure
    factory = " --factory" if entry.name.endswith("()") else ""
    target = f"{entry.module}:{entry.name.removesuffix('()')}"
    return f"uvicorn {target}{factory} --host 0.0.0.0 --port {PORT}", unsure


def _best(entries: tuple[Entry, ...], framework: str) -> Entry | None:
    """Prefer the file that is made for servers, then an object of the framework, then a factory."""
    last = ("asgi", "wsgi") if framework in ASGI else ("wsgi", "asgi")

    def rank(entry: Entry) -> tuple[int, int, int]:
        stem = entry.module.rpartition(".")[2]
        return (last.index(stem) if stem in last else 2, entry.name.endswith("()"), entry.module.count("."))

    return min(entries, key=rank, default=None)


def _settings_package(folder: Path) -> str:
    found = re.search(r"DJANGO_SETTINGS_MODULE\W+([\w.]+)\.settings", _text(folder / "manage.py"))
    return found[1] if found else folder.name.replace("-", "_")


def _procfile(folder: Path) -> str:
    """Give the `web:` line of a Procfile, its $PORT filled in."""
    found = re.search(r"^web:\s*(.+)$", _text(folder / "Procfile"), re.MULTILINE)
    return re.sub(r"\$\{?PORT\}?", str(PORT), found[1].strip()) if found else ""


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
