"""One environment as a whole: looked at, brought to its file, removed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from seaway.app.arrival import arrival
from seaway.app.away import leave_away, removals_of, template_of
from seaway.app.images import missing_images
from seaway.app.world import alone, open_world
from seaway.app.zone import zone_key
from seaway.flow.apply import apply
from seaway.flow.away import refuse_what_cannot_be
from seaway.flow.edge import EdgeStatus, edge_of
from seaway.flow.leave import leave
from seaway.flow.observe import neighbours, observe, observe_pods
from seaway.flow.plan import make_plan
from seaway.flow.status import Status, status_of, unsettled
from seaway.flow.system import System
from seaway.model.bill import Bill
from seaway.model.cluster import ClusterFacts
from seaway.model.event import Event, Outcome, Report, silent
from seaway.model.plan import Plan
from seaway.model.snapshot import RecordFacts, Snapshot
from seaway.ports.world import World
from seaway.providers.local.clusters import LocalClusters
from seaway.rooms.acme.facts import look_at_acme
from seaway.rooms.cluster.plan import name_of
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.edge.certificates import LOOPBACK, look_at_edge
from seaway.rooms.edge.certmanager import look_at_managed
from seaway.rooms.images.plan import BuildStep


@dataclass(frozen=True)
class Survey:
    """One look at one environment, and what follows from it.

    `builds` make the images that are missing. `bill` is there where the environment is rented.
    """

    system: System
    environment: EnvironmentSpec
    world: World
    seen: Snapshot
    builds: tuple[BuildStep, ...]
    bill: Bill | None = None

    @cached_property
    def plan(self) -> Plan:
        """Decide what must change. Raises Refused where the file speaks against a release under way."""
        return make_plan(self.system, self.environment, self.seen, self.builds)


def survey(system: System, on: str, report: Report) -> Survey:
    """Look at an environment; nothing is changed."""
    name, environment = system.environment(on)
    refuse_what_cannot_be(system, environment)
    world = open_world(system, environment, report)
    look_at_name, look_at_zone = arrival(system, environment, world), _zone(system, environment, world)
    if not (environment.here or environment.https.later):
        world.certificates.issue(*environment.hosts)  # from files: whether they will do
    with closing(world), ThreadPoolExecutor(5) as pool:
        promoted = name if name in system.promotions else ""
        found = pool.submit(missing_images, system, environment, world, promoted)
        visitors, records = pool.submit(look_at_name), pool.submit(look_at_zone)
        ground = pool.submit(world.ground.look) if world.ground else None
        certificate = pool.submit(world.ground.certificate) if world.ground else None
        seen = observe(system, name, environment, world)
        builds, known = found.result()
        differing, bill, adopted = ground.result() if ground else ((), None, ())
        key = zone_key(system, environment, world.kube if seen.running else None)
    seen = replace(
        seen,
        images=known,
        registry=world.registry.place,
        ground=differing,
        adopted=adopted,
        certificate=certificate.result() if certificate else "",
        name=visitors.result(),
        records=records.result(),
        zone_key=key,
    )
    world.outputs.update(known)
    if seen.cluster:
        world.outputs["cluster/outside"] = seen.cluster.outside
    world.outputs["cluster/certificate"] = seen.certificate
    return Survey(system, environment, world, seen, builds, bill)


def up(system: System, on: str, report: Report, *, keep: bool = False) -> tuple[Plan, ...]:
    """Bring an environment to its file; gives the plans that were carried out.

    A cluster that was stopped is started first and then looked at again. What was made of one in a cloud that
    cannot be made goes again, unless told to `keep` it.
    """
    with alone(system, on, report):
        done: list[Plan] = []
        while True:
            now = survey(system, on, report)
            for note in now.plan.notes:
                report(Event("up", Outcome.NOTE, note))
            if not now.plan:
                return tuple(done)
            now.world.keep = keep
            with closing(now.world):
                apply(now.plan, now.world)
            done.append(now.plan)
            if now.seen.running or now.seen.cluster is None:
                return tuple(done)


def down(system: System, on: str, report: Report, opened: World | None = None) -> None:
    """Remove all that Seaway made for this system, and nothing else.

    The cluster goes too, unless other systems live in it or somebody else keeps it: then only this one's
    namespace goes. Elsewhere public names that were led to the gateway lead where they led before, first of
    all. `opened` is the world of an environment that was looked at before.
    """
    _, environment = system.environment(on)
    name = name_of(environment)
    with alone(system, on, report):
        entered = replace(opened, report=report) if opened else open_world(system, environment, report)
        with closing(entered) as world:
            if not environment.here:
                if environment.dns:
                    from seaway.app.domain import leave_names  # noqa: PLC0415  (dnspython)

                    leave_names(system, environment, world)
                leave_away(system, environment, world)
                return
            found = world.clusters.find(name)
            if found and found.state == "running" and neighbours(system, world):
                mine = {environment.ports.http, environment.ports.https}
                others = {here: to for here, to in found.published.items() if here not in mine}
                udp = tuple(port for port in found.udp if port in others)
                world.clusters.publish(name, others, report, udp)
                apply(leave(system.system, autoscaled=found.autoscaled), world)
                return
        world.clusters.delete(name, report)


def status(system: System, on: str, report: Report) -> Status:
    """See one environment. Pods are looked at only where a workload does not run as asked."""
    name, environment = system.environment(on)
    with closing(open_world(system, environment, report)) as world, ThreadPoolExecutor(1) as pool:
        records = pool.submit(_zone(system, environment, world))
        seen = observe(system, name, environment, world)
        pods = observe_pods(system, unsettled(system, environment, seen), world)
        seen = replace(seen, pods=pods, records=records.result())
        return status_of(system, environment, seen, world.certificates.authority_path())


def _zone(
    system: System, environment: EnvironmentSpec, world: World
) -> Callable[[], tuple[RecordFacts, ...]]:
    """Give what sees what the zone of the public names has; what that takes is loaded here, as by arrival."""
    if environment.dns is None:
        return lambda: ()
    from seaway.app.domain import look_at_names  # noqa: PLC0415  (dnspython)

    return partial(look_at_names, system, environment, world)


def place(system: System, on: str) -> str:
    """Say where an environment is, for whoever is asked about a change; nothing for a rehearsal.

    Raises Refused where the credentials are for another account than the file's, NotFound where its context
    is not there.
    """
    _, environment = system.environment(on)
    return "" if environment.here else open_world(system, environment, silent).place()


def removals(system: System, on: str) -> tuple[list[str], World]:
    """Say what `down` would take from an environment elsewhere, and give that environment, open for it."""
    _, environment = system.environment(on)
    with closing(open_world(system, environment, silent)) as world:
        led = [each for each in _zone(system, environment, world)() if each.returns]
        goes = [f"the way of {each.name} to the gateway: it leads where it led before" for each in led]
        return [*goes, *removals_of(system, environment, world)], world


def export(system: System, on: str) -> dict[str, Any]:
    """Write what an environment has in its account as a CloudFormation template; raises as template_of."""
    _, environment = system.environment(on)
    return template_of(system, environment)


def edge(system: System, on: str, report: Report) -> EdgeStatus:
    """See what the edge shows to visitors, and when that ends. Raises NotFound where there is no cluster."""
    _, environment = system.environment(on)
    with closing(open_world(system, environment, report)) as world:
        host = LOOPBACK if environment.here else ""
        seen = look_at_edge(world.kube, system.system, environment.domain, environment.web.https, host)
        acme, managed = look_at_acme(world.kube, system.system), look_at_managed(world.kube, system.system)
        return edge_of(environment, seen, acme, datetime.now(UTC), managed)


def local_cluster(system: System, on: str) -> ClusterFacts | None:
    """See the cluster of an environment, if it is there."""
    _, environment = system.environment(on)
    return LocalClusters().find(name_of(environment)) if environment.here else None
