"""What the images of a system's services are made from, and where they lie."""

from __future__ import annotations

from collections.abc import Collection

from seaway.errors import UsageError
from seaway.flow.system import System
from seaway.kit.near import unknown
from seaway.model.names import ImageRef
from seaway.rooms.images.pilot import pilot_recipe
from seaway.rooms.images.platform import Envoy, Gateway, Platform, Postgres, platform_ref
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.spec import PromotionSpec


def recipes(system: System, wanted: Collection[str] = ()) -> dict[str, Recipe]:
    """Say for each service, or those that are wanted, what its image is made from. Raises UsageError."""
    top, services = system.folder.resolve(), system.services
    for name in wanted:
        if name not in services:
            raise unknown(f"there is no service {name!r} in the file", name, services, "seaway image list")
    return {
        name: Recipe(
            system.system, name, (top / spec.source).resolve(), top, spec.run, spec.port, system.images
        )
        for name, spec in services.items()
        if not wanted or name in wanted
    }


def wanted(system: System, host: str, gateway: Gateway) -> dict[ImageRef, Recipe | Platform]:
    """Name every image that an environment of the system runs, and say what it is made from."""
    platform: list[Platform] = [Envoy(), gateway, *([Postgres()] if system.databases else [])]
    made = [*recipes(system).values(), *([pilot_recipe()] if system.crossings else ())]
    found: dict[ImageRef, Recipe | Platform] = {platform_ref(image, host): image for image in platform}
    return found | {recipe.ref(host): recipe for recipe in made}


def image_names(system: System, registry: str, wanted: Collection[str] = ()) -> dict[str, ImageRef]:
    """Name the images of what the services' folders hold now, in a registry (`host[:port][/folder]`)."""
    host, _, _ = registry.partition("/")
    found = recipes(system, wanted)
    return {name: placed(recipe.ref(host), registry, host) for name, recipe in found.items()}


def placed(image: ImageRef, registry: str, before: str) -> ImageRef:
    """Name an image as it is called in another registry than the one `before`; neither is asked."""
    _, _, left = before.partition("/")
    host, _, folder = registry.partition("/")
    own = image.repository.removeprefix(f"{left}/")
    return ImageRef(host, f"{folder}/{own}" if folder else own, image.tag)


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
