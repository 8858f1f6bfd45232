"""Load, replicas and nodes: as they are, measured, and foreseen."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing

from seaway.app.world import looking, open_world
from seaway.errors import Refused
from seaway.flow.capacity import Wish, checked, measure
from seaway.flow.forecast import Asked, Forecast, forecast, priced
from seaway.flow.observe import observe_room, observe_scale, unplaced
from seaway.flow.scale import Scale, scale_of
from seaway.flow.system import System
from seaway.model.event import Report
from seaway.providers.local import engine, making, node
from seaway.providers.local.loads import LocalLoads
from seaway.rooms.services.capacity import Capacity


def scaled(system: System, on: str, report: Report) -> Scale:
    """See load, replicas and nodes of an environment, and what waits for a node."""
    with closing(follow_scale(system, on, report, 0)) as looks:
        return next(looks)


def follow_scale(system: System, on: str, report: Report, seconds: float) -> Generator[Scale]:
    """See the same again and again, so many seconds apart, without end."""
    name, environment = system.environment(on)
    with closing(open_world(system, environment, report)) as world:
        while True:
            seen = observe_scale(system, name, environment, world)
            full = making.full() if environment.here else ""
            yield scale_of(system, environment, seen, unplaced(system, world), full)
            world.pause(seconds)


def probe(system: System, on: str, wish: Wish, report: Report) -> Capacity:
    """Load a pod of a service until it no longer bears it, and keep what was found; raises as measure."""
    _, environment = system.environment(on)
    wish = checked(system, environment, wish)
    with closing(open_world(system, environment, report)) as world:
        return measure(system, environment, wish, world, LocalLoads(engine.ensure(report)))


def foresee(system: System, on: str, asked: Asked, prices: Mapping[str, float], report: Report) -> Forecast:
    """Say which pods and nodes a load would take; `prices` are those of sizes that differ from ours.

    Raises Refused for an environment elsewhere than on this machine.
    """
    if not (environment := system.environment(on)[1]).here:
        raise Refused(
            f"what nodes give and cost is not known here on: {environment.on}",
            remedy="ask for an environment on: local, with --on and --price",
        )
    with looking(system, on, report, observe_room) as (seen, _):
        return forecast(system, system.environment(on)[1].nodes, seen, priced(node.offers(), prices), asked)
