"""Bringing the cluster itself to what the environment asks for."""

from __future__ import annotations

import time
from dataclasses import dataclass

from seaway.errors import Unready
from seaway.model.event import Event, Outcome
from seaway.model.gateway import OWNER
from seaway.model.manifests import Manifest
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
class RaiseGround:
    """Make or mend what the cluster stands on in a cloud, itself included; the `parts` say what differs."""

    name: str
    verb: Verb
    parts: tuple[Change, ...]
    after: tuple[str, ...] = ()
    id: str = "cluster/create"

    def describe(self) -> Change:
        several = "s" * (len(self.parts) != 1)
        return Change(
            self.id, self.verb, f"cluster {self.name}", (f"{len(self.parts)} part{several}",), self.parts
        )

    def run(self, world: World) -> Outputs:
        if world.ground:
            world.ground.ensure(world.report, keep=world.keep)
        return {
            "cluster/outside": "",
            "cluster/certificate": world.ground.certificate() if world.ground else "",
        }


@dataclass(frozen=True)
class LetGoOfGround:
    """Take away what the load balancer showed before, once it shows another; the `parts` say what."""

    name: str
    parts: tuple[Change, ...]
    after: tuple[str, ...] = ()
    id: str = "cluster/let-go"

    def describe(self) -> Change:
        thing = f"what cluster {self.name} showed before"
        return Change(self.id, Verb.DELETE, thing, ("once nothing uses it",), self.parts)

    def run(self, world: World) -> Outputs:
        if world.ground:
            world.ground.let_go(world.report)
        return {}


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


@dataclass(frozen=True)
class AwaitCloudGone:
    """Wait until the cloud has taken back the load balancer and the volumes of a system that left.

    Raises Unready where it does not: without the cluster nobody would take them back.
    """

    system: str
    after: tuple[str, ...] = ()
    id: str = "cluster/cloud/gone"
    seconds: float = 600.0

    def describe(self) -> Change:
        return Change(self.id, Verb.WAIT, "load balancers and volumes", ("until they are gone",))

    def run(self, world: World) -> Outputs:
        ends = time.monotonic() + self.seconds
        while left := self._left(world):
            if time.monotonic() > ends:
                raise Unready(
                    f"{left[0]} is still there after {self.seconds:.0f} s",
                    why="the cluster stays until all that the cloud gave for it is taken back",
                    remedy="run the command again",
                )
            world.report(Event(self.id, Outcome.PROGRESS, f"waiting for the end of {left[0]}"))
            world.pause(1)
        return {}

    def _left(self, world: World) -> list[str]:
        services = world.kube.list("v1", "Service", labels=f"{OWNER}={self.system}")
        claimed = [v for v in world.kube.list("v1", "PersistentVolume") if _claim_of(v) == self.system]
        return [
            *(f"load balancer {each['metadata']['name']}" for each in services),
            *(f"volume {each['metadata']['name']}" for each in claimed),
        ]


def _claim_of(volume: Manifest) -> str:
    """Name the namespace of a volume's claim."""
    return str(volume["spec"].get("claimRef", {}).get("namespace", ""))
