"""What people and programs vouch for."""

from __future__ import annotations

from typing import Any, Final

from seaway.errors import UsageError
from seaway.kit import moments
from seaway.model.names import Digest
from seaway.rooms.images.keyless import Author
from seaway.rooms.images.kinds import TYPES
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.statements import Said, attach

PASSED: Final = "PASSED"
RESULTS: Final = (PASSED, "WARNED", "FAILED")


def attest(shelf: Shelf, digest: Digest, kind: str, said: Any, key: Author) -> Digest:
    """Sign what is said about an image; gives the attestation's digest.

    Where nothing is said, that it is said now is what counts. Raises UsageError for what in-toto does not
    take, and for a result of tests that does not tell whether they passed.
    """
    if said is not None and not isinstance(said, dict):
        raise UsageError(
            "what is attested must be a JSON object", where="--predicate", remedy='such as {"by": "qa"}'
        )
    if kind == TYPES["tests"] and (not isinstance(said, dict) or said.get("result") not in RESULTS):
        raise UsageError(
            "the result of tests does not say whether they passed", where="--predicate",
            remedy='write "result": "PASSED", "WARNED" or "FAILED" (in-toto, test-result v0.1)',
        )  # fmt: skip
    return attach(shelf, digest, kind, {"at": moments.now()} if said is None else said, key)


def holds(said: Said) -> bool:
    """Whether an attestation says something good: one of tests must have passed."""
    if said.predicate_type != TYPES["tests"]:
        return True
    return isinstance(said.predicate, dict) and said.predicate.get("result") == PASSED
