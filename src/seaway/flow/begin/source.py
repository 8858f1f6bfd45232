"""What the Python files of a project say, read as syntax trees; nothing is imported or run."""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SKIPPED: Final = frozenset({
    "tests", "test", "testing", "migrations", "node_modules", "venv", "env", "build", "dist", "site-packages",
    "__pycache__", "docs", "static",
})  # fmt: skip
FRAMEWORKS: Final = {"Flask": "flask", "FastAPI": "fastapi", "Starlette": "starlette", "Litestar": "litestar"}
MAX_FILES: Final = 2000
MAX_SIZE: Final = 1 << 20

_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_ROUTE: Final = re.compile(r"/([a-z0-9][a-z0-9_-]*)(?:/.*)?")
_DJANGO_ROUTE: Final = re.compile(r"\^?/?([a-z0-9][a-z0-9_-]*)(?:[/?$].*)?")


@dataclass(frozen=True)
class Entry:
    """What a server serves: `module:name`; the framework's own name for it if the file says so."""

    module: str
    name: str
    framework: str = ""


@dataclass(frozen=True)
class Source:
    """All that was found: entries, upper-case names that are asked for, paths, first parts of routes."""

    entries: tuple[Entry, ...]
    variables: tuple[str, ...]
    paths: frozenset[str]
    routes: tuple[str, ...]


def folders(top: Path, depth: int) -> Iterator[Path]:
    """Walk `top` and what lies below it, at most `depth` deep, without what is never a project's own.

    Folders that may not be read are left out.
    """
    yield top
    if depth:
        for child in sorted(top.iterdir()):
            ours = not child.is_symlink() and child.is_dir() and not _is_skipped(child.name)
            if ours and os.access(child, os.R_OK | os.X_OK):
                yield from folders(child, depth - 1)


def read(folder: Path, others: frozenset[Path]) -> Source:
    """Read every Python file of the project in `folder`; the projects `others` inside it are not its own."""
    entries: list[Entry] = []
    variables: dict[str, None] = {}
    paths: set[str] = set()
    routes: dict[str, None] = {}
    declared: dict[str, None] = {}
    for file in _files(folder, others):
        tree = _parse(file)
        if tree is None:
            continue
        entries.extend(_entries(tree, _module(file, folder), file.stem))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                paths.add(node.value)
                if found := _ROUTE.fullmatch(node.value):
                    routes[found[1]] = None
            if (asked := _asked(node)) and _VARIABLE.fullmatch(asked):
                variables[asked] = None
            if (route := _django_route(node)) is not None and (found := _DJANGO_ROUTE.fullmatch(route)):
                declared[found[1]] = None
    return Source(tuple(entries), tuple(sorted(variables)), frozenset(paths), tuple(declared | routes))


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name in SKIPPED or name.endswith(".egg-info")


def _files(folder: Path, others: frozenset[Path]) -> Iterator[Path]:
    seen = 0
    for root, below, names in os.walk(folder):
        below[:] = sorted(n for n in below if not _is_skipped(n) and Path(root, n) not in others)
        for name in sorted(names):
            file = Path(root, name)
            if name.endswith(".py") and not name.startswith("test_") and file.stat().st_size <= MAX_SIZE:
                seen += 1
                if seen > MAX_FILES:
                    return
                yield file


def _parse(file: Path) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd escapes in somebody's strings are not our reader's business
        try:
            return ast.parse(file.read_bytes())
        except (SyntaxError, ValueError, RecursionError):
            return None


def _module(file: Path, folder: Path) -> str:
    parts = list(file.relative_to(folder).with_suffix("").parts)
    if parts[0] == "src" and not (folder / "src" / "__init__.py").exists():
        parts = parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _entries(tree: ast.Module, module: str, stem: str) -> Iterator[Entry]:
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [t.id for t in targets if isinstance(t, ast.Name)]
            called = _called(node.value)
            served = stem in {"wsgi", "asgi"} and bool({"app", "application"} & set(names))
            if names and (called in FRAMEWORKS or served):
                yield Entry(module, names[0], FRAMEWORKS.get(called, ""))
        elif (
            isinstance(node, ast.FunctionDef)
            and node.name in {"create_app", "make_app"}
            and not node.args.args
        ):
            made = {
                _called(call) for call in ast.walk(node) if isinstance(call, ast.Call)
            } & FRAMEWORKS.keys()
            if made:
                yield Entry(module, f"{node.name}()", FRAMEWORKS[min(made)])


def _called(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def _asked(node: ast.AST) -> str | None:
    """Give the text that is asked for: `environ["X"]`, `getenv("X")`, `env.get("X")`, `required("X")`."""
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
        key = node.slice
    elif isinstance(node, ast.Call) and node.args:
        key = node.args[0]
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _django_route(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and _called(node) in {"path", "re_path"} and len(node.args) > 1:
        return _asked(node)
    return None
