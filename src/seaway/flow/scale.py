"""Snapshot → what the autoscalers see and want: load, replicas, nodes, and what waits for one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seaway.flow.status import Workload, counter_of, workload
from seaway.flow.system import System
from seaway.kit.kube import Manifest
from seaway.model.pools import POOL, TELLERS
from seaway.model.quantity import amount
from seaway.model.snapshot import Snapshot
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.services.manifests import ROOM as SERVICES

HPA: Final = ("autoscaling/v2", "HorizontalPodAutoscaler")
#: Conditions of an autoscaler that are worth telling, and the status in which they are.
TOLD: Final = (("ScalingActive", "False"), ("AbleToScale", "False"), ("ScalingLimited", "True"))


@dataclass(frozen=True)
class Scaled:
    """One service. `load` and `aim` are what its autoscaler goes by (services.spec: targets).

    Without an autoscaler there is no aim, and `why` is empty; else it tells what keeps it from scaling.
    """

    name: str
    ready: int
    desired: int
    least: int
    most: int
    load: Mapping[str, int]
    aim: Mapping[str, int]
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Waiting:
    """A pod that no node takes, since when (RFC 3339), and why."""

    pod: str
    since: str
    why: str

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Scale:
    """An environment's load. `addable` is how many nodes the autoscaler may add; None where there is none.

    `counter` is what counts requests, where pods do it.
    """

    services: tuple[Scaled, ...]
    nodes: tuple[Mapping[str, Any], ...]
    waiting: tuple[Waiting, ...]
    addable: int | None
    counter: Workload | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "services": [each.as_json() for each in self.services],
            "nodes": list(self.nodes),
            "waiting": [each.as_json() for each in self.waiting],
            "addable": self.addable,
            "counter": self.counter.as_json() if self.counter else None,
        }


def scale_of(
    system: System, environment: EnvironmentSpec, seen: Snapshot, events: list[Manifest], full: str
) -> Scale:
    """Bring together what was seen; `events` tell why pods were not placed, `full` why no node can come."""
    pool = seen.live.get(*POOL, system.system)
    limit = pool["spec"].get("limits", {}).get("nodes") if pool else None
    return Scale(
        tuple(_scaled(system, seen, name) for name in system.services),
        tuple(dict(vars(node)) for node in (seen.cluster.nodes if seen.cluster else ())),
        tuple(waiting(seen, events, full)),
        None if limit is None else int(limit),
        counter_of(system, environment, seen),
    )


def waiting(seen: Snapshot, events: list[Manifest], full: str) -> list[Waiting]:
    """List the pods that no node takes: the autoscaler tells why no node comes, else the scheduler.

    Of a machine that is full the autoscaler knows only that it offers nothing.
    """
    told = {
        event["involvedObject"].get("uid"): event["message"]
        for event in events
        if event.get("source", {}).get("component") in TELLERS
    }
    found = []
    for pod in seen.pods:
        conditions = pod.get("status", {}).get("conditions", [])
        unplaced = [c for c in conditions if c["type"] == "PodScheduled" and c["status"] == "False"]
        if unplaced and "deletionTimestamp" not in pod["metadata"]:
            why = told.get(pod["metadata"].get("uid")) or unplaced[0].get("message", "")
            since = unplaced[0].get("lastTransitionTime", "")
            found.append(Waiting(pod["metadata"]["name"], since, "; ".join(filter(None, (why, full)))))
    return sorted(found, key=lambda each: (each.since, each.pod))


def _scaled(system: System, seen: Snapshot, name: str) -> Scaled:
    running, spec = workload(seen, "Deployment", name, name, SERVICES), system.services[name].scale
    found = seen.live.get(*HPA, name, system.system)
    if found is None:
        return Scaled(name, running.ready, running.wanted, spec.min, spec.max, {}, {})
    status, wanted = found.get("status", {}), found["spec"]
    conditions = {(c["type"], c["status"]): c for c in status.get("conditions", [])}
    load, aim = _shares(status.get("currentMetrics") or (), "current"), _shares(wanted["metrics"], "target")
    told = [conditions[each].get("message", "") for each in TOLD if each in conditions][:1]
    # Beside one that is known, a lost aim is no condition: it only keeps replicas from going.
    told += [f"nobody tells the {name}" for name in aim if load and name not in load]
    return Scaled(
        name,
        running.ready,
        status.get("desiredReplicas", running.wanted),
        wanted["minReplicas"],
        wanted["maxReplicas"],
        load,
        aim,
        "; ".join(told),
    )


def _shares(metrics: Any, part: str) -> dict[str, int]:
    """Read shares by resource, and the requests of each pod; what could not be measured is left out."""
    resources = [metric["resource"] for metric in metrics if metric.get("type") == "Resource"]
    found = {each["name"]: each[part].get("averageUtilization") for each in resources}
    if (each := requests_each(metrics, part)) is not None:
        found["requests"] = round(each)
    return {name: share for name, share in found.items() if share is not None}


def requests_each(metrics: Any, part: str) -> float | None:
    """Read the requests a second of each pod, `target` or `current`; None where they are not among these."""
    told = (metric["object"][part] for metric in metrics if metric.get("type") == "Object")
    return next((float(amount(each["averageValue"])) for each in told if "averageValue" in each), None)
