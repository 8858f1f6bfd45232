"""How images are made."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from seaway.model.fields import Duration, Name, Packages, several
from seaway.model.spec import Spec
from seaway.model.wrong import Wrong
from seaway.rooms.images.kinds import KMS, known_type

Attestation = Annotated[str, AfterValidator(known_type)]
Platform = Literal["amd64", "arm64"]
Platforms = Annotated[
    tuple[Platform, ...],
    BeforeValidator(several, json_schema_input_type=Platform | tuple[Platform, ...]),
]


class ImagesSpec(Spec):
    """How Python projects become images."""

    base: str = Field(
        default="debian",
        min_length=1,
        description="debian: Python from Debian's packages; else an image to start from",
        examples=["debian", "registry.example.com/python:3.13"],
    )
    packages: Packages = Field(
        default=(), description="further Debian packages in the base layer", examples=[["libpq5"]]
    )
    platforms: Platforms = Field(
        default=(),
        description="what the images run on; two become an index. By default the platform of this machine",
        examples=[["amd64", "arm64"]],
    )


class VoucherSpec(Spec):
    """Who vouches for an image: a key, or whoever an issuer of identities knows (Sigstore)."""

    short: ClassVar[str] = "key"

    key: str = Field(
        default="",
        description="public key, from where the file lies, or awskms:///alias/NAME",
        examples=["release.pub"],
    )
    identity: str = Field(
        default="",
        description="who signs without a key, as the certificate has it: an address of mail, or a URI",
        examples=["https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main"],
    )
    issuer: str = Field(
        default="",
        description="who says so: the URL of an issuer of OpenID Connect",
        examples=["https://token.actions.githubusercontent.com"],
    )
    trust: str = Field(
        default="",
        description="trusted root of your own Sigstore (trusted_root.json); by default the public one's",
        examples=["trusted_root.json"],
    )

    @property
    def kept(self) -> bool:
        """Whether the key is kept elsewhere and is no file."""
        return self.key.startswith(KMS)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if not self.key and not (self.identity and self.issuer):
            raise Wrong("a key, or an identity with its issuer, vouches", "such as release.pub")
        if self.key and (self.identity or self.issuer or self.trust):
            raise Wrong("a key and an identity are two that vouch", "make two entries of it")
        return self


def _vouchers(value: Any) -> Any:
    """Take one for a list of one."""
    return (value,) if isinstance(value, (str, dict)) else value


Vouchers = Annotated[
    tuple[VoucherSpec, ...],
    BeforeValidator(_vouchers, json_schema_input_type=VoucherSpec | tuple[VoucherSpec, ...]),
]


class ScannedSpec(Spec):
    """What a scanner may have found in an image at most."""

    by: VoucherSpec = Field(
        description="public key of the scanner, or its identity", examples=["scanner.pub"]
    )
    worst: Literal["none", "low", "medium", "high", "critical"] = Field(
        default="medium", description="the worst severity that may be there", examples=["medium"]
    )


class PromotionSpec(Spec):
    """How images come into an environment: copied from another one once gates pass, never built for it."""

    after: Name = Field(
        default="",
        description="the environment that they come from; by default the first in the file",
        examples=["rehearsal"],
    )
    signed: Vouchers = Field(
        default=(),
        description="public keys, from where the file lies, or awskms:///alias/NAME, and identities with "
        "their issuers; each must have signed the image",
        examples=[["release.pub"]],
    )
    attested: dict[Attestation, VoucherSpec] = Field(
        default_factory=dict,
        description="what must be attested, each by the key or the identity of who may: tests (that they "
        "passed), approval, sbom, provenance, vulns, or the address of a predicate type",
        examples=[{"tests": "ci.pub", "approval": "lead.pub"}],
    )
    scanned: ScannedSpec | None = Field(
        default=None,
        description="what a scanner may have found at most, as the newest `vulns` attested by its key tells",
        examples=[{"by": "scanner.pub", "worst": "medium"}],
    )
    ran: Duration | None = Field(
        default=None,
        description="how long the image must have run in the environment that it comes from",
        examples=["24h"],
    )
