"""Whoever signs without a key at hand: keys that are kept elsewhere, and identities that are vouched for."""

from __future__ import annotations

from typing import Protocol


class KeptKey(Protocol):
    """A key pair, ECDSA on the curve P-256, of which only the public half can be had."""

    @property
    def public_pem(self) -> str:
        """The public half in PEM (SubjectPublicKeyInfo, RFC 5280)."""

    def sign(self, data: bytes) -> bytes:
        """Sign the SHA-256 of the data; gives the signature in DER (RFC 3279, Ecdsa-Sig-Value)."""


class Certified(Protocol):
    """Somebody with a certificate for minutes, whose key nobody keeps (Sigstore: Fulcio)."""

    @property
    def identity(self) -> str:
        """Who that is, as the certificate says: an address of mail, or a URI such as a workflow's."""

    @property
    def issuer(self) -> str:
        """Who knows that, as the certificate says: the URL of an issuer of OpenID Connect."""

    def bundle(self, statement: bytes) -> bytes:
        """Sign an in-toto statement; gives Sigstore's bundle (v0.3), which proves when that was."""


class Authority(Protocol):
    """A Sigstore that is trusted: its certificates, and its logs of certificates and of signatures."""

    def opened(self, bundle: bytes, identity: str, issuer: str) -> bytes | None:
        """Give the in-toto statement of a bundle that this identity signed; None of any other."""
