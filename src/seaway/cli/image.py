"""`seaway image`: images of services, made without Docker."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from seaway.cli import image_promote, image_prune, image_registry, image_trust
from seaway.cli.options import FILE, File, Format, On, Output, Token
from seaway.cli.story import Story, emit, emit_json, emit_table, next_commands

if TYPE_CHECKING:
    from seaway.model.names import ImageRef
    from seaway.ports.registry import Registry
    from seaway.rooms.images.keyless import Author
    from seaway.rooms.images.recipe import Recipe
    from seaway.rooms.images.store import Store

app = typer.Typer(
    help="Images of services, made without Docker.\n\nExample: seaway image build users",
)
for _command in (*image_trust.COMMANDS, image_promote.promote, image_prune.prune, image_registry.registry):
    app.command()(_command)
Services = Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Default: all.")]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        "-k",
        metavar="KEY",
        help="The key that signs them: a file, awskms:///alias/NAME, or keyless.",
    ),
]
Refresh = Annotated[bool, typer.Option("--refresh", help="Take the base's newest packages first.")]
Explain = Annotated[bool, typer.Option("--explain", help="Tell what is in each layer, and why.")]
#: Images that are made at once.
TOGETHER: Final = 4
#: What a layer holds is listed up to this many; `-o json` has all.
SHOWN: Final = 12


@app.command()
def build(
    services: Services = None,
    on: On = "",
    file: File = FILE,
    output: Output = Format.TEXT,
    *,
    refresh: Refresh = False,
    key: Key = None,
    identity_token: Token = None,
    explain: Explain = False,
) -> None:
    """Build images and push them to the environment's registry. Layers that did not change cost nothing.

    Each comes with its bill of materials and its provenance. A key signs all three.

    For example:
      seaway image build
      seaway image build users --refresh
      seaway image build --key release.key
      seaway image build users --explain
    """
    signer = _signer(key, identity_token) if key else None
    _make(services, on, file, output, refresh=refresh, again=True, signer=signer, explain=explain)


@app.command()
def push(services: Services = None, on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """See that the registry has the image of what the folders hold now; build only what it lacks.

    For example:
      seaway image push --on rehearsal
    """
    _make(services, on, file, output, refresh=False, again=False)


@app.command("list")
def list_(on: On = "", file: File = FILE, output: Output = Format.TEXT) -> None:
    """Show the images in the environment's registry; the current one is of what the folders hold now.

    For example:
      seaway image list -o json
    """
    registry, recipes = _open(on, file)
    found = [row for recipe in recipes.values() for row in _images(registry, recipe)]
    if output is Format.JSON:
        emit_json(found)
        return
    rows = [[r["service"], r["tag"], r["digest"][:19], _mib(r["size"]), ", ".join(r["platforms"]),
             "current" if r["current"] else ""] for r in found]  # fmt: skip
    emit_table(("service", "tag", "digest", "size", "index of", ""), rows)
    if not rows:
        sys.stderr.write(f"no images of these services in {registry.place}\n")
    next_commands(("seaway image build", "make images of what the folders hold now"))


def _make(
    services: list[str] | None,
    on: str,
    file: Any,
    output: Format,
    *,
    refresh: bool,
    again: bool,
    signer: Author | None = None,
    explain: bool = False,
) -> None:
    from seaway.model.event import told  # noqa: PLC0415
    from seaway.rooms.images.store import Store  # noqa: PLC0415

    store = Store()
    with Story() as story:
        registry, recipes = _open(on, file, services, builds=True)
        if refresh:
            _refresh(recipes.values(), store)

        def one(recipe: Recipe) -> dict[str, Any]:
            name, ref, begin = recipe.service, recipe.ref(registry.place), time.monotonic()
            step = f"images/{name}/build"
            with told(story, step, f"image of {name}"):
                there = None if again or refresh else registry.resolve(ref)
                if there:
                    image = ref.at(there)
                else:
                    image = _built(recipe, registry, store, story, step, signer=signer)
            row = {"service": name, "image": str(image), "digest": str(image.digest), "tag": ref.tag,
                   "built": not there, "seconds": round(time.monotonic() - begin, 3)}  # fmt: skip
            return {**row, "layers": _explained(recipe, store)} if explain else row

        with ThreadPoolExecutor(TOGETHER) as pool:
            made = [*pool.map(one, recipes.values())]
        store.trim()
    if output is Format.JSON:
        emit_json(made)
        return
    if explain:
        emit(*(line for each in made for line in _told(each)))
    else:
        emit_table(("service", "image"), [(m["service"], m["image"]) for m in made])
    next_commands(("seaway up", "run them"), ("seaway image list", "see what the registry has"))


def _signer(key: str, token: Path | None) -> Author:
    from seaway.app.keys import signer  # noqa: PLC0415

    return signer(key, token)


def _refresh(recipes: Iterable[Recipe], store: Store) -> None:
    from seaway.rooms.images.make import refresh  # noqa: PLC0415

    refresh(recipes, store)


def _built(
    recipe: Recipe, registry: Registry, store: Store, story: Story, step: str, *, signer: Author | None
) -> ImageRef:
    """Make an image; what that needs is loaded only here, since most often the registry has it."""
    from seaway.rooms.images.make import make  # noqa: PLC0415  (cyclonedx: 0.1 s)

    return make(recipe, registry, store, story, step, key=signer)


def _explained(recipe: Recipe, store: Store) -> list[dict[str, Any]]:
    from seaway.rooms.images.make import explained  # noqa: PLC0415

    return [each.as_json() for each in explained(recipe, store)]


def _told(made: dict[str, Any]) -> Iterator[str]:
    """Write an image's layers as lines for people."""
    yield f"{made['service']}: {made['image']}"
    several = len({layer["platform"] for layer in made["layers"]}) > 1
    for layer in made["layers"]:
        count, *things = layer["holds"]
        more = [f"and {len(things) - SHOWN} more"] if len(things) > SHOWN else []
        listed = ", ".join([*things[:SHOWN], *more])
        where = f" for {layer['platform']}" if several else ""
        yield f"  {layer['layer']}{where}, {_mib(layer['size'])}, in {layer['where']}: {layer['digest']}"
        yield f"    why: {layer['why']}"
        yield f"    holds {count}" + (f": {listed}" if listed else "")
        yield f"    made again when {layer['again']}"


