"""What is said about an image, and signed: in-toto statements in DSSE envelopes, in Sigstore's bundles.

Formats: in-toto attestation framework (Statement v1), DSSE v1 (protocol.md), Sigstore bundle v0.3, and how
cosign keeps bundles in a registry (BUNDLE_SPEC.md).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from seaway.errors import SeawayError
from seaway.kit import moments
from seaway.model.names import Digest
from seaway.rooms.images.keyless import Author, Identity, Keyless, Witness
from seaway.rooms.images.shelf import Shelf

STATEMENT: Final = "https://in-toto.io/Statement/v1"
#: What cosign up to version 2 writes.
STATEMENT_BEFORE: Final = "https://in-toto.io/Statement/v0.1"
IN_TOTO: Final = "application/vnd.in-toto+json"
BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
#: What cosign says of an image by signing it.
SIGNED: Final = "https://sigstore.dev/cosign/sign/v1"
#: Annotations by which lists of referrers tell what is in them.
PREDICATE: Final = "dev.sigstore.bundle.predicateType"
UNSIGNED_PREDICATE: Final = "in-toto.io/predicate-type"
CREATED: Final = "org.opencontainers.image.created"


@dataclass(frozen=True)
class Said:
    """One statement about an image: its type, its content, and who signed it (None where nobody did)."""

    predicate_type: str
    predicate: Any
    by: Witness | None


def statement(digest: Digest, predicate_type: str, predicate: Any, name: str = "") -> bytes:
    """Write what is said about the image `digest`."""
    subject = {"digest": {"sha256": digest.hex}} | ({"name": name} if name else {})
    return json.dumps(
        {"_type": STATEMENT, "subject": [subject], "predicateType": predicate_type, "predicate": predicate}
    ).encode()


def encoded(payload: bytes, payload_type: str = IN_TOTO) -> bytes:
    """Give the bytes that a signature of DSSE is over (its pre-authentication encoding)."""
    return b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)


def bundle(payload: bytes, key: Author) -> bytes:
    """Sign a statement; gives the bundle as cosign writes it."""
    if isinstance(key, Keyless):
        return key.bundle(payload)
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": IN_TOTO,
        "signatures": [{"sig": base64.b64encode(key.sign(encoded(payload))).decode()}],
    }
    return json.dumps(
        {
            "mediaType": BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": key.public.hint}},
            "dsseEnvelope": envelope,
        }
    ).encode()


def opened(data: bytes, keys: Iterable[Witness]) -> tuple[bytes, Witness] | None:
    """Give a bundle's payload and which of the keys or identities signed it; None where none did."""
    payload, signatures = _unpacked(data)
    if signatures:
        for key in keys:
            if isinstance(key, Identity):
                if (said := key.opens(data)) is not None:
                    return said, key
            elif any(key.verifies(each, encoded(payload)) for each in signatures):
                return payload, key
    return None


def _unpacked(data: bytes) -> tuple[bytes, list[bytes]]:
    """Give the statement in a bundle and the signatures over it; nothing of a bundle over something else."""
    try:
        envelope = json.loads(data)["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [base64.b64decode(each["sig"], validate=True) for each in envelope["signatures"]]
        return (payload, signatures) if envelope["payloadType"] == IN_TOTO else (b"", [])
    except (ValueError, KeyError, TypeError, binascii.Error):
        return b"", []


def read(payload: bytes, digest: Digest, by: Witness | None) -> Said | None:
    """Read a statement; None where it is about something else than `digest`."""
    try:
        said = json.loads(payload)
        if said["_type"] not in {STATEMENT, STATEMENT_BEFORE}:
            return None
        about = [each["digest"].get("sha256") for each in said["subject"]]
        found = Said(said["predicateType"], said.get("predicate"), by)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if digest.hex in about else None


def attach(shelf: Shelf, digest: Digest, predicate_type: str, predicate: Any, key: Author | None) -> Digest:
    """Say something about an image where it lies, signed where there is a key; gives its digest there."""
    payload = statement(digest, predicate_type, predicate, str(shelf))
    at = moments.now()
    if key:
        told = {"dev.sigstore.bundle.content": "dsse-envelope", PREDICATE: predicate_type, CREATED: at}
        return shelf.refer(digest, BUNDLE, bundle(payload, key), told)
    told = {UNSIGNED_PREDICATE: predicate_type, CREATED: at}
    return shelf.refer(digest, IN_TOTO, payload, told)


def statements(
    shelf: Shelf,
    digest: Digest,
    keys: Iterable[Witness],
    listed: Iterable[Mapping[str, Any]] | None = None,
) -> list[Said]:
    """Read what is said about an image: all that one of the keys signed, and what nobody did.

    `listed` are its referrers, where somebody has asked for them already.
    """
    found, keys = list[Said](), tuple(keys)
    for each in shelf.server.referrers(shelf.repository, digest.value) if listed is None else listed:
        kind = each.get("artifactType", "")
        if kind == IN_TOTO:
            found += _some(read(_content(shelf, each["digest"]), digest, None))
        elif kind == BUNDLE and (known := opened(_content(shelf, each["digest"]), keys)):
            payload, by = known
            found += _some(read(payload, digest, by))
    return found


def claimed(shelf: Shelf, digest: Digest, predicate_type: str) -> list[Any]:
    """Read what anybody says about an image in statements of one type, signed or not: nothing is verified."""
    found = list[Said]()
    for each in shelf.server.referrers(shelf.repository, digest.value):
        if predicate_type in announced(each):
            data = _content(shelf, each["digest"])
            payload = _unpacked(data)[0] if each.get("artifactType") == BUNDLE else data
            found += _some(read(payload, digest, None))
    return [each.predicate for each in found if each.predicate_type == predicate_type]


def announced(listed: Mapping[str, Any]) -> set[Any]:
    """Tell of which types a referrer is, as a list of referrers claims."""
    notes = listed.get("annotations") or {}
    return {notes.get(PREDICATE), notes.get(UNSIGNED_PREDICATE)}


def _some(said: Said | None) -> list[Said]:
    return [said] if said else []


def _content(shelf: Shelf, digest: str) -> bytes:
    """Read the one blob of a referrer."""
    _, body = shelf.server.manifest(shelf.repository, digest)
    layers: list[Any] = list(json.loads(body).get("layers") or ())
    if len(layers) != 1:
        raise SeawayError(f"{digest} holds {len(layers)} parts where it shall hold one", where=str(shelf))
    return shelf.get(layers[0])
