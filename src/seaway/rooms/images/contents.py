"""What is really in a layer: Debian packages and Python distributions, by what they leave behind.

Layers are only read here, member by member, and nothing is written to disk: a name that leads out of the
layer leads nowhere.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

from seaway.errors import SeawayError
from seaway.kit import oci
from seaway.rooms.images.store import Store

#: Part of every key: raise it when this file sees more or less than before.
RECIPE: Final = 1
#: Bytes of such a file that are read; honest ones are shorter.
MOST: Final = 4 << 20
_PYTHON: Final = re.compile(r"(?:^|/)[^/]+\.dist-info/METADATA$")
_DEBIAN: Final = re.compile(r"(?:^|/)var/lib/dpkg/(?:status|status\.d/[^/]+)$")
_RELEASE: Final = re.compile(r"(?:^|/)(?:etc|usr/lib)/os-release$")
_FIELD: Final = re.compile(r"^([A-Za-z-]+):[ \t]*(.*)$", re.MULTILINE)
_SHELL: Final = re.compile(r"^(\w+)=\"?([^\"\n]*)\"?$", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Piece:
    """One thing in a layer. `kind` is pypi, deb or os (the release, by its name and its version's name)."""

    kind: str
    name: str
    version: str
    arch: str = ""


def contents(store: Store, layers: Iterable[oci.Layer]) -> list[Piece]:
    """List what is in the layers, each looked at once on this machine."""
    return sorted({piece for layer in layers for piece in _contents(store, layer)})


def _contents(store: Store, layer: oci.Layer) -> Iterator[Piece]:
    def look() -> dict[str, Any]:
        return {"pieces": [asdict(piece) for piece in look_into(store.blob(layer.digest))]}

    known = store.facts(f"contents-{RECIPE}-{layer.digest.removeprefix('sha256:')}", look)
    return (Piece(**each) for each in known["pieces"])


def look_into(layer: Path) -> list[Piece]:
    """Read a layer, a tar compressed or not. Raises SeawayError where it is none."""
    found: set[Piece] = set()
    try:
        with tarfile.open(layer, "r|*") as tar:
            for member in tar:
                reader = next((read for pattern, read in READERS if pattern.search(member.name)), None)
                if reader and member.isfile() and (file := tar.extractfile(member)):
                    found.update(reader(_text(file)))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise SeawayError("a layer cannot be read", where=str(layer), why=str(error)) from error
    return sorted(found)


def _text(file: IO[bytes]) -> str:
    return file.read(MOST).decode(errors="replace")


def _distribution(text: str) -> Iterator[Piece]:
    head = dict(_FIELD.findall(text.partition("\n\n")[0]))
    if head.get("Name") and head.get("Version"):
        yield Piece("pypi", normal(head["Name"]), head["Version"].strip())


def _packages(text: str) -> Iterator[Piece]:
    for paragraph in text.split("\n\n"):
        head = dict(_FIELD.findall(paragraph))
        installed = head.get("Status", "install ok installed").endswith(" installed")
        if head.get("Package") and head.get("Version") and installed:
            yield Piece("deb", head["Package"], head["Version"], head.get("Architecture", ""))


def _release(text: str) -> Iterator[Piece]:
    told = dict(_SHELL.findall(text))
    if told.get("ID"):
        yield Piece("os", told["ID"], told.get("VERSION_CODENAME") or told.get("VERSION_ID", ""))


READERS: Final = ((_PYTHON, _distribution), (_DEBIAN, _packages), (_RELEASE, _release))


def normal(name: str) -> str:
    """Write the name of a distribution as indexes do (PyPA, name normalization)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
