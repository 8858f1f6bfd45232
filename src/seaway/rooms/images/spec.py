"""How images are made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from seaway.model.fields import Duration, Files, Name, Packages, several
from seaway.model.spec import Spec
from seaway.rooms.images.kinds import known_type

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


class ScannedSpec(Spec):
    """What a scanner may have found in an image at most."""

    by: str = Field(description="public key of the scanner", examples=["scanner.pub"])
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
    signed: Files = Field(
        default=(),
        description="public keys, from where the file lies, or awskms:///alias/NAME; each must have "
        "signed the image",
        examples=[["release.pub"]],
    )
    attested: dict[Attestation, str] = Field(
        default_factory=dict,
        description="what must be attested, each by the public key of who may: tests (that they passed), "
        "approval, sbom, provenance, vulns, or the address of a predicate type",
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