def _open(
    on: str, file: Any, services: list[str] | None = None, *, builds: bool = False
) -> tuple[Registry, dict[str, Recipe]]:
    """Load the file; give the environment's registry and what the wanted services are made from."""
    from seaway.app.registry import open_registry  # noqa: PLC0415
    from seaway.flow.images import builds_its_own, recipes  # noqa: PLC0415
    from seaway.flow.load import load  # noqa: PLC0415

    system = load(file)
    name, environment = system.environment(on)
    if builds:
        builds_its_own(system, name)
    known = recipes(system, services or ())
    return open_registry(environment), known


def _images(registry: Registry, recipe: Recipe) -> list[dict[str, Any]]:
    from seaway.kit.oci import is_companion  # noqa: PLC0415
    from seaway.model.names import ImageRef  # noqa: PLC0415
    from seaway.rooms.images.facts import extent  # noqa: PLC0415

    current, rows = recipe.ref(registry.place), []
    for tag in registry.tags(current.repository):
        if is_companion(tag):
            continue
        ref = ImageRef(current.registry, current.repository, tag)
        if digest := registry.resolve(ref):
            size, platforms = extent(registry, ref.at(digest))
            rows.append({"service": recipe.service, "image": str(ref.at(digest)), "tag": tag,
                         "digest": str(digest), "size": size, "platforms": platforms,
                         "current": ref == current})  # fmt: skip
    return rows


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
