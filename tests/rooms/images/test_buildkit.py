"""Dockerfiles by a real BuildKit, where one is on this machine: as buildah builds them, and nothing leaks."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import MissingTool, NotFound, ProcessFailed, Refused
from seaway.kit import process
from seaway.kit.distribution import known_registry
from seaway.model.names import ImageRef
from seaway.ports.registry import Registry
from seaway.rooms.images import buildkit
from seaway.rooms.images import make as images
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.statements import statements
from seaway.rooms.images.store import Store
from tests.rooms.images.registries import holders
from tests.rooms.images.test_dockerfile import STEPS, config, make, put, with_base


@contextmanager
def runs(folder: Path, settings: str = "") -> Iterator[str]:
    """A BuildKit that keeps all in a folder; gives its address."""
    # Debian has no package of it, and its module takes two minutes of processor to compile.
    if not (shutil.which("buildkitd") and shutil.which("buildctl")):
        pytest.skip("BuildKit is not on this machine")
    address = f"unix://{folder}/socket"
    (folder / "buildkitd.toml").write_text(settings)
    words = (
        *("buildkitd", "--config", folder / "buildkitd.toml", "--root", folder / "root"),
        *("--addr", address, "--oci-worker-net=host"),
    )
    with process.beside(words, log=folder / "log"):
        asked = ("buildctl", "--addr", address, "debug", "workers")
        until = time.monotonic() + 20
        while subprocess.run(asked, capture_output=True, check=False).returncode:
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.1)
        yield address


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("buildkit")
    with runs(folder) as address:
        yield address, folder


@pytest.fixture
def here(daemon: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """What it keeps; its address is in the environment."""
    monkeypatch.setenv(buildkit.HOST, daemon[0])
    return daemon[1]


@pytest.fixture
def registry(server: object) -> Registry:
    return with_base(server.host)  # type: ignore[attr-defined]


@pytest.fixture
def recipe(tmp_path: Path, registry: Registry) -> Recipe:
    put(tmp_path / "users", Dockerfile=STEPS.format(host=registry.place), code="one")
    return Recipe("thoughts", "users", tmp_path / "users", tmp_path, "cat /srv/made", 8000)


def test_without_its_client_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "users", Dockerfile="FROM scratch\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(buildkit.HOST, "unix:///nowhere")
    recipe = Recipe("thoughts", "users", tmp_path / "users", tmp_path, "serve", 8000)
    with pytest.raises(MissingTool, match="buildctl"):
        images.explained(recipe, Store(tmp_path / "store"))


@pytest.mark.cluster
@pytest.mark.usefixtures("here")
def test_an_image_says_what_every_image_of_ours_says(
    recipe: Recipe, registry: Registry, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    image = make(recipe, registry, store)
    process.run("buildctl", "prune", "--all")
    time.sleep(1.1)  # a time stamp that slips in would differ
    assert make(recipe, registry, Store(tmp_path / "another")) == image
    run = config(registry, image, tmp_path)["config"]
    assert run["User"] == "10001:10001"
    assert run["Labels"]["team"] == "post"
    assert run["Labels"]["org.opencontainers.image.base.name"] == f"{registry.place}/team/tiny:v1"
    where, base = Shelf.of(image), registry.resolve(ImageRef.parse(f"{registry.place}/team/tiny:v1"))
    assert image.digest
    assert base
    how = statements(where, image.digest, [])[0].predicate["buildDefinition"]
    materials = {each["name"]: each.get("digest") for each in how["resolvedDependencies"]}
    assert materials[f"{registry.place}/team/tiny:v1"] == {"sha256": base.value.partition(":")[2]}
    first, *_, last = images.explained(recipe, store)
    assert first.holds == ("1 Debian package", "dash 0.5")
    assert "COPY" in last.why
    assert "(built by buildkit)" in last.why


@pytest.mark.cluster
def test_a_secret_is_there_for_the_step_and_nowhere_after(
    recipe: Recipe, registry: Registry, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = "RUN --mount=type=secret,id=TOKEN read t < /run/secrets/TOKEN; echo ${#t} > /length"
    put(recipe.folder, Dockerfile=f"FROM {registry.place}/team/tiny:v1\n{step}\nUSER 1\n")
    wanting = replace(recipe, secrets=("TOKEN",))
    store, secret = Store(tmp_path / "store"), "s3cret-" + "of-the-index"
    with pytest.raises(Refused, match="TOKEN"):
        make(wanting, registry, store)
    monkeypatch.setenv("TOKEN", secret)
    image = make(wanting, registry, store)
    assert len(json.loads(registry.get_manifest(image)[1])["layers"]) == 2
    assert holders(secret, store.folder, tmp_path / "registry", here) == []


@pytest.mark.cluster
def test_a_base_may_lie_where_a_password_is_asked_for(
    guarded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, known = with_base(guarded.host), known_registry(guarded.host)
    assert known
    put(tmp_path / "users", Dockerfile=STEPS.format(host=guarded.host), code="one")
    recipe = Recipe("thoughts", "users", tmp_path / "users", tmp_path, "cat /srv/made", 8000)
    (tmp_path / "buildkit").mkdir()
    # Without a word it speaks plainly to loopback, as Docker does.
    trust = f'[registry."{guarded.host}"]\nhttp = false\nca = ["{known.trust}"]\n'
    with runs(tmp_path / "buildkit", trust) as address:
        monkeypatch.setenv(buildkit.HOST, address)
        assert registry.resolve(make(recipe, registry, Store(tmp_path / "store")))
    password = guarded.access.account("push").password
    assert holders(password, tmp_path / "store", tmp_path / "buildkit") == []


@pytest.mark.cluster
@pytest.mark.usefixtures("here")
def test_what_cannot_be_built_is_told(recipe: Recipe, registry: Registry, tmp_path: Path) -> None:
    for steps, error, why in (
        ("RUN echo no luck; exit 3\nUSER 1\n", ProcessFailed, "cannot be built"),
        ("USER app\n", Refused, "would run as app"),
    ):
        put(recipe.folder, Dockerfile=f"FROM {registry.place}/team/tiny:v1\n{steps}")
        with pytest.raises(error, match=why):
            make(recipe, registry, Store(tmp_path / "store"))
    put(recipe.folder, Dockerfile=f"FROM {registry.place}/team/none:v1\nUSER 1\n")
    with pytest.raises(NotFound, match="there is no image"):
        make(recipe, registry, Store(tmp_path / "store"))
