"""The port Registry, over the OCI distribution API; here for the machine's own registry."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from seaway.kit.distribution import Distribution
from seaway.model.names import Digest, ImageRef
from seaway.providers.local import control

HOST: Final = f"127.0.0.1:{control.REGISTRY_PORT}"
_REMEDY: Final = "start the machine's registry: seaway cluster create"


class LocalRegistry:
    """Implements ports/registry.py for the registry that runs on this machine, or a folder of it.

    It remembers in which repository it saw a blob, and lets the registry mount it in another one.
    """

    def __init__(self, place: str = HOST) -> None:
        self._place = place
        self._server = Distribution(place.partition("/")[0], remedy=_REMEDY)
        self._homes: dict[str, str] = {}

    @property
    def place(self) -> str:
        return self._place

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
