"""The way back: of crossings to the monolith, of a service to an earlier release."""

from __future__ import annotations

from seaway.flow.apply import apply
from seaway.flow.plan import crossing_place
from seaway.flow.promoted import forgotten
from seaway.flow.releases import releases_in
from seaway.flow.rollouts import plan_undo, releases_before, rollout, take_back
from seaway.flow.status import crossings_of
from seaway.flow.system import System
from seaway.model.plan import Plan
from seaway.model.snapshot import Snapshot
from seaway.ports.world import World
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.crossing.decide import decide_back, decide_back_all, may_go_back
from seaway.rooms.crossing.orders import TakeBack, command
from seaway.rooms.crossing.state import Verb
from seaway.rooms.crossing.views import CrossingView
from seaway.rooms.services.history import Release, Wanted, short


def go_back(
    system: System,
    environment: EnvironmentSpec,
    seen: Snapshot,
    world: World,
    name: str,
    *,
    by: str,
    with_dependents: bool,
) -> tuple[CrossingView, ...]:
    """Take a crossing back, and those that come after it where that is asked for; without a name all of them.

    A release that lies over one goes back before it. The pilot is not needed for it.
    """
    found = crossings_of(system, seen)
    wanted: tuple[CrossingView, ...] = ()
    if name not in releases_in(seen.live):
        back_to = decide_back(found, name, with_dependents=with_dependents) if name else None
        wanted = decide_back_all(found) if back_to is None else back_to
    first = releases_before(seen, [name, *(view.name for view in wanted)])
    place = crossing_place(system, environment)
    for view in first:
        apply(Plan.ordered([take_back(system, seen, view.name, by)]), world)
    for view in wanted:
        spec, last = system.crossings[view.name], view is wanted[-1]
        step = TakeBack(place, view.name, spec, command(Verb.BACK, by), hear=last)
        apply(Plan.ordered([step]), world)
    return (*first, *wanted)


def undo_release(
    system: System, seen: Snapshot, world: World, name: str, to: Wanted, *, by: str, force: bool
) -> tuple[str, str]:
    """Take a service back to an earlier release, or the one before (`to` 0); gives both digests.

    A release that crosses goes back at once. The registry is asked only for a digest that the cluster forgot.
    Raises as plan_undo and forgotten do.
    """
    known = rollout(system, seen, name)
    now = known.current.digest if known.current else ""
    if known.crossing and known.beside and not to:
        if not may_go_back(known.crossing):
            return now, now
        apply(Plan.ordered([take_back(system, seen, known.crossing.name, by)]), world)
        return short(known.beside.image), now
    before: tuple[Release, ...] = ()
    if isinstance(to, str) and not any(release.fits(to) for release in known.releases):
        before = forgotten(system, seen, world, name, to)
    todo, target = plan_undo(system, seen, name, to, before, force=force)
    apply(todo, world)
    return now, target.digest
