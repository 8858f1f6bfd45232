"""YAML with the line of every key: the core schema of YAML 1.2, so that `on` is a word and not a truth.

Each mapping may name a key once, keys are text, tags and merge keys are not read, and aliases may not blow
a small file up. Every fault is a Problem with its line; syntax stops at the first, as YAML must.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from seaway.errors import Problem, SpecError

Path = tuple[str | int, ...]

MAX_BYTES: Final = 1 << 20
MAX_VALUES: Final = 20_000  # after aliases are followed
MAX_DEPTH: Final = 40

_NULL: Final = re.compile(r"|~|null|Null|NULL")
_BOOL: Final = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT: Final = re.compile(r"[-+]?[0-9]{1,400}")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Place:
    """The line of a value's key, or of a list's item, from 1; `text` is a scalar as it was written."""

    line: int
    text: str | None


@dataclass(frozen=True)
class Document:
    """Plain data, and the place of each value in it by path."""

    data: Any
    places: Mapping[Path, Place] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """Tell the line of the value, or of the nearest thing around it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.places:
                return self.places[path[:end]].line
        return 0

    def text(self, path: Path) -> str | None:
        """Give a scalar as it was written; None for anything else."""
        place = self.places.get(path)
        return place.text if place else None


def show(path: Path) -> str:
    """Write a path as people do: `services.users.env.PORT`, `crossings.login.routes[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def parse(content: bytes, name: str) -> Document:
    """Parse one YAML document. `name` is what the file is called in errors.

    Raises SpecError with every problem found.
    """
    node = _compose(content, name)
    if node is None:
        return Document(None)
    reader = _Reader()
    data = reader.read(node, (), node.start_mark.line + 1)
    if reader.problems:
        raise SpecError(name, tuple(reader.problems))
    return Document(data, reader.places)


def _compose(content: bytes, name: str) -> yaml.Node | None:
    def wrong(line: int, why: str, remedy: str = "") -> SpecError:
        return SpecError(name, (Problem("", line, why, remedy),))

    if len(content) > MAX_BYTES:
        raise wrong(0, f"the file is larger than {MAX_BYTES >> 20} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise wrong(line, "this is not UTF-8 text", "save the file as UTF-8") from error
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise wrong(line, f"the character U+{ord(text[error.position]):04X} may not stand here") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise wrong(mark.line + 1 if mark else 0, *_syntax(error, text, mark)) from error
    except RecursionError as error:
        raise wrong(0, f"values are nested deeper than {MAX_DEPTH}") from error


def _syntax(error: yaml.MarkedYAMLError, text: str, mark: yaml.Mark | None) -> tuple[str, str]:
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "the line is indented with a tab", "YAML wants spaces: replace the tab by spaces"
    if "single document" in (error.context or ""):
        return "a second document begins here", "keep one document: remove the line ---"
    parts = [part for part in (error.context, error.problem) if part]
    shown = line.strip()
    remedy = f"look at: {shown[:80]}" if shown else "look at the lines above the end of the file"
    return "YAML cannot be read: " + ", ".join(parts), remedy


class _Reader:
    """Turns nodes into plain data and remembers where each value stood."""

    def __init__(self) -> None:
        self.places: dict[Path, Place] = {}
        self.problems: list[Problem] = []
        self._values, self._full = 0, False

    def read(self, node: yaml.Node, path: Path, line: int) -> Any:
        self._values += 1
        if self._values > MAX_VALUES or len(path) > MAX_DEPTH:
            if not self._full:
                top = self.places.get(path[:1])
                why = "too many values, or nested too deep, once aliases (*) are followed"
                self._wrong(path[:1], top.line if top else line, why)
            self._full = True
            return None
        self.places[path] = Place(line, None)
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.startswith("tag:yaml.org,2002:python/"):
            self._wrong(path, line, f"tags such as {node.tag} are not read", "write the plain value")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.read(child, (*path, i), child.start_mark.line + 1) for i, child in enumerate(node.value)
            ]
        self.places[path] = Place(line, node.value)
        return _scalar(node) if isinstance(node, yaml.ScalarNode) else None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = _scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                self._wrong(path, line, "a key must be text", "put the key in quotes")
            elif key == "<<":
                self._wrong(path, line, "merge keys (<<) are not read", "write the keys out")
            elif key in found:
                self._wrong((*path, key), line, f"the key is there twice, first on line {first[key]}")
            else:
                first[key] = line
                found[key] = self.read(value_node, (*path, key), line)
        return found

    def _wrong(self, path: Path, line: int, why: str, remedy: str = "") -> None:
        self.problems.append(Problem(show(path), line, why, remedy))


def _scalar(node: yaml.ScalarNode) -> Any:
    """Resolve a scalar by the core schema (YAML 1.2.2, 10.3.2); quoted ones are text."""
    text: str = node.value
    if node.style or node.tag == "tag:yaml.org,2002:str":
        return text
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
