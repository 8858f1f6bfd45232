"""Snapshot, a load → pods, nodes and money that it would take. Pure.

Pods are counted as the autoscaler does it: CPU that is used, by what a pod requests, by the share that is
aimed at; requests through the gateway, by those that are aimed at for a pod. Its tolerance, what pods use at
rest, and memory are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from seaway.errors import NotFound, UsageError
from seaway.flow.packing import Need, Packed, Room, pack
from seaway.flow.scale import HPA, requests_each
from seaway.flow.system import System
from seaway.kit.kube import Manifest
from seaway.kit.near import unknown
from seaway.model.cluster import Offer
from seaway.model.manifests import COMPONENT, NAME, PART_OF
from seaway.model.quantity import amount
from seaway.model.snapshot import Snapshot
from seaway.rooms.cluster.spec import LOCAL_SIZES, NodesSpec
from seaway.rooms.services.capacity import KEPT, Capacity, capacities
from seaway.rooms.services.manifests import ROOM as SERVICES

#: Hours of a month, as clouds count them.
MONTH: Final = 730


@dataclass(frozen=True)
class Asked:
    """The load in question: `times` what there is now, or `requests` a second to services by name."""

    times: float = 0.0
    requests: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Foreseen:
    """A service: how many replicas it has, would get, and would want if there were no `most`.

    `each` is what one replica is counted for, in requests a second; 0 where nothing tells.
    """

    name: str
    now: int
    pods: int
    wanted: int
    least: int
    most: int
    each: float = 0.0
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Nodes:
    """Nodes of one size: how many, how many of these are added, at which price in dollars an hour."""

    size: str
    count: int
    added: int
    price: float

    @property
    def month(self) -> float:
        return self.count * self.price * MONTH

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "month": round(self.month, 2)}


@dataclass(frozen=True)
class Forecast:
    """What a load would take. `pending` are pods without a node: how many of whose, and why."""

    services: tuple[Foreseen, ...]
    nodes: tuple[Nodes, ...]
    pending: tuple[tuple[str, int, str], ...]

    @property
    def month(self) -> float:
        """Dollars a month for the nodes, if the load stayed."""
        return sum(each.month for each in self.nodes)

    def as_json(self) -> dict[str, Any]:
        return {
            "services": [each.as_json() for each in self.services],
            "nodes": [each.as_json() for each in self.nodes],
            "pending": [{"of": of, "pods": pods, "why": why} for of, pods, why in self.pending],
            "month": round(self.month, 2),
        }


def forecast(
    system: System, nodes: NodesSpec, seen: Snapshot, offers: Sequence[Offer], asked: Asked
) -> Forecast:
    """Say what `asked` would take. Raises UsageError for an unknown service, NotFound for one not probed."""
    known = capacities(seen.live.get("v1", "ConfigMap", KEPT, system.system))
    asked = replace(asked, requests=_resolved(system, known, asked))
    services = tuple(_foresee(system, seen, known, asked, name) for name in system.services)
    stand = seen.cluster.standing if seen.cluster else ()
    packed = pack(
        _needs(system, seen, services),
        _rooms(system, seen),
        [each for each in offers if each.size in LOCAL_SIZES[: LOCAL_SIZES.index(nodes.size) + 1]],
        max(0, nodes.max - max(nodes.min, len(stand))) if nodes.max > nodes.min else 0,
    )
    return Forecast(
        services,
        tuple(_counted([node.size for node in stand], packed, offers)),
        tuple((of, pods, why) for (of, why), pods in sorted(packed.pending.items())),
    )


def priced(offers: Sequence[Offer], prices: Mapping[str, float]) -> list[Offer]:
    """Put given prices, in dollars an hour, in place of ours. Raises UsageError for a size that is none."""
    sizes = [each.size for each in offers]
    for size in prices:
        if size not in sizes:
            raise unknown(f"there is no size {size!r}", size, sizes, "--price small=0.04")
    return [replace(each, price=prices.get(each.size, each.price)) for each in offers]


def _resolved(system: System, known: Mapping[str, Capacity], asked: Asked) -> Mapping[str, int]:
    """Name the service of each rate; one without a name goes to the only service that was probed."""
    if "" in asked.requests and len(known) > 1:
        raise UsageError(
            "these requests may go to several services",
            why=f"these were probed: {', '.join(sorted(known))}",
            remedy=f"say of which you speak: --requests {min(known)}={asked.requests['']}",
        )
    requests = {name or next(iter(known), ""): rate for name, rate in asked.requests.items()}
    for name in requests:
        if name and name not in system.services:
            raise unknown(f"there is no service {name!r}", name, system.services, "seaway status")
        if name not in known:
            what = f"what a request to {name or 'a service'} costs is not known yet"
            raise NotFound(what, remedy=f"seaway scale probe {name or 'SERVICE'}")
    return requests


def _foresee(
    system: System, seen: Snapshot, known: Mapping[str, Capacity], asked: Asked, name: str
) -> Foreseen:
    spec = system.services[name]
    found = seen.live.get("apps/v1", "Deployment", name, system.system) or {"spec": {}}
    now, scale = int(found["spec"].get("replicas", 0)), spec.scale
    aimed = float(amount(spec.resources.cpu)) * scale.targets.get("cpu", 0) / 100
    each = _each(known.get(name), name, aimed, scale.requests)
    cores = _cores(system, seen, known, asked, name) if aimed else None
    rate = _rate(system, seen, asked, name) if scale.requests else None
    if cores is None and rate is None:
        by = "no requests are" if scale.requests else "no CPU is"
        why = "its number is fixed" if not scale.targets else f"{by} measured to go by"
        pods = now if scale.targets else scale.min
        wanted, why = pods, _short(asked, known, name, pods) or why
    else:
        ratios = (cores / aimed if cores else 0.0, rate / scale.requests if rate else 0.0)
        wanted = max(scale.min, math.ceil(round(max(ratios), 6)))
        pods = min(scale.max, wanted)
        why = f"{wanted} would be wanted, and max is {scale.max}" if wanted > pods else ""
        why = why or _short(asked, known, name, pods)
    return Foreseen(name, now, pods, wanted, scale.min, scale.max, each, why)


def _each(known: Capacity | None, name: str, aimed: float, requests: int) -> float:
    """Give the requests a second for which one replica counts: by the aims, never more than it bears."""
    bounds = [float(requests)] if requests else []
    if known is not None:
        cost = known.cpu.get(name, 0.0)
        bounds += [known.requests, *([aimed / cost] if aimed and cost else [])]
    return round(min(bounds, default=0.0), 1)


def _short(asked: Asked, known: Mapping[str, Capacity], name: str, pods: int) -> str:
    """Say where so many pods would be slower than what was probed for."""
    rate = asked.requests.get(name, 0)
    if not rate or rate <= pods * known[name].requests:
        return ""
    late = known[name].objective * 1000
    return f"slower than {late:.0f} ms: one bears {known[name].requests}/s"


def _cores(
    system: System, seen: Snapshot, known: Mapping[str, Capacity], asked: Asked, name: str
) -> float | None:
    """Give the CPU that a service would use, in cores; None where nothing tells."""
    if asked.requests:
        return sum(rate * known[entry].cpu.get(name, 0.0) for entry, rate in asked.requests.items())
    status = (seen.live.get(*HPA, name, system.system) or {}).get("status", {})
    for metric in status.get("currentMetrics") or ():
        resource = metric.get("resource", {})
        if resource.get("name") == "cpu" and "averageValue" in resource["current"]:
            used = float(amount(resource["current"]["averageValue"]))
            return used * int(status.get("currentReplicas", 0)) * asked.times
    return None


def _rate(system: System, seen: Snapshot, asked: Asked, name: str) -> float | None:
    """Give the requests a second that would come to a service; None where nothing tells."""
    if asked.requests:
        return float(asked.requests.get(name, 0))
    status = (seen.live.get(*HPA, name, system.system) or {}).get("status", {})
    each = requests_each(status.get("currentMetrics") or (), "current")
    return None if each is None else each * int(status.get("currentReplicas", 0)) * asked.times


def _needs(system: System, seen: Snapshot, services: Sequence[Foreseen]) -> Iterator[Need]:
    """List the pods that must find a node: those foreseen, and what else is not on one that stands."""
    for each in services:
        asks = system.services[each.name].resources
        for _ in range(each.pods):
            yield Need(each.name, float(amount(asks.cpu)), float(amount(asks.memory)))
    standing = _standing(seen)
    for pod in _others(system, seen):
        if pod["spec"].get("nodeName") not in standing:
            yield _need(pod)


def _rooms(system: System, seen: Snapshot) -> list[Room]:
    """What the nodes that stand have left beside pods other than those of the services."""
    rooms = {}
    for name in _standing(seen):
        node = seen.live.get("v1", "Node", name) or {"status": {"allocatable": {"cpu": "0", "memory": "0"}}}
        given = node["status"]["allocatable"]
        rooms[name] = Room(float(amount(given["cpu"])), float(amount(given["memory"])))
    for pod in _others(system, seen):
        if room := rooms.get(pod["spec"].get("nodeName", "")):
            room.take(_need(pod))
    return [*rooms.values()]


def _standing(seen: Snapshot) -> set[str]:
    return {node.name for node in seen.cluster.standing} if seen.cluster else set()


def _others(system: System, seen: Snapshot) -> Iterator[Manifest]:
    """The pods of every namespace that run or wait, but those of the system's services."""
    for pod in seen.pods:
        own = pod["metadata"].get("labels", {})
        mine = own.get(PART_OF) == system.system and own.get(COMPONENT) == SERVICES
        over = pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}
        if not over and not (mine and own.get(NAME) in system.services):
            yield pod


def _need(pod: Manifest) -> Need:
    asked = [each.get("resources", {}).get("requests", {}) for each in pod["spec"]["containers"]]
    cpu, memory = (float(sum(amount(one.get(key, "0")) for one in asked)) for key in ("cpu", "memory"))
    return Need(pod["metadata"]["name"], cpu, memory)


def _counted(stand: Sequence[str], packed: Packed, offers: Sequence[Offer]) -> Iterator[Nodes]:
    for offer in offers:
        added = packed.added[offer.size]
        if count := stand.count(offer.size) + added:
            yield Nodes(offer.size, count, added, offer.price)
