"""The system: all that one seaway.yaml describes, typed, with every default filled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr

from seaway.errors import UsageError
from seaway.kit.near import did_you_mean
from seaway.model.fields import Name
from seaway.model.spec import Spec
from seaway.model.wrong import Wrong
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.data.spec import DatabaseSpec
from seaway.rooms.edge.hardening import closed_paths
from seaway.rooms.edge.spec import EdgeSpec, MonolithSpec
from seaway.rooms.images.spec import ImagesSpec, PromotionSpec
from seaway.rooms.services.spec import ServiceSpec


def _namespace(text: str) -> str:
    if text == "default" or text.startswith("kube-") or text in {"envoy-gateway-system", "seaway"}:
        raise Wrong(f"{text!r} is a namespace of the cluster's own", "choose the name of your product")
    return text


def _by_name(value: Any) -> Any:
    names = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return dict.fromkeys(value) if names else value


Databases = Annotated[
    dict[Name, DatabaseSpec],
    BeforeValidator(_by_name, json_schema_input_type=dict[Name, DatabaseSpec] | list[Name]),
]


class System(Spec):
    """One seaway.yaml. `folder` is where the file lies; sources are relative to it."""

    system: Annotated[Name, AfterValidator(_namespace)] = Field(
        description="the system's name; also its namespace in the cluster", examples=["thoughts"]
    )
    environments: dict[Name, EnvironmentSpec] = Field(
        default_factory=dict,
        description="where it runs; the first is the default, and without any there is `rehearsal: local`",
    )
    monolith: MonolithSpec | None = Field(default=None, description="the old system, outside the cluster")
    services: dict[Name, ServiceSpec] = Field(default_factory=dict, description="the services, by name")
    databases: Databases = Field(
        default_factory=dict, description="the databases, by name; `[users]` is short for `{users: {}}`"
    )
    crossings: dict[Name, CrossingSpec] = Field(default_factory=dict, description="the crossings, by name")
    promotions: dict[Name, PromotionSpec] = Field(
        default_factory=dict, description="environments whose images come by promotion, by name"
    )
    images: ImagesSpec = Field(default=ImagesSpec(), description="how images are made")
    edge: EdgeSpec = Field(default=EdgeSpec(), description="how the gateway runs")

    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def closed(self) -> tuple[str, ...]:
        """Give the paths that the edge refuses to the outside."""
        asked = [path for service in self.services.values() for path in (service.health, service.ready)]
        return closed_paths(self.edge, [*asked, self.monolith.health if self.monolith else ""])

    def piloted(self, environment: EnvironmentSpec) -> bool:
        """Say whether the pilot has something to do there."""
        return bool(self.crossings) or environment.https.issuer == "acme"

    def counted(self, environment: EnvironmentSpec) -> bool:
        """Say whether requests must be counted by pods there; on this machine the cluster itself does it."""
        return not environment.here and any(spec.scale.requests for spec in self.services.values())

    def at(self, folder: Path) -> System:
        """Give the same system with its file in `folder`."""
        copy = self.model_copy()
        copy._folder = folder  # noqa: SLF001  (its own)
        return copy

    def environment(self, wanted: str = "") -> tuple[str, EnvironmentSpec]:
        """Choose an environment by name, or the first. Raises UsageError where there is none of that name."""
        chosen = wanted or next(iter(self.environments))
        if chosen not in self.environments:
            raise UsageError(
                f"there is no environment {chosen!r} in {self.system}",
                remedy=did_you_mean(chosen, self.environments) or f"one of: {', '.join(self.environments)}",
            )
        return chosen, self.environments[chosen]

    def monolith_in(self, environment: EnvironmentSpec) -> MonolithSpec | None:
        """Give the monolith as this environment reaches it, its certificate's file as a whole path."""
        if self.monolith is None:
            return None
        own = self.monolith.ca
        changes: dict[str, Any] = {"ca": str(self.folder / own) if own else ""}
        if environment.monolith:
            changes |= {"address": environment.monolith, "also": ()}
        return self.monolith.model_copy(update=changes)

    def monolith_address(self, environment: EnvironmentSpec) -> str:
        """Give the monolith's address as this machine reaches it; empty where there is no monolith."""
        found = self.monolith_in(environment)
        return found.address if found else ""
