"""An image from its recipe: base, dependencies, application; pushed, and known by its digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime

from seaway.kit import archive, oci
from seaway.kit.distribution import again
from seaway.model.event import Event, Outcome, Report
from seaway.model.names import Digest, ImageRef
from seaway.ports.registry import Registry
from seaway.rooms.images import debian, dependencies
from seaway.rooms.images.base import SHARED, USER, Base, debian_base
from seaway.rooms.images.bytecode import compile_tree
from seaway.rooms.images.describe import Made, describe
from seaway.rooms.images.keyless import Author
from seaway.rooms.images.pull import pulled_base
from seaway.rooms.images.recipe import HOME, RECIPE, Recipe, labels, source_key
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.store import Store


@dataclass(frozen=True)
class Parts:
    """The layers of an image: its base's `below`, its dependencies `needed` (as `pinned` says), its own."""

    base: Base
    below: tuple[oci.Layer, ...]
    pinned: dependencies.Requirements | None
    needed: oci.Layer | None
    application: oci.Layer

    @property
    def layers(self) -> tuple[oci.Layer, ...]:
        """All of them, the lowest first."""
        return (*self.below, *((self.needed,) if self.needed else ()), self.application)


def build(
    recipe: Recipe,
    registry: Registry,
    store: Store,
    report: Report,
    step: str,
    *,
    key: Author | None = None,
) -> ImageRef:
    """Make what is not there yet and push it with its papers, signed where there is a key.

    Gives the image's name by digest. Raises SeawayError where something cannot be had; then the registry has
    nothing new under the tag.
    """
    begin = datetime.now(UTC)
    every = [put_together(recipe, store, report, step, arch) for arch in recipe.platforms]
    report(Event(step, Outcome.PROGRESS, f"pushing to {registry.place}", 0.95))
    ref, images = recipe.ref(registry.place), dict[str, Digest]()
    shelf, untagged = Shelf.of(ref), ImageRef(ref.registry, ref.repository)
    for parts in every:
        run, arch = settings(recipe, parts.base), parts.base.arch
        images[arch] = push(registry, untagged, parts.layers, run, store, arch=arch)
        describe(shelf, images[arch], _made(recipe, [parts], begin), store, key)
    digest = images[recipe.platforms[0]]
    if len(images) > 1:
        digest = join(registry, untagged, images)
        describe(shelf, digest, _made(recipe, every, begin), store, key)
    return tagged(registry, ref, digest)


def tagged(registry: Registry, ref: ImageRef, digest: Digest) -> ImageRef:
    """Put the tag to an image that is there whole: last, since who finds the tag looks for nothing else."""
    registry.put_manifest(ref, *registry.get_manifest(ref.at(digest)))
    return ref.at(digest)


def _made(recipe: Recipe, every: Sequence[Parts], begin: datetime) -> Made:
    """Say what an image was made of, or an index of several; what is the same in these counts once."""
    below = [layer for parts in every for layer in parts.layers[:-1]]
    layers = dict.fromkeys([*below, *(parts.application for parts in every)])
    pinned = next((parts.pinned.text for parts in every if parts.pinned), "")
    return Made(recipe, tuple(layers), pinned, begin, tuple(parts.base.arch for parts in every))


def join(registry: Registry, untagged: ImageRef, images: Mapping[str, Digest]) -> Digest:
    """Push the index of images that are there, by their architectures."""
    entries = []
    for arch, digest in images.items():
        image = oci.descriptor(*registry.get_manifest(untagged.at(digest)))
        entries.append({**image, "platform": {"architecture": arch, "os": "linux"}})
    return registry.put_manifest(untagged, oci.INDEX, oci.index(entries))


