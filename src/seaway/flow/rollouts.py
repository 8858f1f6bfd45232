"""Snapshot → how each service was rolled out, and where its release stands. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.errors import NotFound
from seaway.flow.releases import releases_in
from seaway.flow.status import Workload, workload
from seaway.flow.system import System
from seaway.kit.kube import Manifest
from seaway.kit.near import unknown
from seaway.model.plan import Plan
from seaway.model.snapshot import Snapshot
from seaway.rooms.crossing.decide import may_go_back
from seaway.rooms.crossing.orders import TakeBack, command
from seaway.rooms.crossing.resource import understood
from seaway.rooms.crossing.state import Verb
from seaway.rooms.crossing.steps import reference
from seaway.rooms.crossing.views import CrossingView
from seaway.rooms.services.history import Release, Wanted, decide_undo, releases, taken_back
from seaway.rooms.services.history import ran as lasted
from seaway.rooms.services.spec import next_name
from seaway.steps.rollout import AwaitRollout


@dataclass(frozen=True)
class Rollout:
    """One service: how it runs, and its releases that are kept, the oldest first.

    `crossing` is that of the new version beside it, and `beside` how that runs, where there is one.
    """

    workload: Workload
    releases: tuple[Release, ...]
    crossing: CrossingView | None = None
    beside: Workload | None = None

    @property
    def current(self) -> Release | None:
        return next((release for release in self.releases if release.current), None)

    def as_json(self) -> dict[str, Any]:
        current, work, crossing = self.current, self.beside, self.crossing
        return {
            **self.workload.as_json(),
            "release": current.as_json() if current else None,
            "beside": {**work.as_json(), **crossing.as_json()} if work and crossing else None,
            "before": [release.as_json() for release in self.releases if not release.current],
        }


def rollouts(system: System, seen: Snapshot) -> dict[str, Rollout]:
    """See every service of the file, by name."""
    crossings = releases_in(seen.live)
    return {name: _rollout(system, seen, name, crossings) for name in system.services}


def rollout(system: System, seen: Snapshot, name: str) -> Rollout:
    """See one service. Raises UsageError with the name that was probably meant."""
    if name not in system.services:
        what = f"there is no service {name!r} in the file"
        raise unknown(what, name, system.services, "seaway rollout status")
    return _rollout(system, seen, name, releases_in(seen.live))


def ran(system: System, seen: Snapshot) -> dict[str, float]:
    """Tell for how many seconds images of services ran, by digest; one that is broken now is left out."""
    told: dict[str, float] = {}
    for each in rollouts(system, seen).values():
        told |= lasted(each.releases, seen.now)
        if each.current and each.workload.state != "running":
            told.pop(each.current.image.rpartition("@")[2], None)
    return told


def plan_undo(
    system: System, seen: Snapshot, name: str, to: Wanted, before: tuple[Release, ...] = (), *, force: bool
) -> tuple[Plan, Release]:
    """Decide how a service goes back to an earlier release by a rolling update.

    `before` are those that the cluster forgot. Raises NotFound where there is none, Refused where a release
    on the way took data away.
    """
    known = (*before, *rollout(system, seen, name).releases)
    target = decide_undo(name, known, to, force=force)
    found = _deployment(seen, system.system, name)
    if found is None:
        raise NotFound(f"service {name} is not in the cluster yet", remedy="seaway up")
    scaler = seen.live.get("autoscaling/v2", "HorizontalPodAutoscaler", name, system.system)
    step = taken_back(found, target, autoscaled=scaler is not None)
    seconds = system.services[name].rollout.deadline + 30
    wait = AwaitRollout(f"services/{name}/await", (step.id,), step.ref, seconds)
    return Plan.ordered([step, wait]), target


def releases_before(seen: Snapshot, names: Collection[str]) -> tuple[CrossingView, ...]:
    """Find the releases that must go back first where these crossings do: those over them, and themselves."""
    there = releases_in(seen.live).values()
    return tuple(view for view in there if may_go_back(view) and {view.name, *view.after} & set(names))


def take_back(system: System, seen: Snapshot, name: str, by: str) -> TakeBack:
    """Compose the step that sends all of a release's traffic to the version before, at once."""
    known, _ = understood(seen.live.objects[reference(system.system, name)])
    return TakeBack(known.place, name, known.spec, command(Verb.BACK, by))


def _rollout(system: System, seen: Snapshot, name: str, crossings: Mapping[str, CrossingView]) -> Rollout:
    found = _deployment(seen, system.system, name)
    sets = seen.live.of_kind("ReplicaSet")
    known = releases(found, sets) if found else ()
    following = next_name(name)
    crossing = crossings.get(following)
    beside = workload(seen, "Deployment", following, following, "services") if crossing else None
    return Rollout(workload(seen, "Deployment", name, name, "services"), known, crossing, beside)


def _deployment(seen: Snapshot, system: str, name: str) -> Manifest | None:
    return seen.live.get("apps/v1", "Deployment", name, system)
