"""Which images must be made: those that the registry does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seaway.model.names import ImageRef
from seaway.rooms.images.facts import ImageFacts
from seaway.rooms.images.platform import Platform
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.steps import BuildPlatform, BuildService, NeedsPromotion

BuildStep = BuildService | BuildPlatform | NeedsPromotion


def plan(
    wanted: Mapping[ImageRef, Recipe | Platform],
    facts: ImageFacts,
    after: Iterable[str] = (),
    promoted: str = "",
) -> tuple[tuple[BuildStep, ...], dict[str, str]]:
    """Turn recipes into steps for what is missing, and outputs (`images/NAME`) for what is there.

    `promoted` is the environment where the services' images come by promotion, none are built for it.
    """
    steps: list[BuildStep] = []
    known: dict[str, str] = {}
    for ref, image in wanted.items():
        name = image.service if isinstance(image, Recipe) else image.name
        if there := facts.found(ref):
            known[f"images/{name}"] = str(there)
        elif isinstance(image, Recipe) and promoted and image.given is None:
            steps.append(NeedsPromotion(name, ref, promoted, tuple(after)))
        elif isinstance(image, Recipe):
            steps.append(BuildService(image, ref, tuple(after)))
        else:
            steps.append(BuildPlatform(image, ref, tuple(after)))
    return tuple(steps), known
