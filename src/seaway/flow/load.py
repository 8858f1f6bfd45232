"""seaway.yaml → System: typed, every default filled, every problem at once with its line.

First the YAML, then each value by its type, then what contradicts: parts that are wrong in themselves are
left out of the last look, but their names still count, so that one mistake is told once.
"""

from __future__ import annotations

from pathlib import Path as File
from typing import Any, Final

from pydantic import ValidationError

from seaway.errors import Problem, SpecError, UsageError
from seaway.flow.contradictions import Declared, contradictions
from seaway.flow.explain import explain
from seaway.flow.system import System
from seaway.kit.yaml import Document, Path, parse, show
from seaway.model.fields import name
from seaway.model.wrong import Wrong

NAMED: Final = ("environments", "services", "databases", "crossings", "promotions")
PART: Final = 2  # services.users
VALUE: Final = 99  # services.users.env.PORT and deeper


def load(path: File) -> System:
    """Read the file that describes a system.

    Raises UsageError where it cannot be read, SpecError with every problem where it is wrong.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no {path}",
            why="Seaway reads from it what the system is",
            remedy="seaway init   (writes one for the repository you stand in), or --file FILE",
        ) from error
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a folder", remedy=f"--file {path / 'seaway.yaml'}") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", remedy="see who may read it") from error
    return read(content, str(path), path.absolute().parent)


def read(content: bytes, called: str, folder: File) -> System:
    """Read the text of such a file. `called` is its name in errors, `folder` where its sources begin."""
    document = parse(content, called)
    if not isinstance(document.data, dict):
        why = "the file is empty" if document.data is None else "the file is not a mapping of keys"
        raise SpecError(
            called, (Problem("", document.line(()) or 1, why, "seaway init writes one to begin with"),)
        )
    data = _as_written(_filled(document.data), document)
    system, rough, problems = _typed(data, document)
    for found in contradictions(system.at(folder), rough.at(folder), Declared.of(data)):
        problems.append(Problem(show(found.path), document.line(found.path), found.why, found.remedy))
    if problems:
        raise SpecError(called, tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.line, p.path))))
    return system.at(folder)


def _filled(data: dict[str, Any]) -> dict[str, Any]:
    """Fill in what depends on another part: the environment that is always there, and local domains."""
    data = {**data}
    if data.get("environments") is None:
        data["environments"] = {"rehearsal": {"on": "local"}}
    for part in NAMED:
        if data.get(part, 0) is None:
            data[part] = {}
    if isinstance(data["environments"], dict) and _is_name(data.get("system")):
        data["environments"] = {n: _with_domain(e, data["system"]) for n, e in data["environments"].items()}
    return data


def _is_name(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(name(value))
    except Wrong:
        return False


def _with_domain(environment: Any, system: str) -> Any:
    full = {"on": environment} if isinstance(environment, str) else {} if environment is None else environment
    local = isinstance(full, dict) and full.get("on", "local") == "local"
    return {**full, "domain": f"{system}.localhost"} if local and not full.get("domain") else environment


def _as_written(value: Any, document: Document) -> Any:
    """Take numbers and truths as their own text wherever the type wants text, such as `PORT: 8000` in env."""
    try:
        System.model_validate(value)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            text = document.text(tuple(found["loc"]))
            if found["type"] == "string_type" and text:
                value = _replaced(value, tuple(found["loc"]), text)
    return value


def _typed(data: dict[str, Any], document: Document) -> tuple[System, System, list[Problem]]:
    """Validate; where parts are wrong, tell them all and go on with what is left.

    The first system leaves out every part that has an error, the second only the wrong values in it.
    """
    try:
        system = System.model_validate(data)
    except ValidationError as error:
        errors = [found for found in error.errors(include_url=False) if not _echo(found)]
    else:
        return system, system, []
    problems = []
    for found in errors:
        path, why, remedy = explain(found, System)
        problems.append(Problem(show(path), document.line(path), why, remedy))
    left = _left(data, errors, PART)
    return left, _left(data, errors, VALUE), problems


def _echo(found: Any) -> bool:
    """Tell a list that is called too short because its items are wrong: those are told themselves."""
    return found["type"] == "too_short" and bool(found["input"])


def _left(data: Any, errors: list[Any], depth: int) -> System:
    """Validate what is left without what is wrong; a system whose name is wrong gets one that is not."""
    rest: Any = {"system": "x", **data}
    for found in reversed(errors):  # from the end, so that places in lists stay true
        loc: Path = found["loc"]
        cut = min(depth, PART if found["type"] == "missing" else len(loc)) if loc[0] in NAMED else 1
        rest = _cut(rest, loc[:cut]) if loc != ("system",) else {**rest, "system": "x"}
    try:
        return System.model_validate(rest)
    except ValidationError as error:  # what was cut out is missing now: leave the whole part out
        return _left(rest, error.errors(include_url=False), PART)


def _cut(value: Any, path: Path) -> Any:
    """Leave out one value of nested mappings and lists; what is not there changes nothing."""
    head, rest = path[0], path[1:]
    if isinstance(value, dict) and head in value:
        whole = {key: item for key, item in value.items() if key != head}
        return {**value, head: _cut(value[head], rest)} if rest else whole
    if isinstance(value, list) and isinstance(head, int):
        return [_cut(item, rest) if i == head else item for i, item in enumerate(value) if rest or i != head]
    if isinstance(value, list):  # names in short form
        return [item for item in value if item != head]
    return value


def _replaced(value: Any, path: Path, text: str) -> Any:
    if not path:
        return text
    head, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {key: _replaced(item, rest, text) if key == head else item for key, item in value.items()}
    return [_replaced(item, rest, text) if i == head else item for i, item in enumerate(value)]
