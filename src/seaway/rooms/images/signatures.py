"""Signatures of images in both forms that cosign knows, so that every version of it takes ours, and we its.

Up to version 2 cosign keeps a payload of its own beside the image (SIGNATURE_SPEC.md, simple signing), since
version 3 a bundle as a referrer. Where an image has any bundle, version 3 looks at nothing else.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from seaway.kit import oci
from seaway.model.names import Digest
from seaway.rooms.images.keyless import Author, Keyless, Witness
from seaway.rooms.images.keys import PublicKey, Signer
from seaway.rooms.images.shelf import Shelf, companion_tag
from seaway.rooms.images.statements import SIGNED, Said, attach, statements

SIMPLE: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE: Final = "dev.cosignproject.cosign/signature"
_TYPE: Final = "cosign container image signature"


@dataclass(frozen=True)
class Signature:
    """A signature that was found to be right: by which key or identity, and in which form (bundle or tag)."""

    by: Witness
    form: str


def sign(shelf: Shelf, digest: Digest, key: Author, said: Iterable[Said] | None = None) -> bool:
    """Sign an image where it lies, in both forms; says whether anything was still to be done.

    Without a key of its own there is the bundle alone, at which cosign looks first.

    `said` is what this key says about it, where somebody has read that already.
    """
    public = (key.public,)
    known = statements(shelf, digest, public) if said is None else said
    there = {each.form for each in among(known, shelf, digest, public)}
    if not isinstance(key, Keyless) and "tag" not in there:
        _put_simple(shelf, digest, key)
    if "bundle" not in there:
        attach(shelf, digest, SIGNED, {}, key)
    return not there >= ({"bundle"} if isinstance(key, Keyless) else {"tag", "bundle"})


def signatures(shelf: Shelf, digest: Digest, keys: Iterable[Witness]) -> list[Signature]:
    """Find the signatures of an image that one of the keys or identities made; others are as good as none."""
    keys = tuple(keys)
    return among(statements(shelf, digest, keys), shelf, digest, keys)


def among(said: Iterable[Said], shelf: Shelf, digest: Digest, keys: Iterable[Witness]) -> list[Signature]:
    """Find them where it is known already what is said about the image."""
    found = [Signature(each.by, "bundle") for each in said if each.by and each.predicate_type == SIGNED]
    paired = [each for each in keys if isinstance(each, PublicKey)]
    return [*found, *(Signature(key, "tag") for key in _simple(shelf, digest, paired))]


def _put_simple(shelf: Shelf, digest: Digest, key: Signer) -> None:
    """Add a signature to those beside the image."""
    image = {"docker-manifest-digest": digest.value}
    critical = {"identity": {"docker-reference": str(shelf)}, "image": image, "type": _TYPE}
    payload = json.dumps({"critical": critical, "optional": None}, separators=(",", ":")).encode()
    shelf.put(payload)
    signed = base64.b64encode(key.sign(payload)).decode()
    layer = oci.descriptor(SIMPLE, payload, {SIGNATURE: signed})
    shelf.put_beside(companion_tag(digest.value, "sig"), [*shelf.beside(digest, "sig"), layer])


def _simple(shelf: Shelf, digest: Digest, keys: Iterable[PublicKey]) -> Iterator[PublicKey]:
    """Give the keys that signed a payload which lies beside the image and is about it."""
    for layer in shelf.beside(digest, "sig"):
        if layer.get("mediaType") != SIMPLE:
            continue
        payload = shelf.get(layer)
        try:
            signed = base64.b64decode(layer["annotations"][SIGNATURE], validate=True)
            image = json.loads(payload)["critical"]["image"]["docker-manifest-digest"]
        except (ValueError, KeyError, TypeError, binascii.Error):
            continue
        if image == digest.value:
            yield from (key for key in keys if key.verifies(signed, payload))
