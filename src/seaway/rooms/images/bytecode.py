"""Byte code that is there before the first start: a read-only container could never keep its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from seaway.kit import process

#: Fixed, because the order of sets ends up in byte code.
_SEED = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}

#: Modules that are worth another program, and how many of these there are at most.
_SHARE = 100
_MOST = 8


@dataclass(frozen=True)
class Interpreter:
    """A Python that runs here and whose byte code the image's Python reads (same minor version)."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def inside(cls, root: Path, program: Path) -> Interpreter:
        """Run the Python of a tree on this disk through the tree's own loader and libraries, without root."""
        loader = next(
            iter(sorted((root / "usr/lib64").glob("ld-linux*")) or sorted(root.glob("lib/ld-linux*")))
        )
        libraries = ":".join(str(p) for p in sorted((root / "usr/lib").glob("*-linux-gnu")))
        return cls(
            (str(loader), "--library-path", libraries, str(program)), {"PYTHONHOME": str(root / "usr")}
        )


def compile_tree(python: Interpreter, tree: Path, place: str, folders: Iterable[str] = (".",)) -> None:
    """Write the byte code of every module below `tree`, which will lie at `place` in the image.

    Unchecked hash-based files (PEP 552): no times inside, nothing to compare at start. Modules that this
    Python cannot read are left as they are. Several programs share them, by their number alone: what one
    has compiled before shows in its byte code (bpo-34093), so that no chance may say who compiles what.
    """
    found = (path for folder in folders for path in (tree / folder).rglob("*.py") if path.is_file())
    modules = sorted(name for name in map(str, found) if name.isprintable())
    shares = min(_MOST, -(-len(modules) // _SHARE))

    def run(share: int) -> None:
        process.run(
            *python.argv, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
            "-s", str(tree), "-p", place, "-i", "-",
            stdin="".join(f"{name}\n" for name in modules[share::shares]),
            env={**_inherited(), **_SEED, **python.env},
            check=False,
        )  # fmt: skip

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for each in [pool.submit(run, share) for share in range(shares)]:
            each.result()


def _inherited() -> dict[str, str]:
    """Take the environment without what would change this Python: PYTHON… and LD_…."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LD_"))}
