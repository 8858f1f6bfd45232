"""The monolith behind the gateway, and how the gateway answers."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from seaway.model.fields import Address, UrlPath
from seaway.model.spec import Spec


class MonolithSpec(Spec):
    """The old system; `monolith: http://legacy.internal:9000` is short for `monolith: {address: …}`."""

    short: ClassVar[str] = "address"

    address: Address = Field(
        description="http://HOST:PORT of the old system, as this machine reaches it",
        examples=["http://legacy.internal:9000"],
    )
    health: UrlPath = Field(
        default="/",
        description="path that answers below 500 while the monolith is sound",
        examples=["/health"],
    )


class EdgeSpec(Spec):
    """How the gateway in front of everything runs."""

    replicas: int = Field(default=2, ge=1, le=20, description="proxies in front of everything", examples=[2])
    hsts: int = Field(
        default=31536000,
        ge=0,
        description="Strict-Transport-Security max-age, in seconds; 0 leaves it out",
        examples=[31536000],
    )
