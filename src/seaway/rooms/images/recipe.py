"""What an image of a service is made from, and its identity, which is known before anything is built."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from seaway.errors import UsageError
from seaway.kit import oci
from seaway.model.names import ImageRef
from seaway.rooms.images import base, dependencies, dockerfile, pull
from seaway.rooms.images.project import Project
from seaway.rooms.images.spec import ImagesSpec
from seaway.rooms.images.store import key

#: Part of every key: raise it when the way an image is put together changes.
RECIPE = 3
HOME = "app/src"


@dataclass(frozen=True)
class Recipe:
    """One service's image. `folder` is its source; `top` the folder of seaway.yaml.

    `given` is the project where it is not simply what lies in the folder; `dockerfile` names the one that the
    file asks for.
    """

    system: str
    service: str
    folder: Path
    top: Path
    run: str
    port: int
    images: ImagesSpec = field(default_factory=ImagesSpec)
    given: Project | None = None
    dockerfile: str = ""
    secrets: tuple[str, ...] = ()

    @property
    def project(self) -> Project:
        if self.given:
            return self.given
        project = Project.open(self.folder, self.top)
        found = dockerfile.find(self.folder, self.top, self.dockerfile, self.secrets)
        if self.secrets and not found:
            raise UsageError(
                f"service {self.service} has build.secrets and no Dockerfile",
                where=f"services.{self.service}.build.secrets", why="only steps of a Dockerfile mount them",
                remedy="leave them away; uv finds the passwords of your index in its variables or ~/.netrc",
            )  # fmt: skip
        return found or project

    @property
    def command(self) -> tuple[str, ...]:
        """The words of `run`; no shell reads them. Raises UsageError."""
        try:
            words = tuple(shlex.split(self.run))
        except ValueError as error:
            raise UsageError(
                f"the command of service {self.service} cannot be read", where=f"services.{self.service}.run",
                why=str(error), remedy="close the quotation marks",
            ) from error  # fmt: skip
        if not words:
            where = f"services.{self.service}.run"
            raise UsageError(f"service {self.service} has no command", where=where)
        return words

    @property
    def platforms(self) -> tuple[str, ...]:
        """The architectures that the image is for, in a fixed order."""
        return tuple(sorted(set(self.images.platforms))) or (oci.architecture(),)

    def base_key(self, arch: str) -> str:
        if isinstance(self.project, dockerfile.Context):
            return f"dockerfile {self.dockerfile}"
        if self.images.base == "debian":
            return base.base_key(self.images.packages, arch)
        return pull.base_key(self.images.base, arch)

    def ref(self, registry: str) -> ImageRef:
        """Where the image lies in `registry`, `host[:port][/folder]`, by the hash of all that goes in."""
        return ImageRef.within(registry, f"{self.system}/{self.service}", f"src-{source_key(self)[:32]}")


def labels(recipe: Recipe, base: str) -> dict[str, str]:
    """What every image says of itself (OCI image spec, annotations.md)."""
    return {
        "org.opencontainers.image.title": recipe.service,
        "org.opencontainers.image.ref.name": f"{recipe.system}/{recipe.service}",
        "org.opencontainers.image.revision": source_key(recipe)[:32],
        "org.opencontainers.image.base.name": base,
    }


def source_key(recipe: Recipe) -> str:
    """Hash all that goes in: files, lock, base, command, and the way they are put together."""
    project = recipe.project
    files = []
    for path in project.files():
        name = path.relative_to(project.folder).as_posix()
        if path.is_symlink():
            files.append((name, "link", str(path.readlink())))
        else:
            with path.open("rb") as data:
                sum_ = hashlib.file_digest(data, "sha256").hexdigest()
            files.append((name, "run" if path.stat().st_mode & 0o111 else "", sum_))
    bases = (part for arch in recipe.platforms for part in (recipe.base_key(arch), arch))
    made_with = (RECIPE, dependencies.RECIPE, *bases)
    named = (recipe.system, recipe.service, recipe.command, recipe.port)
    return key(made_with, named, dependencies.pinned_text(project), files)
