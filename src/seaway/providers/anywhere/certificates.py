"""The port Certificates where no authority of ours signs: from two files, or a stand-in for a real one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from seaway.errors import Refused
from seaway.model.certificate import self_signed
from seaway.model.names import covers
from seaway.model.secret import Secret
from seaway.ports.certificates import Issued

#: How long a stand-in is good.
LIFE: Final = timedelta(days=90)


class GivenCertificates:
    """Implements ports/certificates.py with files. It renews nothing: who signed them does, into the same."""

    renewal = timedelta()

    def __init__(self, chain: Path | None = None, key: Path | None = None) -> None:
        self._chain, self._key = chain, key

    @property
    def authority(self) -> str:
        """The fingerprint of the certificate itself: another file must be handed to the gateway."""
        return self._first().fingerprint(hashes.SHA256()).hex()[:32] if self._chain else ""

    def authority_path(self) -> str:
        return ""

    def authority_pem(self) -> str:
        return ""

    def issue(self, *names: str) -> Issued:
        """Give what is in the files. Raises Refused where they will not do for all the names."""
        if self._chain is None or self._key is None:
            raise Refused(
                f"there is no certificate for {', '.join(names)}",
                why="no authority of this machine signs for visitors of other machines",
                remedy="say https: acme, or name yours: certificate: {chain: fullchain.pem, key: key.pem}",
            )
        first = self._first()
        if first.not_valid_after_utc <= datetime.now(UTC):
            raise _unfit(self._chain, f"it ended on {first.not_valid_after_utc:%Y-%m-%d}")
        if lacking := [name for name in names if not covers(_names(first), name)]:
            raise _unfit(self._chain, f"it is not for {', '.join(lacking)}")
        try:
            text = self._key.read_text()
            key = load_pem_private_key(text.encode(), None)
        except (OSError, TypeError, ValueError, UnsupportedAlgorithm) as error:
            raise _unfit(self._key, getattr(error, "strerror", "") or "it is no key in PEM") from error
        if key.public_key() != first.public_key():
            raise _unfit(self._key, f"it is not the key of {self._chain}")
        return Issued(self._chain.read_text(), Secret(text), first.not_valid_after_utc)

    def _first(self) -> x509.Certificate:
        try:
            return x509.load_pem_x509_certificates(self._chain.read_bytes() if self._chain else b"")[0]
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", "") or "it is no certificate in PEM"
            raise _unfit(self._chain, why) from error


class StandIns:
    """Implements ports/certificates.py with one that signs itself, and that nobody trusts.

    It keeps the gateway's listener on the air until an ACME server has signed, or behind a load balancer that
    shows another one.
    """

    authority = "stand-in"

    def __init__(self, life: timedelta = LIFE) -> None:
        self._life = life

    @property
    def renewal(self) -> timedelta:
        return self._life / 3

    def authority_path(self) -> str:
        return ""

    def authority_pem(self) -> str:
        return ""

    def issue(self, *names: str) -> Issued:
        now = datetime.now(UTC).replace(microsecond=0)
        return Issued(*self_signed(names, now, self._life), now + self._life)


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


def _unfit(file: Path | None, why: str) -> Refused:
    return Refused(
        "the certificate that the file names will not do",
        where=str(file),
        why=why,
        remedy="have it renewed, or correct certificate: in the environment",
    )
