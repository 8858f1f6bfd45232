"""Bringing the cluster itself to what the environment asks for."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.model.plan import Change, Outputs, Verb
from seaway.ports.world import World


@dataclass(frozen=True)
class RaiseCluster:
    """Make the cluster, or start and heal one that is there; gives `cluster/outside`."""

    name: str
    nodes: int
    size: str
    verb: Verb
    why: str
    after: tuple[str, ...] = ()
    id: str = "cluster/create"

    def describe(self) -> Change:
        return Change(self.id, self.verb, f"cluster {self.name}", (self.why,))

    def run(self, world: World) -> Outputs:
        facts = world.clusters.create(self.name, self.nodes, self.size, world.report)
        return {"cluster/outside": facts.outside}


@dataclass(frozen=True)
class ScaleCluster:
    """Add nodes, or drain and remove some: the autoscaler's first, then the youngest."""

    name: str
    nodes: int
    size: str
    now: int
    after: tuple[str, ...] = ()
    id: str = "cluster/nodes"

    def describe(self) -> Change:
        return Change(self.id, Verb.UPDATE, f"nodes of cluster {self.name}", (f"{self.now} → {self.nodes}",))

    def run(self, world: World) -> Outputs:
        world.clusters.scale(self.name, self.nodes, self.size, world.report)
        return {}


@dataclass(frozen=True)
class AutoscaleCluster:
    """Have an autoscaler run in the cluster; what it may add the NodePool says."""

    name: str
    after: tuple[str, ...] = ()
    id: str = "cluster/autoscaler"

    def describe(self) -> Change:
        return Change(self.id, Verb.CREATE, f"autoscaler of cluster {self.name}")

    def run(self, world: World) -> Outputs:
        world.clusters.autoscale(self.name, world.report)
        return {}


@dataclass(frozen=True)
class CountRequests:
    """Have the requests that come through the gateway be a metric by which autoscalers can go."""

    name: str
    after: tuple[str, ...] = ()
    id: str = "cluster/requests"

    def describe(self) -> Change:
        return Change(self.id, Verb.CREATE, f"count of requests in cluster {self.name}")

    def run(self, world: World) -> Outputs:
        world.clusters.count(self.name, world.report)
        return {}
