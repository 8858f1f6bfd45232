"""The crossings of an environment: seen, steered, taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from seaway.app.arrival import arrival
from seaway.app.world import looking, open_world
from seaway.flow.apply import apply
from seaway.flow.arrival import must_have_arrived
from seaway.flow.back import go_back
from seaway.flow.observe import observe_crossings
from seaway.flow.releases import releases_in
from seaway.flow.status import crossings_of, ready_pods
from seaway.flow.system import System
from seaway.kit.machine import somebody
from seaway.model.event import Report
from seaway.model.names import Weight
from seaway.model.plan import Plan
from seaway.ports.world import World
from seaway.rooms.crossing.decide import decide_move, fitting
from seaway.rooms.crossing.orders import Order, command, read_differences, read_history
from seaway.rooms.crossing.state import Entry, Verb
from seaway.rooms.crossing.views import CrossingView


def crossings(system: System, on: str, report: Report) -> tuple[CrossingView, ...]:
    """See every crossing of an environment."""
    with looking(system, on, report) as (seen, _):
        return tuple(crossings_of(system, seen).values())


def follow(system: System, on: str, report: Report, seconds: float) -> Iterator[tuple[CrossingView, ...]]:
    """See every crossing again and again, so many seconds apart, without end."""
    name, environment = system.environment(on)
    with closing(open_world(system, environment, report)) as world:
        while True:
            yield tuple(crossings_of(system, observe_crossings(system, name, world)).values())
            world.pause(seconds)


def ask(
    system: System, on: str, verb: Verb, names: Sequence[str], report: Report, *, anyway: bool = False
) -> tuple[CrossingView, ...]:
    """Ask the pilot to start, hold or resume crossings, or all that this fits; gives what they were.

    Raises Refused for what goes on before the public name leads here, unless it shall `anyway`.
    """
    with looking(system, on, report) as (seen, world):
        known = crossings_of(system, seen) | (releases_in(seen.live) if names else {})
        wanted = fitting(known, verb, names)
        if wanted and verb is not Verb.HOLD and not anyway:
            must_have_arrived(arrival(system, system.environment(on)[1], world)(), report)
        _order(system, world, wanted, verb)
        return wanted


def move(
    system: System, on: str, name: str, weight: Weight, report: Report, *, anyway: bool = False
) -> tuple[CrossingView, ...]:
    """Move a crossing to a weight; gives what it was, or nothing where it was there already.

    Raises Refused for a step forward before the public name leads here, unless it shall go `anyway`.
    """
    with looking(system, on, report) as (seen, world):
        known = crossings_of(system, seen) | releases_in(seen.live)
        wanted = decide_move(known, name, weight, ready_pods(system, seen))
        if any(view.weight.percent < weight.percent for view in wanted) and not anyway:
            must_have_arrived(arrival(system, system.environment(on)[1], world)(), report)
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
    with closing(open_world(system, environment, report)) as world:
        return read_history(world.kube, system.system, name, system.crossings)


def differences(system: System, on: str, name: str, report: Report) -> dict[str, Any]:
    """Read what the comparison of a crossing's sides found.

    Raises NotFound where none was made, UsageError for an unknown name.
    """
    _, environment = system.environment(on)
    with closing(open_world(system, environment, report)) as world:
        return read_differences(world.kube, system.system, name, system.crossings)


def _order(
    system: System, world: World, wanted: tuple[CrossingView, ...], verb: Verb, weight: int = 0
) -> None:
    by = somebody()
    steps = [Order(system.system, view.name, command(verb, by, weight)) for view in wanted]
    apply(Plan.ordered(steps), world)
