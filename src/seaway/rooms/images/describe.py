"""A new image's papers: its bill of materials and its provenance, kept beside it in the registry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from seaway.kit import oci
from seaway.model.names import Digest
from seaway.rooms.images.contents import contents
from seaway.rooms.images.keyless import Author
from seaway.rooms.images.kinds import TYPES
from seaway.rooms.images.provenance import provenance
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.signatures import sign
from seaway.rooms.images.statements import CREATED, attach, statements
from seaway.rooms.images.store import Store

SBOM: Final = TYPES["sbom"]
PROVENANCE: Final = TYPES["provenance"]


@dataclass(frozen=True)
class Made:
    """What an image was made of: its layers in order, the text of its requirements; since when, for what.

    `bases` are what a Dockerfile starts from, by name and digest as SLSA has them.
    """

    recipe: Recipe
    layers: tuple[oci.Layer, ...]
    pinned: str
    begin: datetime
    platforms: tuple[str, ...]
    bases: tuple[dict[str, Any], ...] = ()


def describe(shelf: Shelf, digest: Digest, made: Made, store: Store, key: Author | None = None) -> None:
    """Put the papers of an image where it lies; what is there stays. A key signs them and the image."""
    from seaway.rooms.images.sbom import MEDIA_TYPE, bill, pins  # noqa: PLC0415  (0.2 s that few commands need)

    referrers = shelf.server.referrers(shelf.repository, digest.value)
    said = statements(shelf, digest, [key.public] if key else [], referrers)
    there = {each.predicate_type for each in said if not key or each.by}
    billed = any(each.get("artifactType") == MEDIA_TYPE for each in referrers)
    if not billed or (key and SBOM not in there):
        image = f"{made.recipe.system}/{made.recipe.service}"
        text = bill(image, digest, contents(store, made.layers), pins(made.pinned))
        if not billed:
            shelf.refer(digest, MEDIA_TYPE, text, {CREATED: oci.CREATED})
        if key and SBOM not in there:
            attach(shelf, digest, SBOM, json.loads(text), key)
    if PROVENANCE not in there:
        how = provenance(
            made.recipe, made.layers, made.begin, datetime.now(UTC), made.platforms, bases=made.bases
        )
        attach(shelf, digest, PROVENANCE, how, key)
    if key:
        sign(shelf, digest, key, said)
