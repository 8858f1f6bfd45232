"""What one pod of a service bears: measured on a pod that nobody uses, in a rehearsal only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from seaway.errors import Busy, NotFound, Refused, Unready, UsageError
from seaway.flow.system import System
from seaway.kit import moments
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.kit.near import unknown
from seaway.model.event import Event, Outcome
from seaway.model.manifests import COMPONENT, NAME, PART_OF
from seaway.model.trial import Trial
from seaway.ports.loads import Loads
from seaway.ports.world import World
from seaway.rooms.cluster.plan import name_of
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.services.capacity import Capacity, found, kept, next_rate, probe_pod
from seaway.steps.rollout import pod_trouble

STEP: Final = "scale/probe"
#: Seconds for which a rate lasts, of rest between two, and in which the pod must be ready.
LASTS: Final = 4
REST: Final = 1.0
READY: Final = 90.0
LOOK: Final = 0.2
#: Rates that are tried at most: a probe is over within about a minute.
TRIALS: Final = 12
#: Seconds after which Kubernetes ends the pod, whoever forgot it.
LIFE: Final = 300

T = TypeVar("T")


@dataclass(frozen=True)
class Wish:
    """What a probe shall find out: the most requests a second, up to `limit`, to these paths in turn.

    `objective` is what the 95th percentile of the latency may be, in seconds.
    """

    service: str
    paths: tuple[str, ...]
    objective: float
    limit: int


def checked(system: System, environment: EnvironmentSpec, wish: Wish) -> Wish:
    """Fill in the paths: by default those of the crossings that lead to the service.

    Raises UsageError for an unknown service or without anything to ask for, Refused outside a rehearsal.
    """
    name = wish.service
    if name not in system.services:
        raise unknown(f"there is no service {name!r}", name, system.services, "seaway status")
    if environment.on != "local":
        raise Refused(
            f"{name} is probed in a rehearsal only, and this environment is on: {environment.on}",
            why="a pod is loaded until it gives in, and with it all that it calls",
            remedy="name an environment on: local, with --on",
        )
    routes = [route for each in system.crossings.values() if each.to == name for route in each.routes]
    if not (wish.paths or routes):
        raise UsageError(
            f"nothing says what to ask {name} for",
            why="no crossing leads to it, and its health costs less than what people ask for",
            remedy=f"seaway scale probe {name} --path /…",
        )
    return replace(wish, paths=wish.paths or tuple(routes))


def measure(system: System, environment: EnvironmentSpec, wish: Wish, world: World, loads: Loads) -> Capacity:
    """Find what a pod like those of the service bears, and keep it in the cluster.

    Raises NotFound where the service is not up, Busy where it is probed already, Unready where the pod does
    not become ready, or bears nothing.
    """
    ref = Ref("apps/v1", "Deployment", wish.service, system.system)
    deployment = world.kube.get(ref)
    if deployment is None:
        raise NotFound(f"{wish.service} does not run yet", where=str(ref), remedy="seaway up")
    meter = Meter(world.kube, loads, name_of(environment), system.system)
    with _pod(world, probe_pod(deployment, LIFE)) as pod:
        _, idle = meter.during(lambda: world.pause(LASTS))
        trials = _search(wish, world, loads, meter, pod)
    image, at = pod["spec"]["containers"][0]["image"], moments.now()
    capacity = found(trials, wish.objective, idle, wish.paths, image=image, at=at)
    if capacity is None:
        raise Unready(
            f"one pod of {wish.service} does not bear {trials[-1].rate} requests a second",
            why=_told(trials[-1]),
            remedy="look whether the paths are right, or allow more time: --latency",
        )
    config = kept(system.system, wish.service, capacity)
    if world.kube.create(config) is None:
        world.kube.patch(Ref.of(config), {"data": config["data"]})
    return capacity


@dataclass(frozen=True)
class Meter:
    """Counts the CPU that the workloads of a system use, in cores."""

    kube: Kube
    loads: Loads
    cluster: str
    system: str

    def during(self, work: Callable[[], T]) -> tuple[T, dict[str, float]]:
        """Do something; gives what came of it, and what each workload used on average meanwhile."""
        pods = self.kube.list("v1", "Pod", namespace=self.system, labels=f"{PART_OF}={self.system}")
        owners = {pod["metadata"]["uid"]: _workload(pod) for pod in pods}
        before, began = self.loads.used(self.cluster, owners), time.monotonic()
        done = work()
        after, took = self.loads.used(self.cluster, owners), time.monotonic() - began
        cores: dict[str, float] = {}
        for uid in before.keys() & after.keys():
            cores[owners[uid]] = cores.get(owners[uid], 0.0) + (after[uid] - before[uid]) / took
        return done, cores


def _search(wish: Wish, world: World, loads: Loads, meter: Meter, pod: Manifest) -> list[Trial]:
    """Try one rate after the other; each is told."""
    port = pod["spec"]["containers"][0]["ports"][0]["containerPort"]
    urls = [f"http://{pod['status']['podIP']}:{port}{path}" for path in wish.paths]
    trials: list[Trial] = []
    while len(trials) < TRIALS and (rate := next_rate(trials, wish.objective, wish.limit)):
        world.report(Event(STEP, Outcome.PROGRESS, f"{wish.service}: {rate} requests a second"))
        trial, cpu = meter.during(lambda now=rate: loads.attack(urls, now, LASTS))  # type: ignore[misc]
        trials.append(replace(trial, cpu=cpu))
        mark = "borne" if trial.borne(wish.objective) else "too much"
        world.report(Event(STEP, Outcome.NOTE, f"{rate:>5}/s  {_told(trial)}: {mark}"))
        world.pause(REST)
    return trials


@contextmanager
def _pod(world: World, wanted: Manifest) -> Iterator[Manifest]:
    """Have the pod for so long, ready; it is gone afterwards."""
    ref = Ref.of(wanted)
    if world.kube.create(wanted) is None:
        raise Busy(
            "another probe of this service runs",
            where=str(ref),
            remedy=f"wait for it; a pod that was forgotten ends within {LIFE} s",
        )
    try:
        yield _ready(world, ref)
    finally:
        world.kube.delete(ref, grace=0)


def _ready(world: World, ref: Ref) -> Manifest:
    ends = time.monotonic() + READY
    while True:
        pod = world.kube.get(ref) or {}
        if pod and not (trouble := pod_trouble(pod)) and pod["status"].get("podIP"):
            return pod
        if not pod or time.monotonic() > ends:
            raise Unready(
                f"the pod to probe was not ready within {READY:.0f} s",
                where=str(ref),
                why=trouble if pod else "it is gone",
                remedy="seaway status tells what is wrong",
            )
        world.pause(LOOK)


def _workload(pod: Manifest) -> str:
    """Name what a pod belongs to: a service, its probe too, or a database."""
    own = pod["metadata"]["labels"]
    return f"{own[NAME]}-db" if own[COMPONENT] == "data" else str(own[NAME])


def _told(trial: Trial) -> str:
    failed = f", {trial.failed} failed" if trial.failed else ""
    return f"{trial.answered:.0f} answered, p95 {trial.late * 1000:.0f} ms{failed}"
