"""An image of a service, whichever way it is made: of a Python project, or from a Dockerfile."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from seaway.errors import Refused
from seaway.kit import oci
from seaway.model.event import Event, Outcome, Report, silent
from seaway.model.names import ImageRef
from seaway.ports.registry import Registry
from seaway.rooms.images import engines
from seaway.rooms.images.build import build, put_together, refresh_base, send, tagged
from seaway.rooms.images.describe import Made, describe
from seaway.rooms.images.dockerfile import Context
from seaway.rooms.images.explain import Explained, explain, explain_steps
from seaway.rooms.images.keyless import Author
from seaway.rooms.images.recipe import Recipe, labels, source_key
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.store import Store


def make(
    recipe: Recipe,
    registry: Registry,
    store: Store,
    report: Report,
    step: str,
    *,
    key: Author | None = None,
) -> ImageRef:
    """Make what is not there yet and push it with its papers, as `build` does. Raises SeawayError."""
    context = recipe.project
    if not isinstance(context, Context):
        return build(recipe, registry, store, report, step, key=key)
    if recipe.platforms != (oci.architecture(),):
        raise Refused(
            "a Dockerfile is built for this machine's architecture only", where=str(context.file),
            why=f"images.platforms asks for {', '.join(recipe.platforms)}, and its steps run here",
            remedy="leave images.platforms away, or describe the service without a Dockerfile",
        )  # fmt: skip
    begin = datetime.now(UTC)
    made = engines.built(context, source_key(recipe), store, report, step)
    report(Event(step, Outcome.PROGRESS, f"pushing to {registry.place}", 0.95))
    ref = recipe.ref(registry.place)
    digest = send(registry, ImageRef(ref.registry, ref.repository), made.layers, _config(recipe, made), store)
    bases = ({"name": n, "digest": {"sha256": sum_.partition(":")[2]}} for n, sum_ in made.bases.items())
    describe(
        Shelf.of(ref),
        digest,
        Made(recipe, made.layers, "", begin, recipe.platforms, tuple(bases)),
        store,
        key,
    )
    return tagged(registry, ref, digest)


def explained(recipe: Recipe, store: Store) -> tuple[Explained, ...]:
    """Tell what is in each layer of an image that was made, the lowest first."""
    if isinstance(recipe.project, Context):
        made = engines.built(recipe.project, source_key(recipe), store, silent, "")
        return explain_steps(recipe, made.layers, store, engines.engine())
    every = (put_together(recipe, store, silent, "", arch) for arch in recipe.platforms)
    return tuple(each for parts in every for each in explain(recipe, parts, store))


def refresh(recipes: Iterable[Recipe], store: Store) -> None:
    """Let the next build take everything anew that another day may bring in another version."""
    every = list(recipes)
    docker = [recipe for recipe in every if isinstance(recipe.project, Context)]
    refresh_base((recipe for recipe in every if recipe not in docker), store)
    engines.refresh([source_key(recipe) for recipe in docker], store)


def _config(recipe: Recipe, made: engines.Built) -> bytes:
    """Add to the engine's configuration what every image of Seaway says of itself."""
    run: dict[str, Any] = dict(made.config.get("config", {}))
    run["Labels"] = {**(run.get("Labels") or {}), **labels(recipe, made.base or "scratch")}
    run["ExposedPorts"] = {**(run.get("ExposedPorts") or {}), f"{recipe.port}/tcp": {}}
    document = {**made.config, "created": oci.CREATED, "config": run}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
