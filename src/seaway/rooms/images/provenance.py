"""Where an image comes from: what went in, who built it and when (SLSA provenance v1)."""

from __future__ import annotations

import hashlib
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

from seaway.errors import MissingTool
from seaway.kit import moments, oci, process
from seaway.kit.machine import somebody
from seaway.rooms.images.dockerfile import Context
from seaway.rooms.images.recipe import RECIPE, Recipe, source_key

BUILD: Final = "https://seaway.dev/build/python/v1"
DOCKERFILE: Final = "https://seaway.dev/build/dockerfile/v1"
BUILDER: Final = "https://seaway.dev/builder/local/v1"


def provenance(
    recipe: Recipe,
    layers: tuple[oci.Layer, ...],
    begin: datetime,
    end: datetime,
    platforms: tuple[str, ...],
    *,
    bases: tuple[dict[str, Any], ...],
) -> dict[str, Any]:
    """Say how an image was made. Nothing in it is secret: no variable, no address of an index."""
    images = recipe.images
    asked = {
        "system": recipe.system,
        "service": recipe.service,
        "run": list(recipe.command),
        "port": recipe.port,
        "source": source_key(recipe),
    }
    project = recipe.project
    if isinstance(project, Context):
        asked |= {
            "dockerfile": project.file.relative_to(project.folder).as_posix(),
            "bases": list(project.bases),
        }
    else:
        asked |= {"base": images.base, "packages": list(images.packages)}
    parts = [
        {"name": layer.comment, "digest": {"sha256": layer.digest.partition(":")[2]}} for layer in layers
    ]
    return {
        "buildDefinition": {
            "buildType": DOCKERFILE if isinstance(project, Context) else BUILD,
            "externalParameters": asked,
            "internalParameters": {"architecture": ",".join(platforms), "recipe": RECIPE},
            "resolvedDependencies": [*_materials(recipe), *bases, *parts[:-1]],
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {"seaway": version("seaway")}},
            "metadata": {
                "invocationId": f"{somebody()}/{begin.timestamp():.0f}",
                "startedOn": moments.written(begin),
                "finishedOn": moments.written(end),
            },
        },
    }


def _materials(recipe: Recipe) -> list[dict[str, Any]]:
    """Name the Dockerfile, or what pins the dependencies, and the commit that the source stands on."""
    found: list[dict[str, Any]] = []
    project = recipe.project
    if file := project.file if isinstance(project, Context) else project.requirements:
        with file.open("rb") as data:
            sum_ = hashlib.file_digest(data, "sha256").hexdigest()
        found.append({"name": file.name, "digest": {"sha256": sum_}})
    try:
        commit = process.run("git", "-C", recipe.folder, "rev-parse", "HEAD", check=False).strip()
        changed = process.run("git", "-C", recipe.folder, "status", "--porcelain", "--", ".", check=False)
    except MissingTool:
        return found
    if commit:
        entry = {"name": "git", "digest": {"gitCommit": commit}}
        found.append({**entry, "annotations": {"changed": bool(changed.strip())}})
    return found
