"""Dockerfiles are built by the engine that is there: BuildKit where BUILDKIT_HOST names one, else buildah."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seaway.kit import oci
from seaway.model.event import Report
from seaway.rooms.images import buildah, buildkit
from seaway.rooms.images.dockerfile import Context
from seaway.rooms.images.store import Store

#: Part of every key: raise it when the way an engine is called changes.
RECIPE: Final = 3


@dataclass(frozen=True)
class Built:
    """What the engine made: the layers are in the store, `config` is the image's configuration.

    `base` names the image that its last stage starts from; `bases` are the digests of all that were pulled.
    """

    layers: tuple[oci.Layer, ...]
    config: Mapping[str, Any]
    base: str
    bases: Mapping[str, str]


def engine() -> str:
    """Name the engine that builds here."""
    return "buildkit" if os.environ.get(buildkit.HOST) else "buildah"


def built(context: Context, name: str, store: Store, report: Report, step: str) -> Built:
    """Find the image of the key `name`, or have the engine make it; raises as the engine's own `make`."""
    name = f"dockerfile-{RECIPE}-{engine()}-{name}"
    known = store.recall(name)
    if not known or not all(store.keep(layer["digest"]) for layer in known["layers"]):
        known = (buildkit if engine() == "buildkit" else buildah).make(context, store, report, step)
        store.remember(name, known)
    return Built(tuple(oci.Layer(**layer) for layer in known["layers"]), known["config"],
                 known["base"], known["bases"])  # fmt: skip


def refresh(names: list[str], store: Store) -> None:
    """Let the next build pull its bases again and run every step of these Dockerfiles."""
    for name in names:
        store.forget(f"dockerfile-{RECIPE}-{engine()}-{name}")
    if names and engine() == "buildah":
        buildah.forget(store)
