"""Databases that persist."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from seaway.model.fields import Cpu, Memory, Storage
from seaway.model.spec import Spec


class DatabaseSpec(Spec):
    """One database; `users: postgres` is short for `users: {engine: postgres}`."""

    short: ClassVar[str] = "engine"

    engine: Literal["postgres"] = Field(
        default="postgres", description="PostgreSQL, the only engine", examples=["postgres"]
    )
    storage: Storage = Field(default="1Gi", description="size of its volume", examples=["1Gi", "20Gi"])
    cpu: Cpu = Field(default="100m", description="CPU that it requests", examples=["250m"])
    memory: Memory = Field(
        default="256Mi", description="memory that it requests and may use", examples=["1Gi"]
    )
