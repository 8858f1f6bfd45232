"""An answer of one side, as far as it is compared."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

#: Bytes of a body that are read, and of what comes out when it is unpacked: the rest is not compared.
LARGEST: Final = 512 * 1024
#: zlib's way to say: a gzip or zlib header, whichever is there.
_EITHER: Final = zlib.MAX_WBITS | 32


@dataclass(frozen=True)
class Answer:
    """Status, headers by small-letter name (each with its values in their order), and body.

    `cut` tells that the body went on. `failure` says why there is no whole answer; then nothing else counts.
    """

    status: int = 0
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False
    failure: str = ""

    def header(self, name: str) -> str:
        """Give a header's values as one text (RFC 9110, 5.3)."""
        return ", ".join(self.headers.get(name, ()))


@dataclass(frozen=True)
class Asked:
    """The request that was asked on both sides. `hosts` are the names under which a side is itself."""

    method: str
    path: str
    query: str = ""
    hosts: frozenset[str] = frozenset()

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def headers_of(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Gather headers by small-letter name."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        key = name.lower()
        found[key] = (*found.get(key, ()), value.strip())
    return found


def unpacked(body: bytes, encoding: str, *, cut: bool, largest: int = LARGEST) -> tuple[bytes, bool]:
    """Undo a Content-Encoding (RFC 9110, 8.4.1); gives the body and whether it is cut.

    Never more than `largest` bytes come out, however small they were packed. What is not packed as it says
    stays as it is.
    """
    if encoding.strip().lower() not in {"gzip", "x-gzip", "deflate"}:
        return body, cut
    for bits in (_EITHER, -zlib.MAX_WBITS):
        unpacker = zlib.decompressobj(bits)
        try:
            found = unpacker.decompress(body, largest)
        except zlib.error:
            continue
        return found, cut or bool(unpacker.unconsumed_tail) or not unpacker.eof
    return body, cut
