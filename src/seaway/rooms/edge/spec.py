"""The monolith behind the gateway, and how the gateway answers."""

from __future__ import annotations

from pydantic import Field

from seaway.model.spec import Spec


class MonolithSpec(Spec):
    """`monolith: {address: http://legacy.internal:9000}`."""

    address: str = Field(description="http://HOST:PORT of the old system, as this machine reaches it")
    health: str = Field(default="/", description="path that answers below 500 while the monolith is sound")


class EdgeSpec(Spec):
    """`edge: {replicas: 2}`."""

    replicas: int = Field(default=2, ge=1, le=20, description="proxies in front of everything")
    hsts: int = Field(default=31536000, ge=0, description="Strict-Transport-Security max-age, in seconds; 0 leaves it out")
