"""Programs that others made, each built from the source of its Go module as that is pinned, and kept."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from seaway.kit import cache
from seaway.model.event import silent
from seaway.providers.local import engine

#: The module that pins what images are compared with, and its programs.
IMAGES: Final = Path(__file__).parent / "peers"
CRANE: Final = "github.com/google/go-containerregistry/cmd/crane"
CONFORMANCE: Final = "github.com/opencontainers/distribution-spec/conformance"


def built(module: Path, *commands: str) -> Path:
    """Build the commands of a module where they are not there yet (minutes); gives the folder they are in."""
    sources = [module / "go.mod", module / "go.sum", *sorted(module.glob("*.go"))]
    pins = b"".join(file.read_bytes() for file in sources)
    folder = cache.folder() / "tests" / f"{module.name}-{hashlib.sha256(pins).hexdigest()[:16]}"
    if not all((folder / command.rpartition("/")[2]).is_file() for command in commands):
        lean = ("-trimpath", "-mod=readonly", "-gcflags=all=-dwarf=false", "-ldflags=-s -w")
        go = engine.go_program(engine.source(), silent)
        # Tests of a running cluster may be beside it.
        argv = ["nice", "-n10", go, "build", *lean, "-o", f"{folder}/", *commands]
        subprocess.run(argv, cwd=module, env=engine.surroundings(), check=True)
    return folder


@contextmanager
def running(argv: list[str | Path], log: Path) -> Iterator[None]:
    """Run a program in the background as long as it is needed."""
    with log.open("ab") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.kill()
        process.wait()
