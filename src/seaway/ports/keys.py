"""Keys that sign where they are kept, and never leave: a key management service."""

from __future__ import annotations

from typing import Protocol


class KeptKey(Protocol):
    """A key pair, ECDSA on the curve P-256, of which only the public half can be had."""

    @property
    def public_pem(self) -> str:
        """The public half in PEM (SubjectPublicKeyInfo, RFC 5280)."""

    def sign(self, data: bytes) -> bytes:
        """Sign the SHA-256 of the data; gives the signature in DER (RFC 3279, Ecdsa-Sig-Value)."""
