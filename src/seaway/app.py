"""The composition root: the only file that joins rooms with a provider. Doors call it; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from seaway.errors import NotFound, Refused
from seaway.flow import images as pictures
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
    observe_rollouts,
    observe_room,
    observe_scale,
    unplaced,
)
from seaway.flow.plan import make_plan
from seaway.flow.prune import prune as prune_images
from seaway.flow.releases import releases_in
from seaway.flow.rollouts import Rollout, ran, rollout, rollouts
from seaway.flow.scale import Scale, scale_of
from seaway.flow.status import Status, crossings_of, ready_pods, status_of
from seaway.flow.system import System
from seaway.kit.kube import Kube
from seaway.kit.lock import locked
from seaway.kit.machine import somebody
from seaway.model.cluster import ClusterFacts
from seaway.model.event import Event, Outcome, Report, notes
from seaway.model.names import ImageRef, Weight
from seaway.model.plan import Plan
from seaway.model.snapshot import Snapshot
from seaway.ports.world import World
from seaway.providers.local import engine, home, machine, making, node
from seaway.providers.local.ca import LocalCertificates
from seaway.providers.local.charts import LocalCharts
from seaway.providers.local.clusters import LocalClusters, need_root
from seaway.providers.local.loads import LocalLoads
from seaway.providers.local.registry import HOST, LocalRegistry
from seaway.rooms.cluster.plan import READY, name_of
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.crossing.decide import decide_move, fitting
from seaway.rooms.crossing.orders import Order, command, read_differences, read_history
from seaway.rooms.crossing.state import Entry, Verb
from seaway.rooms.crossing.views import CrossingView
from seaway.rooms.edge.certificates import look_at_edge
from seaway.rooms.images.facts import image_facts
from seaway.rooms.images.keys import PrivateKey
from seaway.rooms.images.plan import BuildStep
from seaway.rooms.images.plan import plan as plan_images
from seaway.rooms.images.platform import Gateway
from seaway.rooms.images.promote import Promoted, Rules
from seaway.rooms.images.promote import promote as promote_images
from seaway.rooms.images.prune import Stored, freed
from seaway.rooms.services.capacity import Capacity

Look = Callable[[System, str, World], Snapshot]


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


def open_world(environment: EnvironmentSpec, report: Report) -> World:
    """Choose the provider. Raises Refused for an environment that this version cannot run."""
    if environment.on != "local":
        raise Refused(
            f"this version cannot run an environment on: {environment.on}",
            why="it rehearses on this machine; EKS and other clusters come with a later version",
            remedy="choose a local environment: seaway up --on NAME",
        )
    found = LocalClusters()
    name = name_of(environment.cluster)

    def connect() -> Kube:
        return Kube.from_kubeconfig(found.kubeconfig(name), f"seaway-{name}")

    return World(
        found,
        LocalRegistry(environment.registry or HOST),
        LocalCertificates(),
        LocalCharts(report),
        connect,
        report,
        {"by": somebody()},
    )


def registry_of(environment: EnvironmentSpec) -> str:
    """Name the registry that an environment pulls from, `host[:port][/folder]`. Raises Refused."""
    if found := environment.registry or (HOST if environment.on == "local" else ""):
        return found
    raise Refused(
        f"this version does not find the registry of an environment on: {environment.on} by itself",
        remedy="name it: registry: HOST/FOLDER in the environment",
    )


def image_names(system: System, on: str, services: Sequence[str] = ()) -> dict[str, ImageRef]:
    """Name the images of what the services' folders hold now, in the environment's registry."""
    _, environment = system.environment(on)
    return pictures.image_names(system, registry_of(environment), services)


def promote(
    system: System,
    before: str,
    after: str,
    services: Sequence[str],
    report: Report,
    *,
    key: PrivateKey | None = None,
) -> dict[str, Promoted]:
    """Copy images from one environment's registry to another's once their gates pass: all of them, or none.

    Raises UsageError where the file does not say how images come there, Refused where a gate does not hold.
    """
    spec = pictures.promotion_to(system, after)
    before = before or spec.after
    source, target = ((each, registry_of(system.environment(each)[1])) for each in (before, after))
    times: dict[str, float] = {}
    if spec.ran:
        with suppress(NotFound), _looking(system, before, report, observe_rollouts) as (seen, _):
            times = ran(system, seen)
    wanted = pictures.moves(system, source, target, services, by=somebody(), ran=times)
    return promote_images(wanted, Rules.of(spec, system.folder), report, key)


def prune(system: System, on: str, keep: int, report: Report, *, dry: bool) -> tuple[list[Stored], int]:
    """Take the images out of a registry that nobody needs; gives all that were seen, and the bytes freed."""
    _, environment = system.environment(on)
    with nullcontext() if dry else _alone(system, on, report):
        with closing(open_world(environment, report)) as world:
            found = prune_images(system, world, keep, dry=dry)
        own = world.registry.place.partition("/")[0] == HOST
        return found, machine.clean(engine.ensure(report)) if own and not dry else freed(found)


def survey(system: System, on: str, report: Report) -> Survey:
    """Look at an environment; nothing is changed."""
    name, environment = system.environment(on)
    world = open_world(environment, report)
    with closing(world), ThreadPoolExecutor(1) as pool:
        found = pool.submit(_images, system, world, name if name in system.promotions else "")
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
    with _alone(system, on, report):
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
    with _alone(system, on, report):
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
    """See one environment."""
    now = survey(system, on, report)
    return status_of(system, now.environment, now.seen, now.world.certificates.authority_path())


def crossings(system: System, on: str, report: Report) -> tuple[CrossingView, ...]:
    """See every crossing of an environment."""
    with _looking(system, on, report) as (seen, _):
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
    with _looking(system, on, report) as (seen, world):
        known = crossings_of(system, seen) | (releases_in(seen.live) if names else {})
        wanted = fitting(known, verb, names)
        _order(system, world, wanted, verb)
        return wanted


def move(system: System, on: str, name: str, weight: Weight, report: Report) -> tuple[CrossingView, ...]:
    """Move a crossing to a weight; gives what it was, or nothing where it was there already."""
    with _looking(system, on, report) as (seen, world):
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
    with _looking(system, on, report) as (seen, world):
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
    with _looking(system, on, report, observe_rollouts) as (seen, _):
        return (rollout(system, seen, name),) if name else tuple(rollouts(system, seen).values())


def undo(system: System, on: str, name: str, to: int, report: Report, *, force: bool) -> tuple[str, str]:
    """Take a service back to an earlier release, or the one before; gives both digests.

    A release that crosses goes back at once, with the pilot or without it.
    Raises NotFound where there is none, Refused where the data may no longer fit it, unless `force`.
    """
    with _looking(system, on, report, observe_rollouts) as (seen, world):
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
    with _looking(system, on, report, observe_room) as (seen, _):
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


@contextmanager
def _looking(
    system: System, on: str, report: Report, look: Look = observe_crossings
) -> Iterator[tuple[Snapshot, World]]:
    name, environment = system.environment(on)
    with closing(open_world(environment, report)) as world:
        yield look(system, name, world), world


def _order(
    system: System, world: World, wanted: tuple[CrossingView, ...], verb: Verb, weight: int = 0
) -> None:
    by = somebody()
    steps = [Order(system.system, view.name, command(verb, by, weight)) for view in wanted]
    apply(Plan.ordered(steps), world)


def _images(system: System, world: World, promoted: str) -> tuple[tuple[BuildStep, ...], dict[str, str]]:
    """See which images the registry has, and what must be built, or else promoted."""
    built, place = engine.expected(), world.registry.place
    wanted = pictures.wanted(system, place, Gateway(built.program("envoy-gateway"), built.folder.name))
    facts = image_facts(world.registry if machine.supervised() else None, wanted)
    return plan_images(wanted, facts, READY, promoted)


@contextmanager
def _alone(system: System, on: str, report: Report) -> Iterator[None]:
    """One `up` or `down` of an environment at a time: the second waits for the first."""
    _, environment = system.environment(on)
    if environment.on == "local":
        need_root()  # the lock is root's too
    name = name_of(environment.cluster)
    with locked(home.RUN / "locks" / f"up-{name}.lock", "another seaway up or down", notes(report, "lock")):
        yield
