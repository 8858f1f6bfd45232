"""The system: all that one seaway.yaml describes, typed, with every default filled."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PrivateAttr

from seaway.model.spec import Spec
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.data.spec import DatabaseSpec
from seaway.rooms.edge.spec import EdgeSpec, MonolithSpec
from seaway.rooms.images.spec import ImagesSpec
from seaway.rooms.services.spec import ServiceSpec


class System(Spec):
    """One seaway.yaml. `folder` is where the file lies; sources are relative to it."""

    system: str = Field(description="the system's name; also its namespace in the cluster")
    environments: dict[str, EnvironmentSpec] = Field(min_length=1, description="the first is the default")
    monolith: MonolithSpec | None = None
    services: dict[str, ServiceSpec] = Field(default_factory=dict)
    databases: dict[str, DatabaseSpec] = Field(default_factory=dict)
    crossings: dict[str, CrossingSpec] = Field(default_factory=dict)
    images: ImagesSpec = ImagesSpec()
    edge: EdgeSpec = EdgeSpec()

    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        return self._folder
