"""The port Certificates: an authority of this machine's own, which can vouch for local names only.

Its certificate carries a name constraint (RFC 5280, 4.2.1.10): whoever trusts it can be shown a false
certificate for a name below .localhost, .test, .internal or .home.arpa, and for no other site.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
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
        return x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(hashes.SHA256()).hex()[:32]

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
        authority = Pair.read(self._folder, "ca")
        names = [x509.DNSName(domain), x509.DNSName(f"*.{domain}")]
        made = certificate.issue(
            authority, certificate.subject(domain), LIFE, names, [ExtendedKeyUsageOID.SERVER_AUTH]
        )
        chain = (made.pem + authority.pem).decode()
        return Issued(chain, Secret(certificate.pem(made.key).decode()), made.certificate.not_valid_after_utc)

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
