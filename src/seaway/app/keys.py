"""Who signs and who has signed: keys in files, keys kept by AWS KMS, and identities without a key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from seaway.rooms.images.keyless import Author, Identity, Keyless, Witness
from seaway.rooms.images.keys import KeptElsewhere, PublicKey, private_key, public_key
from seaway.rooms.images.kinds import KMS

if TYPE_CHECKING:
    from seaway.rooms.images.spec import VoucherSpec

#: What is said in a key's place where somebody signs by an identity: `keyless`, or `keyless:FILE`.
KEYLESS: Final = "keyless"


def signer(name: str, token: Path | None = None) -> Author:
    """Give the key that signs: a file, `awskms:///alias/NAME`, or `keyless` with an identity `token`.

    Raises UsageError where it cannot be used, NotFound for a file that is not there, MissingTool where the
    extra `keyless` is not installed.
    """
    if name == KEYLESS or name.startswith(f"{KEYLESS}:"):
        from seaway.providers.sigstore.signing import signing  # noqa: PLC0415  (takes half a second)

        _, _, file = name.partition(":")
        return Keyless(*signing(Path(file) if file else None, token))
    return _kept(name) if name.startswith(KMS) else private_key(Path(name))


def verifier(name: str, folder: Path = Path()) -> PublicKey:
    """Give the key that verifies: a file, as seen from a folder, or that of a kept pair; raises as signer."""
    return _kept(name).public if name.startswith(KMS) else public_key(folder / name, name)


def witness(one: VoucherSpec, folder: Path) -> Witness:
    """Give whom the file names: a key, or somebody without one; raises as signer."""
    if one.key:
        return verifier(one.key, folder)
    return identity(one.identity, one.issuer, folder / one.trust if one.trust else None)


def identity(who: str, issuer: str, trust: Path | None = None) -> Identity:
    """Give somebody without a key; `trust` is the trusted root of a Sigstore of one's own.

    Raises UsageError and NotFound for a file that cannot be used, Unreachable where the public Sigstore does
    not tell its trusted root, MissingTool where the extra `keyless` is not installed.
    """
    from seaway.providers.sigstore.trust import trusted  # noqa: PLC0415  (takes half a second)

    return Identity(who, issuer, trusted(trust))


def _kept(name: str) -> KeptElsewhere:
    from seaway.providers.eks.kms import KmsKey  # noqa: PLC0415  (takes half a second)

    return KeptElsewhere(name, KmsKey.open(name))
