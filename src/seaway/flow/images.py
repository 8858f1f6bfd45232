"""What the images of a system's services are made from, and where they lie."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from seaway.errors import Refused, UsageError
from seaway.flow.system import System
from seaway.kit.near import unknown
from seaway.model.names import ImageRef
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.images.base import SHARED
from seaway.rooms.images.pilot import pilot_recipe
from seaway.rooms.images.platform import Envoy, Gateway, Platform, Postgres, platform_ref
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.spec import PromotionSpec

if TYPE_CHECKING:
    from seaway.rooms.images.promote import Move


def recipes(system: System, wanted: Collection[str] = ()) -> dict[str, Recipe]:
    """Say for each service, or those that are wanted, what its image is made from. Raises UsageError."""
    top, services = system.folder.resolve(), system.services
    for name in wanted:
        if name not in services:
            raise unknown(f"there is no service {name!r} in the file", name, services, "seaway image list")
    return {
        name: Recipe(
            system.system,
            name,
            (top / spec.source).resolve(),
            top,
            spec.run,
            spec.port,
            system.images,
            dockerfile=spec.build.dockerfile,
            secrets=spec.build.secrets,
        )
        for name, spec in services.items()
        if not wanted or name in wanted
    }


def wanted(
    system: System, environment: EnvironmentSpec, registry: str, gateway: Gateway
) -> dict[ImageRef, Recipe | Platform]:
    """Name every image that an environment of the system runs, and say what it is made from."""
    platform: list[Platform] = [Envoy(), gateway, *([Postgres()] if system.databases else [])]
    made = [*recipes(system).values(), *([pilot_recipe()] if system.piloted(environment) else ())]
    found: dict[ImageRef, Recipe | Platform] = {platform_ref(image, registry): image for image in platform}
    return found | {recipe.ref(registry): recipe for recipe in made}


def repositories(system: System, environment: EnvironmentSpec) -> tuple[str, ...]:
    """Name the repositories that the images of an environment need, within its registry."""
    own = ["envoy", "envoy-gateway", *(["postgres"] if system.databases else [])]
    made = [*recipes(system).values(), *([pilot_recipe()] if system.piloted(environment) else ())]
    names = {f"{recipe.system}/{recipe.service}" for recipe in made} | {f"seaway/{name}" for name in own}
    return tuple(sorted({SHARED, *names}))


def image_names(system: System, registry: str, wanted: Collection[str] = ()) -> dict[str, ImageRef]:
    """Name the images of what the services' folders hold now, in a registry (`host[:port][/folder]`)."""
    return {name: recipe.ref(registry) for name, recipe in recipes(system, wanted).items()}


def moves(
    system: System,
    source: tuple[str, str],
    target: tuple[str, str],
    wanted: Collection[str],
    *,
    by: str,
    ran: Mapping[str, float],
) -> dict[str, tuple[ImageRef, Move]]:
    """Say for each service what moves where: both sides are an environment and its registry.

    `ran` tells for how many seconds images ran in the environment before, by digest.
    """
    from seaway.rooms.images.promote import Move  # noqa: PLC0415  (cryptography: few commands need it)

    (before, left), (after, right) = source, target
    remedy, found = "see that this machine reaches both registries", dict[str, tuple[ImageRef, Move]]()
    for name, image in image_names(system, left, wanted).items():
        shelves = Shelf.of(image, remedy), Shelf.of(placed(image, right, left), remedy)
        found[name] = (image, Move(*shelves, before, after, by, ran, system.services[name].migrations))
    return found


def placed(image: ImageRef, registry: str, before: str) -> ImageRef:
    """Name an image as it is called in another registry than the one `before`; neither is asked."""
    _, _, left = before.partition("/")
    return ImageRef.within(registry, image.repository.removeprefix(f"{left}/"), image.tag)


def promotion_to(system: System, environment: str) -> PromotionSpec:
    """Find how images come into an environment, where it says. Raises UsageError where it does not."""
    system.environment(environment)
    spec = system.promotions.get(environment)
    if spec is None:
        raise UsageError(
            f"images do not come to {environment} by promotion", where="promotions",
            why="an environment without promotions builds its own images",
            remedy=f"say in the file: promotions: {{{environment}: {{signed: [release.pub]}}}}",
        )  # fmt: skip
    first = next(iter(system.environments))
    return spec if spec.after else spec.model_copy(update={"after": first})


def builds_its_own(system: System, environment: str) -> None:
    """Hold that an environment makes images itself. Raises Refused for one to which they are promoted."""
    if environment in system.promotions:
        raise Refused(
            f"nothing is built for {environment}",
            where="promotions",
            why="its images come to it by promotion, as they were tested",
            remedy=f"seaway image promote --to {environment}",
        )
