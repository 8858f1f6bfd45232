"""Images of an environment: which there are, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress

from seaway.app.keys import witness
from seaway.app.registry import registry_of
from seaway.app.world import alone, looking, open_world
from seaway.errors import NotFound, Refused
from seaway.flow import images as pictures
from seaway.flow.observe import observe_rollouts
from seaway.flow.prune import prune as prune_images
from seaway.flow.rollouts import ran
from seaway.flow.system import System
from seaway.kit.machine import somebody
from seaway.model.event import Report
from seaway.model.names import ImageRef
from seaway.ports.world import World
from seaway.providers.local import engine, machine
from seaway.providers.local.access import HOST
from seaway.rooms.cluster.plan import READY
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.images.facts import image_facts
from seaway.rooms.images.keyless import Author
from seaway.rooms.images.plan import BuildStep
from seaway.rooms.images.plan import plan as plan_images
from seaway.rooms.images.platform import Gateway
from seaway.rooms.images.promote import Promoted, Rules
from seaway.rooms.images.promote import promote as promote_images
from seaway.rooms.images.prune import Stored, freed


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
    key: Author | None = None,
) -> dict[str, Promoted]:
    """Copy images from one environment's registry to another's once their gates pass: all of them, or none.

    Raises UsageError where the file does not say how images come there, Refused where a gate does not hold.
    """
    spec = pictures.promotion_to(system, after)
    before = before or spec.after
    source, target = ((each, registry_of(system.environment(each)[1])) for each in (before, after))
    times: dict[str, float] = {}
    if spec.ran:
        with suppress(NotFound), looking(system, before, report, observe_rollouts) as (seen, _):
            times = ran(system, seen)
    wanted = pictures.moves(system, source, target, services, by=somebody(), ran=times)
    return promote_images(wanted, Rules.of(spec, lambda one: witness(one, system.folder)), report, key)


def prune(system: System, on: str, keep: int, report: Report, *, dry: bool) -> tuple[list[Stored], int]:
    """Take the images out of a registry that nobody needs; gives all that were seen, and the bytes freed."""
    _, environment = system.environment(on)
    if not environment.here:
        raise Refused(
            f"images of an environment on: {environment.on} are not removed by Seaway",
            why="it does not see everything that may run them",
            remedy="let the registry's own rules do it; ECR keeps the newest of each repository",
        )
    with nullcontext() if dry else alone(system, on, report):
        with closing(open_world(system, environment, report)) as world:
            found = prune_images(system, world, keep, dry=dry)
        own = world.registry.place.partition("/")[0] == HOST
        return found, machine.clean(engine.ensure(report)) if own and not dry else freed(found)


def missing_images(
    system: System, environment: EnvironmentSpec, world: World, promoted: str
) -> tuple[tuple[BuildStep, ...], dict[str, str]]:
    """See which images the registry has, and what must be built, or else promoted."""
    built, place = engine.expected(), world.registry.place
    gateway = Gateway(built.program("envoy-gateway"), built.folder.name)
    wanted = pictures.wanted(system, environment, place, gateway)
    answers = place.partition("/")[0] != HOST or machine.supervised()
    facts = image_facts(world.registry if answers else None, wanted)
    return plan_images(wanted, facts, READY, promoted)
