"""Which images must be made: those that the registry does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seaway.model.names import ImageRef
from seaway.model.plan import Step
from seaway.rooms.images.facts import ImageFacts
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.steps import BuildService


def plan(
    wanted: Mapping[ImageRef, Recipe], facts: ImageFacts, after: Iterable[str] = ()
) -> tuple[tuple[Step[Any], ...], dict[str, str]]:
    """Turn recipes into steps for what is missing, and outputs (`images/SERVICE`) for what is there."""
    steps: list[Step[Any]] = []
    known: dict[str, str] = {}
    for ref, recipe in wanted.items():
        if image := facts.found(ref):
            known[f"images/{recipe.service}"] = str(image)
        else:
            steps.append(BuildService(recipe, ref, tuple(after)))
    return tuple(steps), known
