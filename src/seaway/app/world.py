"""Chooses the provider of an environment, and opens what it gives."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from seaway.app.registry import open_registry
from seaway.flow.observe import observe_crossings
from seaway.flow.system import System
from seaway.kit import cache
from seaway.kit.kube import Kube
from seaway.kit.lock import locked
from seaway.kit.machine import somebody
from seaway.model.event import Report, notes
from seaway.model.snapshot import Snapshot
from seaway.ports.world import World
from seaway.providers.local import home
from seaway.providers.local.ca import LocalCertificates
from seaway.providers.local.charts import LocalCharts
from seaway.providers.local.clusters import LocalClusters, need_root
from seaway.rooms.cluster.plan import name_of
from seaway.rooms.cluster.spec import EnvironmentSpec

Look = Callable[[System, str, World], Snapshot]


def open_world(system: System, environment: EnvironmentSpec, report: Report) -> World:
    """Choose the provider. Raises Refused where the credentials do not fit the file."""
    if not environment.here:
        from seaway.app.away import open_away  # noqa: PLC0415  (a cloud, a zone: few need them)

        return open_away(system, environment, report)
    found = LocalClusters()
    name = name_of(environment)

    def connect() -> Kube:
        return Kube.from_kubeconfig(found.kubeconfig(name), f"seaway-{name}")

    return World(
        found,
        open_registry(environment),
        LocalCertificates(),
        LocalCharts(report),
        connect,
        report,
        {"by": somebody()},
    )


def _rehearsing(environment: EnvironmentSpec) -> bool:
    """Tell whether AWS is played to this process."""
    if environment.on != "eks":
        return False
    from seaway.providers.eks.cloud import REHEARSAL  # noqa: PLC0415  (boto3)

    return bool(os.environ.get(REHEARSAL))


@contextmanager
def looking(
    system: System, on: str, report: Report, look: Look = observe_crossings
) -> Iterator[tuple[Snapshot, World]]:
    name, environment = system.environment(on)
    with closing(open_world(system, environment, report)) as world:
        yield look(system, name, world), world


@contextmanager
def alone(system: System, on: str, report: Report) -> Iterator[None]:
    """One `up` or `down` of an environment at a time: the second waits for the first.

    Production does not wait for a rehearsal of it.
    """
    _, environment = system.environment(on)
    if environment.here:
        need_root()  # the lock is root's too
    folder = (home.RUN if environment.here else cache.folder()) / "locks"
    mark = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{environment.region}-{name_of(environment)}".lstrip("-"))
    kind = "up-rehearsed" if _rehearsing(environment) else "up"
    with locked(folder / f"{kind}-{mark}.lock", "another seaway up or down", notes(report, "lock")):
        yield
