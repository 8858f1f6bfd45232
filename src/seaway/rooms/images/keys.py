"""Key pairs that sign images: ECDSA on the curve P-256 with SHA-256, as cosign makes them by default."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from seaway.errors import NotFound, Refused, UsageError
from seaway.model.secret import Secret
from seaway.ports.keys import KeptKey

#: The environment variable with the password of a private key.
PASSWORD: Final = "SEAWAY_KEY_PASSWORD"  # noqa: S105  (a name)
_SCHEME: Final = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True)
class PublicKey:
    """The half that verifies; `name` is what the reader calls it, such as its file."""

    name: str
    key: ec.EllipticCurvePublicKey

    @property
    def hint(self) -> str:
        """How a bundle says which key signed it: the SHA-256 of its DER in base64, as cosign has it."""
        der = self.key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(hashlib.sha256(der).digest()).decode()

    @property
    def pem(self) -> str:
        data = self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return data.decode()

    def verifies(self, signature: bytes, data: bytes) -> bool:
        try:
            self.key.verify(signature, data, _SCHEME)
        except InvalidSignature:
            return False
        return True


class Signer(Protocol):
    """Who signs: a private key at hand, or one that is kept elsewhere."""

    @property
    def public(self) -> PublicKey:
        """The half that verifies."""

    def sign(self, data: bytes) -> bytes:
        """Sign the SHA-256 of the data; gives the signature in DER."""


@dataclass(frozen=True)
class PrivateKey:
    """The half that signs."""

    key: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> PublicKey:
        return PublicKey("its own", self.key.public_key())

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data, _SCHEME)


@dataclass(frozen=True)
class KeptElsewhere:
    """A key that signs where it is kept; `name` is what the reader calls it."""

    name: str
    kept: KeptKey

    @cached_property
    def public(self) -> PublicKey:
        """Ask for the half that verifies. Raises UsageError where it is no ECDSA key on P-256."""
        return _public(self.kept.public_pem.encode(), self.name, self.name)

    def sign(self, data: bytes) -> bytes:
        return self.kept.sign(data)


def make_pair(stem: Path, password: Secret | None) -> tuple[Path, Path]:
    """Write a new pair as STEM.key and STEM.pub, in PEM; the first encrypted where there is a password.

    Raises Refused where one of them is there already.
    """
    private, public = (stem.with_name(f"{stem.name}.{kind}") for kind in ("key", "pub"))
    for each in (private, public):
        if each.exists():
            raise Refused(
                f"{each} is there already", why="whoever has the old pair would be locked out",
                remedy="choose another name: seaway image key NAME",
            )  # fmt: skip
    key = PrivateKey(ec.generate_private_key(ec.SECP256R1()))
    hidden: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        hidden = serialization.BestAvailableEncryption(password.reveal().encode())
    pem = key.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
    with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    public.write_text(key.public.pem)
    return private, public


def private_key(path: Path) -> PrivateKey:
    """Read a private key, its password from the environment. Raises UsageError where it cannot be used."""
    data, given = _read(path), os.environ.get(PASSWORD)
    if b"ENCRYPTED SIGSTORE PRIVATE KEY" in data or b"ENCRYPTED COSIGN PRIVATE KEY" in data:
        raise UsageError(
            f"{path} is encrypted in cosign's own way", why="a key that Seaway reads is in PKCS #8",
            remedy="seaway image key NAME   (cosign verifies with its .pub)",
        )  # fmt: skip
    try:
        key = serialization.load_pem_private_key(data, given.encode() if given else None)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be used as a private key", why=str(error),
            remedy=f"see that it is a private key in PEM, and that {PASSWORD} is its password, if it has one",
        ) from error  # fmt: skip
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageError(f"{path} is no ECDSA key on the curve P-256", remedy="seaway image key NAME")
    return PrivateKey(key)


def public_key(path: Path, name: str = "") -> PublicKey:
    """Read a public key. Raises UsageError where it cannot be used."""
    return _public(_read(path), str(path), name or path.name)


def _public(pem: bytes, where: str, name: str) -> PublicKey:
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise UsageError(
            f"{where} cannot be used as a public key", why=str(error),
            remedy="name the .pub of a pair: seaway image key NAME, or cosign generate-key-pair",
        ) from error  # fmt: skip
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageError(
            f"{where} is no ECDSA key on the curve P-256",
            remedy="seaway image key NAME makes one; AWS KMS with --key-spec ECC_NIST_P256",
        )
    return PublicKey(name, key)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no key {path}", remedy="seaway image key NAME makes a pair") from error
