"""A certificate, and a Secret that holds one with its key, as both are read; one that signs itself. Pure."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from seaway.model.names import covers
from seaway.model.secret import Secret

if TYPE_CHECKING:
    from cryptography import x509

#: Annotations of the Secret, which `up` reads in place of its contents: for which names, with spaces between,
#: until when, by whom.
DOMAIN: Final = "seaway.dev/domain"
UNTIL: Final = "seaway.dev/not-after"
AUTHORITY: Final = "seaway.dev/authority"


@dataclass(frozen=True)
class Certificate:
    """A certificate (RFC 5280): its DNS names, who signed it, when it is good, its serial number."""

    names: tuple[str, ...]
    issuer: str
    since: datetime
    until: datetime
    serial: int


def kept(secret: Mapping[str, Any]) -> Certificate:
    """Read the first certificate in a Secret of type kubernetes.io/tls.

    Raises ValueError, with the reason, where a gateway could not use it.
    """
    # cryptography costs a tenth of a second, which commands that see no certificate need not pay
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    data = secret.get("data") or {}
    try:
        first = x509.load_pem_x509_certificates(b64decode(data["tls.crt"]))[0]
    except (KeyError, ValueError) as error:
        raise ValueError("tls.crt in it is no certificate") from error
    try:
        key = load_pem_private_key(b64decode(data["tls.key"]), None)
    except (KeyError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("tls.key in it is no key") from error
    if key.public_key() != first.public_key():
        raise ValueError("tls.key in it is not the key of tls.crt")
    return _told(first)


def mistrust(secret: Mapping[str, Any] | None, *names: str) -> str:
    """Say why a Secret that is there is of no use for the names; empty where it is."""
    try:
        found = None if secret is None else kept(secret)
    except ValueError as error:
        return str(error)
    lacking = [name for name in names if found and not covers(found.names, name)]
    if found and lacking and len(lacking) == len(names):
        return f"it is for {', '.join(found.names)}"
    return f"it is not for {', '.join(lacking)}" if lacking else ""


def read(der: bytes) -> Certificate:
    """Read what counts here of a certificate in DER. Raises ValueError where it is none."""
    from cryptography import x509  # noqa: PLC0415

    return _told(x509.load_der_x509_certificate(der))


def _told(found: x509.Certificate) -> Certificate:
    from cryptography import x509  # noqa: PLC0415

    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        known = tuple(names.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        known = ()
    common = found.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    issuer = str(common[0].value) if common else found.issuer.rfc4514_string()
    return Certificate(
        known, issuer, found.not_valid_before_utc, found.not_valid_after_utc, found.serial_number
    )


def self_signed(names: Iterable[str], now: datetime, life: timedelta) -> tuple[str, Secret]:
    """Make a certificate for these DNS names that signs itself, good from `now` on, and its key, in PEM."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key, whom = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = (
        x509.CertificateBuilder(whom, whom, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks may differ
        .not_valid_after(now + life)
        .add_extension(x509.SubjectAlternativeName([*map(x509.DNSName, names)]), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return made.public_bytes(Encoding.PEM).decode(), Secret(pem)
