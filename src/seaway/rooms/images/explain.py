"""What is in each layer of an image, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from seaway.kit import oci
from seaway.rooms.images.base import PACKAGES
from seaway.rooms.images.build import Parts
from seaway.rooms.images.contents import Piece, contents
from seaway.rooms.images.dependencies import SITE, Requirements
from seaway.rooms.images.recipe import HOME, Recipe
from seaway.rooms.images.sbom import pins
from seaway.rooms.images.store import Store

_KINDS = {"deb": "Debian package", "pypi": "Python distribution"}


@dataclass(frozen=True)
class Explained:
    """One layer for a `platform`: its `size` in bytes as it is pushed, where it lies, and what is in it.

    `why` tells what asks for it, `holds` how much is in it and then what, `again` when it is made anew.
    """

    layer: str
    digest: str
    size: int
    where: str
    why: str
    holds: tuple[str, ...]
    again: str
    platform: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def explain(recipe: Recipe, parts: Parts, store: Store) -> tuple[Explained, ...]:
    """Look into the layers of an image, the lowest first."""
    found = [_base(recipe, layer, store) for layer in parts.below]
    if parts.needed and parts.pinned:
        found.append(_dependencies(recipe, parts.needed, parts.pinned, store))
    found.append(_application(recipe, parts.application))
    return tuple(replace(each, platform=f"linux/{parts.base.arch}") for each in found)


def explain_steps(
    recipe: Recipe, layers: Iterable[oci.Layer], store: Store, engine: str
) -> tuple[Explained, ...]:
    """Look into the layers of an image from a Dockerfile, the lowest first."""
    again = f"a file of the folder of {recipe.service} changes that it or a step below reads, or by --refresh"
    below = "the image that it starts from"
    return tuple(
        Explained(f"step {number}", layer.digest, layer.size, "/",
                  f"{layer.comment} (built by {engine})" if layer.comment else below,
                  _told(contents(store, [layer])), again, f"linux/{oci.architecture()}")
        for number, layer in enumerate(layers, 1)
    )  # fmt: skip


def _base(recipe: Recipe, layer: oci.Layer, store: Store) -> Explained:
    images = recipe.images
    if images.base == "debian":
        more = f", and images.packages: {', '.join(images.packages)}" if images.packages else ""
        why = f"what every Python service needs: {', '.join(PACKAGES)}{more}; with all that they depend on"
        again = "images.packages changes, or by --refresh"
    else:
        why, again = f"images.base: {images.base}", "images.base changes, or by --refresh"
    return Explained("base", layer.digest, layer.size, "/", why, _told(contents(store, [layer])), again)


def _dependencies(recipe: Recipe, layer: oci.Layer, pinned: Requirements, store: Store) -> Explained:
    file, known = _named(recipe, pinned.file), pins(pinned.text)
    pieces = contents(store, [layer])
    loose = [each.name for each in pieces if known.get((each.name, each.version)) != "hash"]
    why = f"{file} pins them" + (f"; without a hash: {', '.join(loose)}" if loose else ", each by its hash")
    return Explained(
        "dependencies", layer.digest, layer.size, f"/{SITE}", why, _told(pieces),
        f"what {file} pins changes, or the base",
    )  # fmt: skip


def _application(recipe: Recipe, layer: oci.Layer) -> Explained:
    project = recipe.project
    sizes = {p.relative_to(project.folder).as_posix(): p.lstat().st_size for p in project.files()}
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))
    rules = [_named(recipe, file) for file in project.ignore_files]
    out = " and ".join([*(f"what {rule} names" for rule in rules), "what no image needs"])
    why = f"the folder of {recipe.service}, with byte code and without {out}"
    holds = (
        f"{_count(len(sizes), 'file')}, {sum(sizes.values())} bytes",
        *(f"{n} {sizes[n]}" for n in largest),
    )
    return Explained(
        "application", layer.digest, layer.size, f"/{HOME}", why, holds, "any of these files changes"
    )


def _named(recipe: Recipe, file: Path) -> str:
    return file.relative_to(recipe.top).as_posix() if file.is_relative_to(recipe.top) else str(file)


def _told(pieces: Iterable[Piece]) -> tuple[str, ...]:
    """Say how many there are of each kind, and then which."""
    pieces = list(pieces)
    counts = {kind: sum(each.kind == kind for each in pieces) for kind in _KINDS}
    first = ", ".join(_count(number, _KINDS[kind]) for kind, number in counts.items() if number)
    return (first or "files only", *(f"{each.name} {each.version}" for each in pieces if each.kind in _KINDS))


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
