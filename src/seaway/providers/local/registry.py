"""The port Registry, over the OCI distribution API; here for the machine's own registry."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from seaway.kit.distribution import Distribution, introduce
from seaway.model.names import Digest, ImageRef
from seaway.providers.local.access import HOST, REMEDY, Access

introduce(HOST, Access().known())


class LocalRegistry:
    """Implements ports/registry.py for the registry that runs on this machine, or a folder of it.

    It remembers in which repository it saw a blob, and lets the registry mount it in another one.
    """

    def __init__(self, place: str = HOST) -> None:
        self._place = place
        self._homes: dict[str, str] = {}

    @property
    def place(self) -> str:
        return self._place

    @cached_property
    def _server(self) -> Distribution:
        """Known late: before the registry's first start there is no authority to trust."""
        return Distribution(self._place.partition("/")[0], remedy=REMEDY)

    def resolve(self, ref: ImageRef) -> Digest | None:
        found = self._server.resolve(ref.repository, _reference(ref))
        return Digest(found) if found else None

    def has_blob(self, repository: str, digest: Digest) -> bool:
        there = self._server.has_blob(repository, digest.value)
        if there:
            self._homes.setdefault(digest.value, repository)
        return there

    def put_blob(self, repository: str, digest: Digest, path: str) -> None:
        if self.has_blob(repository, digest):
            return
        self._server.put_blob(repository, digest.value, Path(path), self._homes.get(digest.value, ""))
        self._homes.setdefault(digest.value, repository)

    def get_blob(self, repository: str, digest: Digest, path: str) -> None:
        self._server.get_blob(repository, digest.value, Path(path))

    def put_manifest(self, ref: ImageRef, media_type: str, body: bytes) -> Digest:
        return Digest(self._server.put_manifest(ref.repository, _reference(ref), media_type, body))

    def get_manifest(self, ref: ImageRef) -> tuple[str, bytes]:
        return self._server.manifest(ref.repository, _reference(ref))

    def tags(self, repository: str) -> tuple[str, ...]:
        return self._server.tags(repository)


def _reference(ref: ImageRef) -> str:
    """Name a manifest in its repository: by digest if it has one, else by tag."""
    return ref.digest.value if ref.digest else ref.tag
