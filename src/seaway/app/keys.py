"""Keys that sign and verify: files, or kept by AWS KMS."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from seaway.rooms.images.keys import KeptElsewhere, PublicKey, Signer, private_key, public_key

#: How the name of a key that is kept by AWS KMS begins.
KMS: Final = "awskms://"


def signer(name: str) -> Signer:
    """Give the key that signs: a file, or `awskms:///alias/NAME`.

    Raises UsageError where it cannot be used, NotFound for a file that is not there.
    """
    return _kept(name) if name.startswith(KMS) else private_key(Path(name))


def verifier(name: str, folder: Path = Path()) -> PublicKey:
    """Give the key that verifies: a file, as seen from a folder, or that of a kept pair; raises as signer."""
    return _kept(name).public if name.startswith(KMS) else public_key(folder / name, name)


def _kept(name: str) -> KeptElsewhere:
    from seaway.providers.eks.kms import KmsKey  # noqa: PLC0415  (takes half a second)

    return KeptElsewhere(name, KmsKey.open(name))
