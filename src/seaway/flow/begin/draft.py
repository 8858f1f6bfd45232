"""A survey → the text of a seaway.yaml that loads, with comments for what only people know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from seaway.flow.begin.project import SECRET, Project
from seaway.flow.begin.survey import Survey, as_name

KNOWN: Final = frozenset({"DATABASE_URL", "DJANGO_SETTINGS_MODULE"})
PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ./_-:=")


def draft(found: Survey) -> str:
    """Write the file. Every line that is a guess says so."""
    parts = [_head(found), _monolith(found), _services(found), _databases(found), _crossings(found)]
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def _head(found: Survey) -> Iterator[str]:
    yield "# What this system is, and where it runs. Every key: docs/reference/seaway-yaml.md"
    yield f"system: {found.system}"
    yield ""
    yield "environments:"
    yield f"  rehearsal: {{on: local, domain: {found.system}.localhost, nodes: {{min: 1, max: 4}}}}"


def _monolith(found: Survey) -> Iterator[str]:
    if old := found.monolith:
        yield f"monolith: # {old.framework} in ./{old.folder.relative_to(found.top)}: it stays where it is"
        yield f"  address: http://127.0.0.1:{old.port} # where it answers now, as this machine reaches it"
        if old.health:
            yield f"  health: {old.health}"


def _services(found: Survey) -> Iterator[str]:
    yield "services:" if found.services else "services: {}"
    for i, (name, project) in enumerate(found.services.items()):
        if i:
            yield ""
        where = project.folder.relative_to(found.top).as_posix()
        yield f"  {name}: # {project.framework}"
        yield f"    source: {_quoted('.' if where == '.' else f'./{where}')}"
        yield f"    run: {_quoted(project.command)}" + (f" # {project.unsure}" if project.unsure else "")
        yield "    port: 8000"
        guess = "" if project.health else " # a guess: name a path that answers 200 while it is sound"
        yield f"    health: {project.health or '/'}{guess}"
        if project.ready:
            yield f"    ready: {project.ready}"
        yield "    scale: {min: 2, max: 4, cpu: 70%}"
        yield "    resources: {cpu: 100m, memory: 128Mi}"
        yield from _variables(found, name, project)
        if project.wants_database:
            yield f"    database: {name} # arrives as DATABASE_URL"


def _variables(found: Survey, name: str, project: Project) -> Iterator[str]:
    env = dict(_addresses(found, name, project))
    if env:
        yield f"    env: {{{', '.join(f'{key}: {value}' for key, value in env.items())}}}"
    if project.secrets:
        yield f"    secrets: [{', '.join(project.secrets)}] # session-key arrives as SESSION_KEY"
    asked = (
        v for v in project.source.variables if v not in env and v not in KNOWN and not SECRET.fullmatch(v)
    )
    if others := [v for v in asked if not v.endswith("_FILE")]:
        yield f"    # it may also read: {', '.join(others[:12])}"


def _addresses(found: Survey, name: str, project: Project) -> Iterator[tuple[str, str]]:
    """Fill variables such as USERS_URL with the service of that name, and MONOLITH_URL with the monolith."""
    for variable in project.source.variables:
        peer = variable.removesuffix("_URL").removesuffix("_SERVICE").lower().replace("_", "-")
        if not variable.endswith("_URL") or peer == name:
            continue
        if peer in found.services:
            yield variable, f"http://{peer}"
        elif peer in {"monolith", "legacy"} and found.monolith:
            yield variable, '"${monolith}"'


def _databases(found: Survey) -> Iterator[str]:
    users = [name for name, project in found.services.items() if project.wants_database]
    if users:
        yield "databases:"
        for name in users:
            yield f"  {name}: {{engine: postgres, storage: 1Gi}}"


def _crossings(found: Survey) -> Iterator[str]:
    if not found.monolith:
        return
    if not found.routes:
        yield "# crossings: # no route was found that both the monolith and a service know"
        yield "#   first: {routes: [/path], to: SERVICE, steps: [1, 5, 25, 50, 100], hold: 2m}"
        return
    yield f"crossings: # known to the monolith and to {found.taker}; all other routes stay"
    before = ""
    for route in found.routes:
        name = as_name(route, "route")
        after = f", after: [{before}]" if before else ", steps: [1, 5, 25, 50, 100], hold: 2m"
        yield f"  {name}: {{routes: [/{route}], to: {found.taker}{after}}}"
        before = name


def _quoted(text: str) -> str:
    if set(text) <= PLAIN and ": " not in text:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
