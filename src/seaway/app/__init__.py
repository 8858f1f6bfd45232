"""The composition root: only here rooms and a provider meet. Doors call it; it decides nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from seaway.app.images import missing_images
from seaway.app.world import alone, looking, open_world
from seaway.flow.apply import apply
from seaway.flow.back import go_back, undo_release
from seaway.flow.capacity import Wish, checked, measure
from seaway.flow.edge import EdgeStatus, edge_of
from seaway.flow.forecast import Asked, Forecast, forecast, priced
from seaway.flow.leave import leave
from seaway.flow.observe import (
    neighbours,
    observe,
    observe_crossings,
    observe_pods,
    observe_rollouts,
    observe_room,
    observe_scale,
    unplaced,
)
from seaway.flow.plan import make_plan
from seaway.flow.releases import releases_in
from seaway.flow.rollouts import Rollout, rollout, rollouts
from seaway.flow.scale import Scale, scale_of
from seaway.flow.status import Status, crossings_of, ready_pods, status_of, unsettled
from seaway.flow.system import System
from seaway.kit.machine import somebody
from seaway.model.cluster import ClusterFacts
from seaway.model.event import Event, Outcome, Report
from seaway.model.names import Weight
from seaway.model.plan import Plan
from seaway.model.snapshot import Snapshot
from seaway.ports.world import World
from seaway.providers.local import engine, making, node
from seaway.providers.local.ca import LocalCertificates
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.loads import LocalLoads
from seaway.rooms.cluster.plan import name_of
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.crossing.decide import decide_move, fitting
from seaway.rooms.crossing.orders import Order, command, read_differences, read_history
from seaway.rooms.crossing.state import Entry, Verb
from seaway.rooms.crossing.views import CrossingView
from seaway.rooms.edge.certificates import look_at_edge
from seaway.rooms.images.plan import BuildStep
from seaway.rooms.services.capacity import Capacity


@dataclass(frozen=True)
class Survey:
    """One look at one environment, and what follows from it. `builds` make the images that are missing."""

    system: System
    environment: EnvironmentSpec
    world: World
    seen: Snapshot
    builds: tuple[BuildStep, ...]

    @cached_property
    def plan(self) -> Plan:
        """Decide what must change. Raises Refused where the file speaks against a release under way."""
        return make_plan(self.system, self.environment, self.seen, self.builds)


def survey(system: System, on: str, report: Report) -> Survey:
    """Look at an environment; nothing is changed."""
    name, environment = system.environment(on)
    world = open_world(environment, report)
    with closing(world), ThreadPoolExecutor(1) as pool:
        found = pool.submit(missing_images, system, world, name if name in system.promotions else "")
        seen = observe(system, name, environment, world)
        builds, known = found.result()
    seen = replace(seen, images=known, registry=world.registry.place)
    world.outputs.update(known)
    if seen.cluster:
        world.outputs["cluster/outside"] = seen.cluster.outside
    return Survey(system, environment, world, seen, builds)


def up(system: System, on: str, report: Report) -> tuple[Plan, ...]:
    """Bring an environment to its file; gives the plans that were carried out.

    A cluster that was stopped is started first and then looked at again.
    """
    with alone(system, on, report):
        done: list[Plan] = []
        while True:
            now = survey(system, on, report)
            for note in now.plan.notes:
                report(Event("up", Outcome.NOTE, note))
            if not now.plan:
                return tuple(done)
            with closing(now.world):
                apply(now.plan, now.world)
            done.append(now.plan)
            if now.seen.running or now.seen.cluster is None:
                return tuple(done)


def down(system: System, on: str, report: Report) -> None:
    """Remove all that Seaway made for this system, and nothing else.

    The cluster goes too, unless other systems live in it: then only this one's namespace goes.
    """
    _, environment = system.environment(on)
    name = name_of(environment.cluster)
    with alone(system, on, report):
        with closing(open_world(environment, report)) as world:
            found = world.clusters.find(name)
            if found and found.state == "running" and neighbours(system, world):
                mine = {environment.ports.http, environment.ports.https}
                others = {here: to for here, to in found.published.items() if here not in mine}
                world.clusters.publish(name, others, report)
                apply(leave(system.system, autoscaled=found.autoscaled), world)
                return
        world.clusters.delete(name, report)


def status(system: System, on: str, report: Report) -> Status:
    """See one environment. Pods are looked at only where a workload does not run as asked."""
    name, environment = system.environment(on)
    with closing(open_world(environment, report)) as world:
        seen = observe(system, name, environment, world)
        seen = replace(seen, pods=observe_pods(system, unsettled(system, seen), world))
        return status_of(system, environment, seen, world.certificates.authority_path())


def crossings(system: System, on: str, report: Report) -> tuple[CrossingView, ...]:
    """See every crossing of an environment."""
    with looking(system, on, report) as (seen, _):
        return tuple(crossings_of(system, seen).values())


def follow(system: System, on: str, report: Report, seconds: float) -> Iterator[tuple[CrossingView, ...]]:
    """See every crossing again and again, so many seconds apart, without end."""
    name, environment = system.environment(on)
    with closing(open_world(environment, report)) as world:
        while True:
            yield tuple(crossings_of(system, observe_crossings(system, name, world)).values())
            world.pause(seconds)


def ask(
    system: System, on: str, verb: Verb, names: Sequence[str], report: Report
) -> tuple[CrossingView, ...]:
    """Ask the pilot to start, hold or resume crossings, or all that this fits; gives what they were."""
    with looking(system, on, report) as (seen, world):
        known = crossings_of(system, seen) | (releases_in(seen.live) if names else {})
        wanted = fitting(known, verb, names)
        _order(system, world, wanted, verb)
        return wanted


def move(system: System, on: str, name: str, weight: Weight, report: Report) -> tuple[CrossingView, ...]:
    """Move a crossing to a weight; gives what it was, or nothing where it was there already."""
    with looking(system, on, report) as (seen, world):
        known = crossings_of(system, seen) | releases_in(seen.live)
        wanted = decide_move(known, name, weight, ready_pods(system, seen))
        _order(system, world, wanted, Verb.MOVE, weight.percent)
        return wanted


def back(
    system: System, on: str, name: str, report: Report, *, with_dependents: bool
) -> tuple[CrossingView, ...]:
    """Take a crossing back to the monolith, and those that come after it where that is asked for.

    Without a name all of them go back.
    """
    _, environment = system.environment(on)
    with looking(system, on, report) as (seen, world):
        return go_back(system, environment, seen, world, name, by=somebody(), with_dependents=with_dependents)


def history(system: System, on: str, name: str, report: Report) -> tuple[Entry, ...]:
    """Read all that happened to a crossing, the first first. Raises UsageError where nothing is known."""
    _, environment = system.environment(on)
    with closing(open_world(environment, report)) as world:
        return read_history(world.kube, system.system, name, system.crossings)


def differences(system: System, on: str, name: str, report: Report) -> dict[str, Any]:
    """Read what the comparison of a crossing's sides found.

    Raises NotFound where none was made, UsageError for an unknown name.
    """
    _, environment = system.environment(on)
    with closing(open_world(environment, report)) as world:
        return read_differences(world.kube, system.system, name, system.crossings)


def rolled(system: System, on: str, report: Report, name: str = "") -> tuple[Rollout, ...]:
    """See how services were rolled out: one by name, or all. Raises UsageError for an unknown name."""
    with looking(system, on, report, observe_rollouts) as (seen, _):
        return (rollout(system, seen, name),) if name else tuple(rollouts(system, seen).values())


def undo(system: System, on: str, name: str, to: int, report: Report, *, force: bool) -> tuple[str, str]:
    """Take a service back to an earlier release, or the one before; gives both digests.

    A release that crosses goes back at once, with the pilot or without it.
    Raises NotFound where there is none, Refused where the data may no longer fit it, unless `force`.
    """
    with looking(system, on, report, observe_rollouts) as (seen, world):
        return undo_release(system, seen, world, name, to, by=somebody(), force=force)


def scaled(system: System, on: str, report: Report) -> Scale:
    """See load, replicas and nodes of an environment, and what waits for a node."""
    with closing(follow_scale(system, on, report, 0)) as looks:
        return next(looks)


def follow_scale(system: System, on: str, report: Report, seconds: float) -> Generator[Scale]:
    """See the same again and again, so many seconds apart, without end."""
    name, environment = system.environment(on)
    with closing(open_world(environment, report)) as world:
        while True:
            seen = observe_scale(system, name, environment, world)
            yield scale_of(system, seen, unplaced(system, world), making.full())
            world.pause(seconds)


def edge(system: System, on: str, report: Report) -> EdgeStatus:
    """See what the edge shows to visitors, and when that ends. Raises NotFound where there is no cluster."""
    _, environment = system.environment(on)
    with closing(open_world(environment, report)) as world:
        seen = look_at_edge(world.kube, system.system, environment.domain, environment.ports.https)
        return edge_of(environment, seen, datetime.now(UTC))


def probe(system: System, on: str, wish: Wish, report: Report) -> Capacity:
    """Load a pod of a service until it no longer bears it, and keep what was found; raises as measure."""
    _, environment = system.environment(on)
    wish = checked(system, environment, wish)
    with closing(open_world(environment, report)) as world:
        return measure(system, environment, wish, world, LocalLoads(engine.ensure(report)))


def foresee(system: System, on: str, asked: Asked, prices: Mapping[str, float], report: Report) -> Forecast:
    """Say which pods and nodes a load would take; `prices` are those of sizes that differ from ours."""
    with looking(system, on, report, observe_room) as (seen, _):
        return forecast(system, system.environment(on)[1].nodes, seen, priced(node.offers(), prices), asked)


def authority() -> tuple[str, str]:
    """Give the local authority's certificate: where it lies, and its PEM."""
    certificates = LocalCertificates()
    return certificates.authority_path(), certificates.authority_pem()


def clusters() -> LocalClusters:
    return LocalClusters()


def local_cluster(system: System, on: str) -> ClusterFacts | None:
    """See the cluster of an environment, if it is there."""
    _, environment = system.environment(on)
    return LocalClusters().find(name_of(environment.cluster))


def build_engine(report: Report, archive: Path | None) -> dict[str, str]:
    """Build the engine where it is not there yet, and pack it for other machines where that is asked for."""
    built = engine.ensure(report)
    document = {"engine": str(built.folder)}
    if archive:
        document |= {"archive": str(archive), "sha256": engine.pack(built, archive)}
    return document


def _order(
    system: System, world: World, wanted: tuple[CrossingView, ...], verb: Verb, weight: int = 0
) -> None:
    by = somebody()
    steps = [Order(system.system, view.name, command(verb, by, weight)) for view in wanted]
    apply(Plan.ordered(steps), world)
