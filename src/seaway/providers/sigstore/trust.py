"""Whom to trust: the public Sigstore, or one of one's own; and which bundles were signed by whom."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seaway.errors import NotFound, UsageError
from seaway.providers.sigstore.errors import explained, reason, require

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig
    from sigstore.verify import Verifier

#: The type of the one payload that is read (in-toto attestation framework, envelope).
IN_TOTO: Final = "application/vnd.in-toto+json"
#: The form of a file that says where to sign too (Sigstore's protobuf specifications, ClientTrustConfig).
CONFIG: Final = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_REMEDY: Final = "name a trusted_root.json, or a client trust config, of your own Sigstore"


@dataclass(frozen=True)
class Trusted:
    """A trusted root; nobody is asked anything to verify by it."""

    verifier: Verifier

    def opened(self, bundle: bytes, identity: str, issuer: str) -> bytes | None:
        """Give the in-toto statement of a bundle that this identity signed; None of any other.

        What must hold: the certificate is of the authority, in the log of certificates, and was valid when
        the log of signatures, or an authority for time stamps, saw the signature; it names identity and
        issuer; the log's entry is about this very statement (sigstore-python, Verifier.verify_dsse).
        """
        from sigstore.models import Bundle  # noqa: PLC0415
        from sigstore.verify.policy import Identity  # noqa: PLC0415

        try:
            parsed = Bundle.from_json(bundle)
            kind, payload = self.verifier.verify_dsse(parsed, Identity(identity=identity, issuer=issuer))
        except Exception:  # noqa: BLE001  (whatever a hostile bundle makes the library raise, it opens nothing)
            return None
        return payload if kind == IN_TOTO else None


def trusted(file: Path | None) -> Trusted:
    """Trust what a file says, or else the public Sigstore, whose root is fetched (TUF) and kept.

    Raises NotFound and UsageError for a file that cannot be used, Unreachable, MissingTool.
    """
    require()
    if file is None:
        return trusting(_public())
    from sigstore.models import TrustedRoot  # noqa: PLC0415
    from sigstore.verify import Verifier  # noqa: PLC0415

    if _read(file).get("mediaType") == CONFIG:
        return trusting(config(file))
    try:
        return Trusted(Verifier(trusted_root=TrustedRoot.from_file(str(file))))
    except Exception as error:  # pydantic's, the library's, those of its certificates
        raise _unusable(file, error) from error


def trusting(config: ClientTrustConfig) -> Trusted:
    """Trust what a configuration says."""
    from sigstore.verify import Verifier  # noqa: PLC0415

    return Trusted(Verifier(trusted_root=config.trusted_root))


def config(file: Path | None) -> ClientTrustConfig:
    """Read where to sign and whom to trust, by default the public Sigstore's; raises as trusted."""
    require()
    if file is None:
        return _public()
    from sigstore.models import ClientTrustConfig  # noqa: PLC0415

    if _read(file).get("mediaType") != CONFIG:
        raise UsageError(
            f"{file} does not say where to sign", why="a trusted root says only whom to trust",
            remedy=f"name a client trust config: {CONFIG}",
        )  # fmt: skip
    try:
        return ClientTrustConfig.from_json(file.read_text())
    except Exception as error:
        raise _unusable(file, error) from error


def _public() -> ClientTrustConfig:
    """Fetch the public Sigstore's by The Update Framework; it is kept where its other clients keep it."""
    from sigstore.models import ClientTrustConfig  # noqa: PLC0415

    with explained("the public Sigstore does not tell whom to trust", "see that this machine reaches it"):
        return ClientTrustConfig.production()


def _read(file: Path) -> dict[str, Any]:
    """Read such a file. Raises UsageError where a log is missing, without which nothing can be verified."""
    try:
        document = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise NotFound(f"there is no {file}", remedy=_REMEDY) from error
    except (OSError, ValueError) as error:
        raise _unusable(file, error) from error
    if not isinstance(document, dict):
        raise _unusable(file, ValueError("it is no JSON object"))
    root = document.get("trustedRoot", document)
    for key, what in (("ctlogs", "log of certificates"), ("tlogs", "log of signatures")):
        if not isinstance(root, dict) or not root.get(key):
            raise _unusable(file, ValueError(f"it names no {what} ({key})"))
    return document


def _unusable(file: Path, error: Exception) -> UsageError:
    return UsageError(f"{file} cannot be used as a trusted root", why=reason(error), remedy=_REMEDY)
