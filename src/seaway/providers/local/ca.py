"""The port Certificates: an authority of this machine's own, which can vouch for local names only.

Its certificate carries a name constraint (RFC 5280, 4.2.1.10): whoever trusts it can be shown a false
certificate for a name below .localhost, .test, .internal or .home.arpa, and for no other site.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from seaway.errors import Refused, SeawayError
from seaway.kit.lock import locked
from seaway.model.event import notes, silent
from seaway.model.secret import Secret
from seaway.ports.certificates import Issued
from seaway.providers.local import home

LOCAL: Final = ("localhost", "test", "internal", "home.arpa")
AUTHORITY_LIFE: Final = timedelta(days=3650)
LIFE: Final = timedelta(days=90)
_SLACK: Final = timedelta(hours=1)


class LocalCertificates:
    """Implements ports/certificates.py with a key that never leaves this machine (mode 0600)."""

    def __init__(self, folder: Path = home.STATE / "ca") -> None:
        self._folder = folder

    @property
    def authority(self) -> str:
        """The fingerprint of the authority's certificate; empty as long as there is none."""
        path = Path(self.authority_path())
        if not path.is_file():
            return ""
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        return certificate.fingerprint(hashes.SHA256()).hex()[:32]

    def authority_path(self) -> str:
        return str(self._folder / "ca.crt")

    def authority_pem(self) -> str:
        self._ensure()
        return Path(self.authority_path()).read_text()

    def issue(self, domain: str) -> Issued:
        if not any(domain == top or domain.endswith(f".{top}") for top in LOCAL):
            raise Refused(
                f"the local authority cannot vouch for {domain}",
                why=f"it is bound to names below {', '.join(LOCAL)}, so that trusting it is harmless",
                remedy="choose a domain such as thoughts.localhost for a local environment",
            )
        self._ensure()
        issuer = x509.load_pem_x509_certificate((self._folder / "ca.crt").read_bytes())
        signer = load_pem_private_key((self._folder / "ca.key").read_bytes(), None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise SeawayError(
                "the local authority's key is of another kind", where=str(self._folder / "ca.key")
            )
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        names = x509.SubjectAlternativeName([x509.DNSName(domain), x509.DNSName(f"*.{domain}")])
        signed = (
            _builder(_name(domain), issuer.subject, key, now, LIFE)
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
            .sign(signer, hashes.SHA256())
        )
        chain = signed.public_bytes(Encoding.PEM).decode() + issuer.public_bytes(Encoding.PEM).decode()
        return Issued(chain, Secret(_pem(key)), signed.not_valid_after_utc)

    def _ensure(self) -> None:
        """Make the authority once; two at a time end up with the same."""
        if (self._folder / "ca.crt").is_file():
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        with locked(self._folder / "lock", "another start of the local authority", notes(silent, "lock")):
            if (self._folder / "ca.crt").is_file():
                return
            key = ec.generate_private_key(ec.SECP256R1())
            _write(self._folder / "ca.key", _pem(key).encode(), 0o600)
            _write(self._folder / "ca.crt", _self_signed(key).public_bytes(Encoding.PEM), 0o644)


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name(f"Seaway local authority of {os.uname().nodename}"[:64])
    bound = x509.NameConstraints([x509.DNSName(top) for top in LOCAL], None)
    return (
        _builder(name, name, key, datetime.now(UTC), AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(bound, critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write the file whole, with its mode from the first moment."""
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    fresh.replace(path)
