"""What people and programs vouch for: types of attestations by short names, and their writing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from seaway.errors import UsageError
from seaway.kit.near import did_you_mean
from seaway.model.names import Digest
from seaway.rooms.images.keys import PrivateKey
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.statements import Said, attach

#: Short names of predicate types, in the file and on the command line; others are written out (URIs).
TYPES: Final = {
    "tests": "https://in-toto.io/attestation/test-result/v0.1",
    "approval": "https://seaway.dev/attestation/approval/v1",
    "sbom": "https://cyclonedx.org/bom",
    "provenance": "https://slsa.dev/provenance/v1",
    "vulns": "https://cosign.sigstore.dev/attestation/vuln/v1",
}
PASSED: Final = "PASSED"
RESULTS: Final = (PASSED, "WARNED", "FAILED")


def predicate_type(word: str) -> str:
    """Give the type that a short name stands for. Raises UsageError for a word that stands for none."""
    if word in TYPES:
        return TYPES[word]
    if ":" not in word:
        remedy = did_you_mean(word, TYPES) or f"one of {', '.join(TYPES)}, or an address such as https://…"
        raise UsageError(f"{word!r} is no type of attestation", remedy=remedy)
    return word


def attest(shelf: Shelf, digest: Digest, kind: str, said: Any, key: PrivateKey) -> Digest:
    """Sign what is said about an image; gives the attestation's digest.

    Where nothing is said, that it is said now is what counts. Raises UsageError for a result of tests that
    does not tell whether they passed.
    """
    if kind == TYPES["tests"] and (not isinstance(said, dict) or said.get("result") not in RESULTS):
        raise UsageError(
            "the result of tests does not say whether they passed", where="--predicate",
            remedy='write "result": "PASSED", "WARNED" or "FAILED" (in-toto, test-result v0.1)',
        )  # fmt: skip
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return attach(shelf, digest, kind, {"at": now} if said is None else said, key)


def holds(said: Said) -> bool:
    """Whether an attestation says something good: one of tests must have passed."""
    if said.predicate_type != TYPES["tests"]:
        return True
    return isinstance(said.predicate, dict) and said.predicate.get("result") == PASSED
