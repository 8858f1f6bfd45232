"""Words of the file and the command line: types of attestations, and how keys are named."""

from __future__ import annotations

from typing import Final

from seaway.kit.near import did_you_mean
from seaway.model.wrong import Wrong

#: How the name of a key that is kept by AWS KMS begins.
KMS: Final = "awskms://"
#: Predicate types; others are written out (URIs).
TYPES: Final = {
    "tests": "https://in-toto.io/attestation/test-result/v0.1",
    "approval": "https://seaway.dev/attestation/approval/v1",
    "sbom": "https://cyclonedx.org/bom",
    "provenance": "https://slsa.dev/provenance/v1",
    "vulns": "https://cosign.sigstore.dev/attestation/vuln/v1",
}


def predicate_type(word: str) -> str:
    """Give the type that a short name stands for. Raises Wrong for a word that stands for none."""
    if word in TYPES:
        return TYPES[word]
    if ":" not in word:
        remedy = did_you_mean(word, TYPES) or f"one of {', '.join(TYPES)}, or an address such as https://…"
        raise Wrong(f"{word!r} is no type of attestation", remedy)
    return word


def known_type(word: str) -> str:
    """Check such a word and leave it as it is. Raises Wrong."""
    predicate_type(word)
    return word
