"""Where crossings hang: the system's namespace and domain, the gateway, and the monolith's backend."""

from __future__ import annotations

from dataclasses import dataclass

PORT = 80


@dataclass(frozen=True)
class Side:
    """A backend of a route: a Service, or a Backend of Envoy Gateway for what is outside the cluster."""

    name: str
    port: int = PORT
    kind: str = "Service"


@dataclass(frozen=True)
class Place:
    """Where routes hang: the system's namespace, its domain, the gateway's name, and the old side.

    A release lies `over` the crossings that lead to its service, of which this is the first: its route goes
    before theirs while it has a weight. `names` are further public names.
    """

    system: str
    domain: str
    gateway: str
    monolith: Side
    over: str = ""
    names: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every name under which visitors come, the domain first."""
        return (self.domain, *self.names)
