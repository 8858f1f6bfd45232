"""A repository → what could become a system: services, the monolith, and routes that both know."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seaway.errors import NotFound
from seaway.flow.begin.project import Project, is_project, look
from seaway.flow.begin.source import folders
from seaway.model.fields import NAME_MAX

DEPTH: Final = 3
COMMON: Final = frozenset(
    {"health", "healthz", "ready", "readyz", "livez", "ping", "status", "static", "admin"}
)


@dataclass(frozen=True)
class Survey:
    """`services` by name, without the monolith; `routes` are parts of paths that `taker` serves too."""

    system: str
    top: Path
    services: dict[str, Project]
    monolith: Project | None = None
    taker: str = ""
    routes: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def survey(top: Path) -> Survey:
    """Look at the repository in `top`. Raises NotFound where there is no Python web application in it."""
    found = [folder for folder in folders(top, DEPTH) if is_project(folder)]
    projects = [p for folder in found if (p := look(folder, frozenset(found) - {folder}))]
    if not projects:
        raise NotFound(
            f"no Python web application was found in {top}",
            why=f"{len(found)} Python projects, none with Django, Flask, FastAPI, Starlette or Litestar",
            remedy="go to the repository of one, or write seaway.yaml by hand",
        )
    monolith = _monolith(projects)
    services = _named([p for p in projects if p is not monolith], top)
    taker, routes = _crossing(services, monolith)
    notes = [f"{name}: {p.unsure}" for name, p in services.items() if p.unsure]
    notes += [
        f"{name}: {p.folder.relative_to(top)}/Dockerfile is not used; build: {{dockerfile: Dockerfile}} would"
        for name, p in services.items()
        if (p.folder / "Dockerfile").exists()
    ]
    if not monolith:
        notes.append(
            "no monolith was found: without one, nothing leads from the domain to these services yet"
        )
    return Survey(as_name(top.name, "system"), top, services, monolith, taker, routes, tuple(notes))


def as_name(text: str, otherwise: str) -> str:
    """Turn any text into a name as Kubernetes wants it."""
    better = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-0123456789")[:NAME_MAX].rstrip("-")
    return better if better and better != "default" and not better.startswith("kube-") else otherwise


def _monolith(projects: list[Project]) -> Project | None:
    """Choose the one Django application that has others beside it, or the one that says so by its name."""
    if len(projects) == 1:
        return None
    called = [p for p in projects if p.folder.name in {"monolith", "legacy", "old"}]
    django = [p for p in projects if p.framework == "django"]
    return called[0] if called else django[0] if len(django) == 1 else None


def _named(projects: list[Project], top: Path) -> dict[str, Project]:
    named: dict[str, Project] = {}
    for project in projects:
        name = as_name(project.folder.name if project.folder != top else top.name, "web")
        name = "web" if name == "monolith" else name
        unique = (
            name if name not in named else as_name("-".join(project.folder.relative_to(top).parts), "web")
        )
        named[unique] = project
    return named


def _crossing(services: dict[str, Project], monolith: Project | None) -> tuple[str, tuple[str, ...]]:
    """Find the service that knows most of the monolith's routes, and those routes in the monolith's order."""
    if not monolith or not services:
        return "", ()
    known = [r for r in monolith.source.routes if r not in COMMON]
    shared = {name: [r for r in known if r in p.source.routes] for name, p in services.items()}
    taker = max(shared, key=lambda name: len(shared[name]))
    return (taker, tuple(shared[taker])) if shared[taker] else ("", ())
