"""Registries of OCI images."""

from __future__ import annotations

from typing import Protocol

from seaway.model.names import Digest, ImageRef


class Registry(Protocol):
    """Stores images (OCI distribution spec)."""

    @property
    def place(self) -> str:
        """`host[:port][/folder]` under which the cluster pulls."""

    def resolve(self, ref: ImageRef) -> Digest | None:
        """The digest that a tag points at, or None."""

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether the blob is there already."""

    def put_blob(self, repository: str, digest: Digest, path: str) -> None:
        """Upload the file at `path`; a blob that is there already costs one request."""

    def get_blob(self, repository: str, digest: Digest, path: str) -> None:
        """Download a blob to `path` and verify it."""

    def put_manifest(self, ref: ImageRef, media_type: str, body: bytes) -> Digest:
        """Upload a manifest under its tag, or its digest where it has none."""

    def get_manifest(self, ref: ImageRef) -> tuple[str, bytes]:
        """Media type and bytes of a manifest."""

    def tags(self, repository: str) -> tuple[str, ...]:
        """Every tag of a repository; none where it does not exist."""
