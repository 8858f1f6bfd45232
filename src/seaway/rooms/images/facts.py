"""Which images are in the registry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from seaway.model.names import Digest, ImageRef
from seaway.ports.registry import Registry

#: Questions to a registry at the same time.
AT_ONCE: Final = 8


@dataclass(frozen=True)
class ImageFacts:
    """What was seen: for each image that is wanted, the digest that the registry has for it, or None."""

    seen: Mapping[ImageRef, Digest | None] = field(default_factory=dict)

    def found(self, ref: ImageRef) -> ImageRef | None:
        """Name the image by digest, if it is there."""
        digest = self.seen.get(ref)
        return ref.at(digest) if digest else None


def image_facts(registry: Registry | None, wanted: Iterable[ImageRef]) -> ImageFacts:
    """Ask the registry for every image, some at once; without one that runs, none is there."""
    refs = tuple(wanted)
    if not registry:
        return ImageFacts(dict.fromkeys(refs))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return ImageFacts(dict(zip(refs, pool.map(registry.resolve, refs), strict=True)))


def extent(registry: Registry, ref: ImageRef) -> tuple[int, tuple[str, ...]]:
    """Give the bytes of an image's layers, each counted once, and the platforms of an index."""
    manifest = json.loads(registry.get_manifest(ref)[1])
    entries = manifest.get("manifests") or ()
    parts = [registry.get_manifest(ref.at(Digest(each["digest"])))[1] for each in entries]
    layers = (layer for each in (manifest, *map(json.loads, parts)) for layer in each.get("layers") or ())
    platforms = (each.get("platform") or {} for each in entries)
    return (
        sum({layer["digest"]: int(layer["size"]) for layer in layers}.values()),
        tuple(f"{each.get('os')}/{each.get('architecture')}" for each in platforms),
    )
