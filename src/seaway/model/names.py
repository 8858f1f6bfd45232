"""Names of things: parsed once at the edge, never raw strings inside."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from seaway.errors import UsageError

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_REPOSITORY: Final = re.compile(
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
_CLUSTER: Final = re.compile(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, order=True)
class Digest:
    """A content address, `sha256:` and 64 hex digits (OCI image spec, descriptor.md, Digests)."""

    value: str

    def __post_init__(self) -> None:
        if not _DIGEST.fullmatch(self.value):
            raise ValueError(f"{self.value!r} is not a sha256 digest")

    def __str__(self) -> str:
        return self.value

    @property
    def hex(self) -> str:
        return self.value.removeprefix("sha256:")


@dataclass(frozen=True, order=True)
class ImageRef:
    """`registry/repository[:tag][@digest]` (OCI distribution spec, Pulling manifests).

    Raises ValueError for a name that the specification does not allow.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository):
            raise ValueError(f"{self.repository!r} is not a repository name")
        if self.tag and not _TAG.fullmatch(self.tag):
            raise ValueError(f"{self.tag!r} is not a tag")

    @classmethod
    def parse(cls, text: str) -> Self:
        rest, _, digest = text.partition("@")
        head, slash, tail = rest.partition("/")
        if not slash or not ("." in head or ":" in head or head == "localhost"):
            raise ValueError(f"{text!r} does not name its registry")
        repository, _, tag = tail.partition(":")
        return cls(head, repository, tag, Digest(digest) if digest else None)

    @classmethod
    def within(cls, registry: str, repository: str, tag: str = "") -> Self:
        """Name an image in a registry, or a folder of one: `host[:port][/folder]`."""
        host, _, folder = registry.partition("/")
        return cls(host, f"{folder}/{repository}" if folder else repository, tag)

    def at(self, digest: Digest) -> ImageRef:
        return ImageRef(self.registry, self.repository, "", digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


@dataclass(frozen=True, order=True)
class Weight:
    """The share of a route's requests that goes to the new side, in whole percent, 0 to 100."""

    percent: int

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= 100:  # noqa: PLR2004
            raise ValueError(f"a weight is a whole number from 0 to 100, not {self.percent}")

    def __str__(self) -> str:
        return f"{self.percent} %"


def cluster_name(name: str) -> str:
    """Check a cluster's name. Raises UsageError."""
    if not _CLUSTER.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a cluster's name",
            why="it becomes part of other names: in Kubernetes, of namespaces here or of roles on AWS",
            remedy="use at most 32 lower-case letters, digits and dashes, beginning with a letter",
        )
    return name


def covers(names: Iterable[str], domain: str) -> bool:
    """Tell whether a certificate for these names is one for the domain: `*` is one label (RFC 9525, 6.3)."""
    _, _, parent = domain.lower().partition(".")
    return any(name.lower() in {domain.lower(), f"*.{parent}"} for name in names)
