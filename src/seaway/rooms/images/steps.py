"""The steps that make images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from seaway.errors import Refused
from seaway.model.event import Report
from seaway.model.names import ImageRef
from seaway.model.plan import Change, Outputs, Verb
from seaway.ports.registry import Registry
from seaway.rooms.images.build import push
from seaway.rooms.images.dockerfile import Context
from seaway.rooms.images.engines import engine
from seaway.rooms.images.make import make
from seaway.rooms.images.platform import Platform
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.store import Store


class Builders(Protocol):
    """What making an image needs of the world."""

    registry: Registry
    report: Report


@dataclass(frozen=True)
class BuildService:
    """Build the image of one service and push it; the output `images/SERVICE` is its name by digest."""

    recipe: Recipe
    ref: ImageRef
    after: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"images/{self.recipe.service}/build"

    def describe(self) -> Change:
        project = self.recipe.project
        if isinstance(project, Context):
            how = f"by {engine()} from {project.file.name}"
            return Change(self.id, Verb.BUILD, f"image of {self.recipe.service}", (str(self.ref), how))
        file = project.requirements
        details = [f"{self.ref}", f"dependencies from {file.name}" if file else "no dependencies declared"]
        if project.unpinned:
            details.append("requirements.txt has no hashes: another day may bring other files")
        return Change(self.id, Verb.BUILD, f"image of {self.recipe.service}", tuple(details))

    def run(self, world: Builders) -> Outputs:
        store = Store()
        there = world.registry.resolve(self.ref)
        if there:
            image = self.ref.at(there)
        else:
            image = make(self.recipe, world.registry, store, world.report, self.id)
            store.trim()
        return {f"images/{self.recipe.service}": str(image)}


@dataclass(frozen=True)
class NeedsPromotion:
    """Stand where an image would be built, in an `environment` whose images come by promotion only."""

    service: str
    ref: ImageRef
    environment: str
    after: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"images/{self.service}/build"

    @property
    def command(self) -> str:
        return f"seaway image promote {self.service} --to {self.environment}"

    def describe(self) -> Change:
        details = (str(self.ref), f"it comes by promotion: {self.command}")
        return Change(self.id, Verb.WAIT, f"image of {self.service}", details)

    def run(self, world: Builders) -> Outputs:
        digest = world.registry.resolve(self.ref)
        if not digest:
            raise Refused(
                f"the image of {self.service} was not promoted to {self.environment}", where=str(self.ref),
                why="images of this environment come by promotion and are never built for it",
                remedy=self.command,
            )  # fmt: skip
        return {f"images/{self.service}": str(self.ref.at(digest))}


@dataclass(frozen=True)
class BuildPlatform:
    """Build one of the platform's own images and push it; the output is `images/NAME`, by digest."""

    image: Platform
    ref: ImageRef
    after: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"images/{self.image.name}/build"

    def describe(self) -> Change:
        return Change(self.id, Verb.BUILD, f"image of {self.image.name}", (str(self.ref),))

    def run(self, world: Builders) -> Outputs:
        store = Store()
        digest = world.registry.resolve(self.ref)
        if not digest:
            layers, settings = self.image.make(store, world.report, self.id)
            digest = push(world.registry, self.ref, layers, settings, store)
        return {f"images/{self.image.name}": str(self.ref.at(digest))}
