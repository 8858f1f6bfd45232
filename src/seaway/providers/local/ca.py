"""The port Certificates: an authority of this machine's own, which can vouch for local names only.

Its certificate carries a name constraint (RFC 5280, 4.2.1.10): whoever trusts it can be shown a false
certificate for a name below .localhost, .test, .internal or .home.arpa, and for no other site.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from seaway.errors import Refused
from seaway.kit.lock import locked
from seaway.model.event import notes, silent
from seaway.model.secret import Secret
from seaway.ports.certificates import Issued
from seaway.providers.local import certificate, home
from seaway.providers.local.certificate import Pair

LOCAL: Final = ("localhost", "test", "internal", "home.arpa")
AUTHORITY_LIFE: Final = timedelta(days=3650)
LIFE: Final = timedelta(days=90)
#: As those of the clusters' own servers: who pulls on a machine that nobody looks after is not locked out.
SERVER_LIFE: Final = timedelta(days=3650)
RENEWAL: Final = timedelta(days=30)


class LocalCertificates:
    """Implements ports/certificates.py with a key that never leaves this machine (mode 0600)."""

    renewal = RENEWAL

    def __init__(self, folder: Path = home.STATE / "ca") -> None:
        self._folder = folder

    @property
    def authority(self) -> str:
        """The fingerprint of the authority's certificate; empty as long as there is none."""
        path = Path(self.authority_path())
        if not path.is_file():
            return ""
        return x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(hashes.SHA256()).hex()[:32]

    def authority_path(self) -> str:
        return str(self._folder / "ca.crt")

    def authority_pem(self) -> str:
        self._ensure()
        return Path(self.authority_path()).read_text()

    def issue(self, *names: str) -> Issued:
        tops = tuple(f".{top}" for top in LOCAL)
        if public := [name for name in names if not f".{name}".endswith(tops)]:
            raise Refused(
                f"the local authority cannot vouch for {', '.join(public)}",
                why=f"it is bound to names below {', '.join(LOCAL)}, so that trusting it is harmless",
                remedy="choose a domain such as thoughts.localhost for a local environment",
            )
        self._ensure()
        authority = Pair.read(self._folder, "ca")
        known = [x509.DNSName(each) for name in names for each in (name, f"*.{name}")]
        made = certificate.issue(
            authority, certificate.subject(names[0]), LIFE, known, [ExtendedKeyUsageOID.SERVER_AUTH]
        )
        chain = (made.pem + authority.pem).decode()
        return Issued(chain, Secret(certificate.pem(made.key).decode()), made.certificate.not_valid_after_utc)

    def serve(self, folder: Path, name: str, names: Sequence[str], addresses: Sequence[str]) -> bool:
        """See that NAME.crt and NAME.key in a folder do for a server of this machine; says if they are new.

        They are made where they are missing, are of another authority or for other names, or end soon.
        """
        self._ensure()
        if self.serves(folder, name, names, addresses):
            return False
        authority, wanted = Pair.read(self._folder, "ca"), _general(names, addresses)
        whom, uses = certificate.subject(names[0]), [ExtendedKeyUsageOID.SERVER_AUTH]
        certificate.issue(authority, whom, SERVER_LIFE, wanted, uses).write(folder, name)
        return True

    def serves(self, folder: Path, name: str, names: Sequence[str], addresses: Sequence[str]) -> bool:
        """Whether such a pair is there, is one, and its certificate is what would be issued now."""
        try:
            found = Pair.read(folder, name)
            found.certificate.verify_directly_issued_by(Pair.read(self._folder, "ca").certificate)
            told = found.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, InvalidSignature, x509.ExtensionNotFound):
            return False
        left = found.certificate.not_valid_after_utc - datetime.now(UTC)
        whole = found.key.public_key() == found.certificate.public_key()
        return whole and list(told) == _general(names, addresses) and left > RENEWAL

    def _ensure(self) -> None:
        """Make the authority once; two at a time end up with the same."""
        if (self._folder / "ca.crt").is_file():
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        with locked(self._folder / "lock", "another start of the local authority", notes(silent, "lock")):
            if (self._folder / "ca.crt").is_file():
                return
            name = f"Seaway local authority of {os.uname().nodename}"[:64]
            certificate.authority(name, AUTHORITY_LIFE, LOCAL).write(self._folder, "ca", 0o644)


def _general(names: Sequence[str], addresses: Sequence[str]) -> list[x509.GeneralName]:
    return [*map(x509.DNSName, names), *(x509.IPAddress(ip_address(each)) for each in addresses)]