def put_together(recipe: Recipe, store: Store, report: Report, step: str, arch: str) -> Parts:
    """Find an image's layers on this machine, or make them; nothing is pushed. Raises SeawayError."""
    base = find_base(recipe, store, report, step, arch)
    with ThreadPoolExecutor(1) as pool:
        # What is waited for there is given up as it is here.
        below = pool.submit(copy_context().run, base.pack)
        pinned = dependencies.read(recipe.project)
        needed = dependencies.dependency_layer(store, base, pinned, report, step) if pinned else None
        report(Event(step, Outcome.PROGRESS, "packing the application", 0.9))
        own = _application(recipe, base, store)
        return Parts(base, below.result(), pinned, needed, own)


def find_base(recipe: Recipe, store: Store, report: Report, step: str, arch: str) -> Base:
    if recipe.images.base == "debian":
        return debian_base(store, recipe.images.packages, arch, report, step)
    return pulled_base(store, recipe.images.base, arch, report, step)


def refresh_base(recipes: Iterable[Recipe], store: Store) -> None:
    """Let the next build take the newest packages (or the tag's newest image) as base."""
    debian.stale(store.folder)
    for name in {recipe.base_key(arch) for recipe in recipes for arch in recipe.platforms}:
        store.forget(name)


def settings(recipe: Recipe, base: Base) -> oci.Settings:
    """Say how a container runs: as a user without rights, its modules found, its output seen at once."""
    path = (f"/{HOME}/{p}".removesuffix("/.") for p in recipe.project.python_path)
    given = dict(base.env)
    return oci.Settings(
        cmd=recipe.command,
        env={
            **given,
            "PATH": f"/{dependencies.SITE}/bin:{given.get('PATH', '/usr/local/bin:/usr/bin:/bin')}",
            "PYTHONPATH": ":".join((*path, f"/{dependencies.SITE}")),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            "HOME": "/tmp",  # noqa: S108  (the only folder that a container may always write to)
            "USER": "app",
        },
        user=f"{USER}:{USER}",
        workdir=f"/{HOME}",
        port=recipe.port,
        labels=labels(recipe, recipe.images.base),
    )


def push(
    registry: Registry,
    ref: ImageRef,
    layers: Sequence[oci.Layer],
    run: oci.Settings,
    store: Store,
    *,
    arch: str = "",
) -> Digest:
    """Push an image that runs so: for this machine, unless another architecture is named."""
    return send(registry, ref, layers, oci.config(layers, run, arch or oci.architecture()), store)


def send(
    registry: Registry, ref: ImageRef, layers: Sequence[oci.Layer], config: bytes, store: Store
) -> Digest:
    """Push layers side by side, then what names them: a tag never points at half an image."""

    def act() -> Digest:
        _send(registry, ref.repository, layers, config, store)
        return registry.put_manifest(ref, oci.MANIFEST, oci.manifest(config, layers))

    return again(act)


def _send(
    registry: Registry, repository: str, layers: Sequence[oci.Layer], config: bytes, store: Store
) -> None:
    """Push layers and configuration."""
    shared = ImageRef.within(registry.place, SHARED).repository
    with ThreadPoolExecutor(4) as pool, store.scratch() as folder:
        (folder / "config").write_bytes(config)

        def put(digest: str, path: str) -> None:
            if not registry.has_blob(repository, Digest(digest)):
                if layers[0].digest == digest:
                    registry.put_blob(shared, Digest(digest), path)
                registry.put_blob(repository, Digest(digest), path)

        sent = [pool.submit(put, layer.digest, str(store.blob(layer.digest))) for layer in layers]
        sent.append(pool.submit(put, oci.digest(config), str(folder / "config")))
        for each in sent:
            each.result()


def _application(recipe: Recipe, base: Base, store: Store) -> oci.Layer:
    """Pack the project's files, with the byte code of its modules."""
    project = recipe.project

    def entries() -> Iterator[archive.Entry]:
        with store.scratch() as folder:
            project.copy(folder)
            if base.python:
                compile_tree(base.python, folder, f"/{HOME}")
            yield archive.Entry("app")
            yield archive.Entry(HOME)
            yield from archive.tree(folder, HOME)

    name = f"application-{RECIPE}-{source_key(recipe)}-{base.version}"
    return store.layer(name, f"application {recipe.service}", entries)
