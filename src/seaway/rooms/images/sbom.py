"""The bill of materials of an image, in CycloneDX: what is really in its layers, and how it was pinned."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from seaway.model.names import Digest
from seaway.rooms.images.contents import Piece, normal

MEDIA_TYPE: Final = "application/vnd.cyclonedx+json"
PINNED: Final = "seaway:pinned"
_PIN: Final = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;]+)")


def pins(text: str) -> dict[tuple[str, str], str]:
    """Read requirements: for each exact one whether its files are pinned too (`hash`) or not (`version`)."""
    lines = text.replace("\\\n", " ").splitlines()
    found = [(pin, line) for line in lines if (pin := _PIN.match(line))]
    return {(normal(pin[1]), pin[2]): "hash" if "--hash=" in line else "version" for pin, line in found}


def bill(image: str, digest: Digest, pieces: Iterable[Piece], pinned: dict[tuple[str, str], str]) -> bytes:
    """Write the bill of materials of an image; the same arguments give the same bytes."""
    pieces = list(pieces)
    release = next((each for each in pieces if each.kind == "os"), None)
    whole = Component(name=image, type=ComponentType.CONTAINER, version=digest.value, bom_ref=digest.value)
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"{image}@{digest}"))
    bom.metadata.timestamp = datetime.fromtimestamp(0, UTC)
    bom.metadata.component = whole
    for piece in pieces:
        bom.components.add(_component(piece, release, pinned))
    bom.register_dependency(whole, list(bom.components))
    return JsonV1Dot6(bom).output_as_string().encode()


def _component(piece: Piece, release: Piece | None, pinned: dict[tuple[str, str], str]) -> Component:
    if piece.kind == "os":
        kind, ref = ComponentType.OPERATING_SYSTEM, f"os:{piece.name}"
        return Component(name=piece.name, version=piece.version, type=kind, bom_ref=ref)
    told: dict[str, str] = {}
    if piece.kind == "deb":
        told = {"arch": piece.arch} | ({"distro": release.version} if release else {})
    space = (release.name if release else "debian") if piece.kind == "deb" else None
    address = PackageURL(piece.kind, space, piece.name, piece.version, told)
    how = pinned.get((piece.name, piece.version)) if piece.kind == "pypi" else None
    return Component(
        name=piece.name,
        version=piece.version,
        type=ComponentType.LIBRARY,
        purl=address,
        bom_ref=address.to_string(),
        properties=[Property(name=PINNED, value=how or "no")] if piece.kind == "pypi" else None,
    )
