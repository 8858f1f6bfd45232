"""Keys of AWS KMS that sign images, named as cosign names them: awskms:///alias/NAME, awskms:///ARN."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from seaway.errors import UsageError
from seaway.providers.eks.cloud import Cloud, explained

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

#: Bytes of a message that KMS hashes itself (AWS KMS API: Sign, Message).
LONGEST: Final = 4096
_NAME: Final = re.compile(
    r"awskms:///(?P<key>(arn:[a-z-]+:kms:(?P<region>[a-z0-9-]+):\d{12}:)?"
    r"((key/)?(mrk-)?[0-9a-f-]{32,36}|alias/[\w/-]+))"
)


@dataclass(frozen=True)
class KmsKey:
    """An asymmetric key for signing (AWS KMS API: KeySpec ECC_NIST_P256, KeyUsage SIGN_VERIFY)."""

    client: KMSClient
    key: str

    @classmethod
    def open(cls, name: str) -> KmsKey:
        """Find out whom to ask; nothing is asked yet.

        Raises UsageError for a name of another form, or without a region to be had; Refused as Cloud.open.
        """
        if not (found := _NAME.fullmatch(name)):
            raise UsageError(
                f"{name} names no key of AWS KMS", why="an endpoint of your own is not taken",
                remedy="such as awskms:///alias/release, or awskms:/// and the key's ARN",
            )  # fmt: skip
        return cls(Cloud.open(found["region"] or "").kms, found["key"])

    @cached_property
    def public_pem(self) -> str:
        """The public half (kms:GetPublicKey). Raises as explained."""
        with explained(f"the public half of {self.key} cannot be had"):
            der = self.client.get_public_key(KeyId=self.key)["PublicKey"]
        lines = base64.encodebytes(der).decode()
        return f"-----BEGIN PUBLIC KEY-----\n{lines}-----END PUBLIC KEY-----\n"

    def sign(self, data: bytes) -> bytes:
        """Have it signed (kms:Sign): the data itself, or its SHA-256 where it is more than KMS takes.

        Raises as explained.
        """
        whole = len(data) <= LONGEST
        with explained(f"{self.key} does not sign"):
            return self.client.sign(
                KeyId=self.key, Message=data if whole else hashlib.sha256(data).digest(),
                MessageType="RAW" if whole else "DIGEST", SigningAlgorithm="ECDSA_SHA_256",
            )["Signature"]  # fmt: skip
