"""What the images of a system's services are made from."""

from __future__ import annotations

from seaway.flow.system import System
from seaway.rooms.images.recipe import Recipe


def recipes(system: System) -> dict[str, Recipe]:
    """Say for each service what its image is made from."""
    top = system.folder.resolve()
    return {
        name: Recipe(
            system.system, name, (top / spec.source).resolve(), top, spec.run, spec.port, system.images
        )
        for name, spec in system.services.items()
    }
