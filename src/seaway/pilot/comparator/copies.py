"""A copy of a visitor's request, as the gateway mirrors it, and what of it is asked of a side. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from seaway.rooms.crossing.compare.answer import Asked
from seaway.rooms.crossing.compare.spec import SAFE
from seaway.rooms.crossing.compare.task import Target, Task
from seaway.rooms.crossing.sides import SIDE_HEADER, Side

#: Tells an application that this is a comparison, so that it need not be counted as a visit.
MARK: Final = "x-seaway-comparison"
PROTO: Final = "x-forwarded-proto"

#: Headers of one connection (RFC 9110, 7.6.1), and those that whoever asks sets itself.
_OF_THE_WAY: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te",
     "trailer", "transfer-encoding", "upgrade", "content-length", "host", "expect", "accept-encoding"}
)  # fmt: skip
#: Headers that ask for a part, or for nothing where all is as it was (RFC 9110, 13.1 and 14.2): sides have
#: other validators, and the whole is compared.
_CONDITIONS: Final = frozenset(
    {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"}
)
#: What Envoy appends to the host of a mirrored request, before a port.
_SHADOW: Final = re.compile(r"-shadow(?=(?::[0-9]+)?$)")

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Copy:
    """One request: `target` is path and query as they came, `host` without what the mirror appended."""

    method: str
    target: str
    host: str
    headers: Headers
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def upgrades(self) -> bool:
        """Whether it wants another protocol than HTTP, such as WebSocket."""
        return any(name.lower() == "upgrade" for name, _ in self.headers)


def copy_of(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> Copy:
    """Take in a mirrored request."""
    pairs = tuple(headers)
    host = next((value for name, value in pairs if name.lower() == "host"), "")
    return Copy(method, target, _SHADOW.sub("", host), pairs, body)


def asked_of(copy: Copy, task: Task) -> Asked:
    """Say what is asked on both sides, and which hosts in their links are the side itself."""
    sides = {urlsplit(each.url).hostname or "" for each in (task.old, task.new)}
    named = {urlsplit(f"//{host}").hostname or "" for host in (copy.host, task.old.host, task.new.host)}
    path, _, query = copy.target.partition("?")
    return Asked(copy.method, path, query, frozenset({task.domain, *task.names, *sides, *named} - {""}))


def headers_for(copy: Copy, target: Target, side: Side) -> list[tuple[str, str]]:
    """Give the headers with which a side is asked: the visitor's, as the gateway would pass them on."""
    named = {name.strip().lower() for key, value in copy.headers if key.lower() == "connection"
             for name in value.split(",")}  # fmt: skip
    left = {*_OF_THE_WAY, *_CONDITIONS, *named, SIDE_HEADER, MARK}
    kept = [(name, value) for name, value in copy.headers if name.lower() not in left]
    if not any(name.lower() == PROTO for name, _ in kept):
        kept.append((PROTO, "https"))
    packed = any(n.lower() == "accept-encoding" and "gzip" in v.lower() for n, v in copy.headers)
    return [
        ("Host", target.host or copy.host or urlsplit(target.url).netloc),
        *kept,
        ("Accept-Encoding", "gzip, deflate" if packed else "identity"),
        (SIDE_HEADER, side.word),
        (MARK, "1"),
    ]


def refusal(copy: Copy, task: Task) -> str:
    """Say why a request is not compared; nothing where it may be."""
    if copy.method not in task.spec.methods:
        return f"the method {copy.method if copy.method.isalpha() else '?'} is not to be compared"[:80]
    if copy.upgrades:
        return "it changes the protocol"
    if copy.method in SAFE and copy.body:
        return "a GET with a body"
    return ""
