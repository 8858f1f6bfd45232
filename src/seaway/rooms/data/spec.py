"""Databases that persist."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seaway.model.spec import Spec


class DatabaseSpec(Spec):
    """`users: {engine: postgres, storage: 1Gi}`."""

    engine: Literal["postgres"] = "postgres"
    storage: str = "1Gi"
    cpu: str = "100m"
    memory: str = "256Mi"
