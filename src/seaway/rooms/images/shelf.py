"""A repository in a registry, and what is kept in it beside the images.

What belongs to an image refers to it (distribution spec, Listing Referrers), or lies under a tag made from
its digest, as cosign has it (SIGNATURE_SPEC.md, Discovery).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from seaway.errors import NotFound, SeawayError
from seaway.kit import oci
from seaway.kit.distribution import Distribution, again
from seaway.model.names import Digest, ImageRef

#: What cosign keeps under such tags: signatures, attestations, bills of materials.
SUFFIXES: Final = ("sig", "att", "sbom")
#: Bytes that a signature, an attestation or a bill of materials may have.
SMALL: Final = 32 << 20


@dataclass(frozen=True)
class Shelf:
    """A repository in a registry."""

    server: Distribution
    repository: str

    @classmethod
    def of(cls, image: ImageRef, remedy: str = "") -> Self:
        """Where an image lies; `remedy` is what helps where that registry does not answer."""
        return cls(Distribution(image.registry, remedy=remedy), image.repository)

    def find(self, image: ImageRef) -> Digest:
        """Find the digest that is meant, once: from here on a tag may move. Raises NotFound."""
        found = self.server.resolve(self.repository, image.digest.value if image.digest else image.tag)
        if found is None:
            raise NotFound(
                f"there is no image {image}", why="the registry knows neither this tag nor this digest",
                remedy="seaway image build   (makes the images of what the folders hold now)",
            )  # fmt: skip
        return Digest(found)

    def put(self, data: bytes) -> None:
        """Store a small blob, if it is not there."""
        digest = oci.digest(data)
        if not self.server.has_blob(self.repository, digest):
            self.server.put_stream(
                self.repository, digest, len(data), lambda start, size: iter((data[start : start + size],))
            )

    def get(self, entry: Mapping[str, Any]) -> bytes:
        """Read the small blob that a descriptor names. Raises SeawayError where it is large or damaged."""
        digest, size = str(entry["digest"]), int(entry["size"])
        if size > SMALL:
            raise SeawayError(
                f"{digest} is {size} bytes long: too much for what it should be", where=str(self)
            )
        data = b"".join(self.server.read_blob(self.repository, digest, 0, size))
        if oci.digest(data) != digest:
            raise SeawayError(f"{self.server.host} gave a blob that is not {digest}", where=str(self))
        return data

    def refer(self, to: Digest, kind: str, data: bytes, annotations: Mapping[str, str]) -> Digest:
        """Store `data`, of the media type `kind`, as a referrer of an image; gives its manifest's digest."""
        media_type, body = self.server.manifest(self.repository, to.value)
        subject, layer = oci.descriptor(media_type, body), oci.descriptor(kind, data)
        manifest = oci.artifact(kind, subject, [layer], annotations)

        def send() -> Digest:
            for each in (oci.NOTHING, data):
                self.put(each)
            return Digest(self.server.put_manifest(self.repository, "", oci.MANIFEST, manifest))

        return again(send)

    def beside(self, image: Digest, suffix: str) -> list[Mapping[str, Any]]:
        """Read the descriptors of what cosign keeps beside an image."""
        try:
            _, body = self.server.manifest(self.repository, companion_tag(image.value, suffix))
        except NotFound:
            return []
        return list(json.loads(body).get("layers") or ())

    def put_beside(self, tag: str, layers: Sequence[Mapping[str, Any]]) -> None:
        """Let one of cosign's tags name an image whose layers these are."""
        config = json.dumps(
            {
                "architecture": "",
                "os": "",
                "created": oci.CREATED,
                "config": {},
                "history": [{"created": oci.CREATED} for _ in layers],
                "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
            }
        ).encode()
        self.put(config)
        manifest = {
            "schemaVersion": 2,
            "mediaType": oci.MANIFEST,
            "config": oci.descriptor(oci.CONFIG, config),
            "layers": list(layers),
        }
        self.server.put_manifest(self.repository, tag, oci.MANIFEST, json.dumps(manifest).encode())

    def __str__(self) -> str:
        return f"{self.server.host}/{self.repository}"


def companion_tag(digest: str, suffix: str) -> str:
    """Name the tag under which cosign keeps something beside an image."""
    return f"{oci.fallback_tag(digest)}.{suffix}"
