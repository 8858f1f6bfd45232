"""Signing by an identity: a token of the CI, a certificate for minutes, and an entry in a log."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from cryptography import x509

from seaway.errors import NotFound, UsageError
from seaway.model.secret import Secret
from seaway.providers.sigstore.errors import explained
from seaway.providers.sigstore.trust import Trusted, config, trusting

if TYPE_CHECKING:
    from sigstore.sign import Signer, SigningContext

#: The environment variable with an identity token, as cosign and GitLab have it.
TOKEN: Final = "SIGSTORE_ID_TOKEN"  # noqa: S105  (a name)
#: For whom a token must be made out (OpenID Connect: aud).
AUDIENCE: Final = "sigstore"
#: Who says who somebody is, in a certificate (Fulcio, oid-info.md: Issuer).
_ISSUER: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
#: A name of a kind of its own (Fulcio, oid-info.md: OtherName SAN).
_OTHER: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
#: A certificate that ends sooner is not used any more.
_LEFT: Final = timedelta(seconds=30)


@dataclass
class Identified:
    """Somebody with a certificate; one for as long as it is valid, and then another."""

    context: SigningContext
    token: Path | None
    _held: tuple[Signer, x509.Certificate] | None = None
    _lock: Lock = field(default_factory=Lock)

    @property
    def identity(self) -> str:
        _, certificate = self._certified()
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        others = names.get_values_for_type(x509.OtherName)
        known = names.get_values_for_type(x509.RFC822Name)
        known += names.get_values_for_type(x509.UniformResourceIdentifier)
        return [*known, *(each.value.decode() for each in others if each.type_id == _OTHER)][0]

    @property
    def issuer(self) -> str:
        _, certificate = self._certified()
        found = certificate.extensions.get_extension_for_oid(_ISSUER).value
        return found.public_bytes().decode()

    def bundle(self, statement: bytes) -> bytes:
        """Sign, and have it logged. Raises Refused and Unreachable; what identity_token raises."""
        from sigstore.dsse import Statement  # noqa: PLC0415

        signer, _ = self._certified()
        with explained("Sigstore does not log the signature", "try it again"):
            return signer.sign_dsse(Statement(statement)).to_json().encode()

    def _certified(self) -> tuple[Signer, x509.Certificate]:
        from sigstore.oidc import IdentityToken  # noqa: PLC0415
        from sigstore.sign import Signer  # noqa: PLC0415

        with self._lock:
            if self._held is None or self._held[1].not_valid_after_utc < datetime.now(UTC) + _LEFT:
                token = identity_token(self.token)
                with explained(
                    "Sigstore gives no certificate", f"see that the token is new, and for {AUDIENCE}"
                ):
                    signer = Signer(IdentityToken(token.reveal(), AUDIENCE), self.context)
                    # Private there: else it is told only with a signature that is logged already.
                    self._held = signer, signer._signing_cert()  # noqa: SLF001
            return self._held


def signing(file: Path | None, token: Path | None) -> tuple[Identified, Trusted]:
    """Give whoever the token names, and whom those ask who verify; nobody is asked for a certificate yet.

    `file` is a client trust config, by default the public Sigstore's. Raises as config.
    """
    from sigstore.sign import SigningContext  # noqa: PLC0415

    chosen = config(file)
    with explained(f"{file or 'the public Sigstore'} names no services to sign with", "see when they end"):
        return Identified(SigningContext.from_trust_config(chosen), token), trusting(chosen)


def identity_token(file: Path | None) -> Secret:
    """Find an identity token: in the file, in the environment, or asked of the CI that this runs in.

    Raises NotFound for a file that is not there, UsageError where there is none at all.
    """
    if file is not None:
        try:
            return Secret(file.read_text().strip())
        except OSError as error:
            raise NotFound(f"there is no identity token {file}", why=str(error)) from error
    if given := os.environ.get(TOKEN):
        return Secret(given)
    from sigstore.oidc import detect_credential  # noqa: PLC0415

    with explained("this CI gives no identity token", "on GitHub: permissions: {id-token: write}"):
        found = detect_credential(AUDIENCE)
    if not found:
        raise UsageError(
            "there is no identity to sign by", why="this runs in no CI that is known to give a token of it",
            remedy=f"--identity-token FILE, or {TOKEN} in the environment",
        )  # fmt: skip
    return Secret(found)
