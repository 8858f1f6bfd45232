"""The real crane, built from its source, and skopeo where it is: they agree with what we say of images."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmark import peers
from seaway.kit import archive, oci
from seaway.model.event import silent
from seaway.model.names import ImageRef
from seaway.providers.local.access import PULL
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.images.build import join, push
from seaway.rooms.images.copy import copy
from seaway.rooms.images.keys import make_pair, private_key
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.signatures import sign, signatures
from seaway.rooms.images.store import Store
from tests.rooms.images.registries import shelf

pytestmark = pytest.mark.cluster
ARCHES = ("amd64", "arm64")


@pytest.fixture(scope="session")
def crane() -> Path:
    return peers.built(peers.IMAGES, peers.CRANE) / "crane"


@pytest.fixture
def image(guarded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageRef:
    """An image of two layers as a build makes them, by its tag, in a registry like the machine's own."""
    for name, value in guarded.environment().items():
        monkeypatch.setenv(name, value)
    store = Store(tmp_path / "store")
    layers = [
        store.layer(name, name, partial(list, [archive.Entry(f"app/{name}", data=name.encode())]))
        for name in ("needed", "own")
    ]
    ref = ImageRef(guarded.host, "team/app", "v1")
    push(LocalRegistry(guarded.host), ref, layers, oci.Settings(cmd=("true",), user="10001"), store)
    return ref


@pytest.fixture
def index(image: ImageRef, tmp_path: Path) -> ImageRef:
    """Two images and their index, by its tag."""
    registry, store = LocalRegistry(image.registry), Store(tmp_path / "store")
    untagged = ImageRef(image.registry, image.repository)
    layer = store.layer("both", "both", partial(list, [archive.Entry("app/both", data=b"both")]))
    images = {arch: push(registry, untagged, [layer], oci.Settings(), store, arch=arch) for arch in ARCHES}
    found, ref = untagged.at(join(registry, untagged, images)), ImageRef(image.registry, "team/app", "both")
    registry.put_manifest(ref, *registry.get_manifest(found))
    return ref


def run(*argv: str | Path) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


def test_crane_finds_what_was_pushed_and_nothing_wrong_in_it(crane: Path, image: ImageRef) -> None:
    where = Shelf.of(image)
    digest = where.find(image)
    assert run(crane, "digest", str(image)).strip() == str(digest)
    assert (
        run(crane, "manifest", str(image.at(digest))).encode() == where.server.manifest("team/app", "v1")[1]
    )
    assert json.loads(run(crane, "config", str(image)))["config"]["Cmd"] == ["true"]
    assert "PASS" in run(crane, "validate", "--remote", str(image)).upper()


def test_crane_finds_the_same_where_it_was_promoted_and_we_where_it_copied(
    crane: Path, image: ImageRef, second_server: Any, tmp_path: Path
) -> None:
    source, target = Shelf.of(image), shelf(second_server.host, "live/app")
    digest, key = source.find(image), private_key(make_pair(tmp_path / "release", None)[0])
    sign(source, digest, key)
    copy(source, target, digest, silent, "test")
    assert sorted(run(crane, "ls", str(target)).split()) == list(target.server.tags(target.repository))
    run(crane, "validate", "--remote", f"{target}@{digest}")
    other = shelf(second_server.host, "copied/app")
    run(crane, "copy", "--all-tags", str(target), str(other))
    assert [each.by.hint for each in signatures(target, digest, [key.public])] == [key.public.hint] * 2
    assert "tag" in [each.form for each in signatures(other, digest, [key.public])]


def test_skopeo_finds_the_same(image: ImageRef, guarded: Any) -> None:
    where = Shelf.of(image)
    told = json.loads(
        run("skopeo", "inspect", "--authfile", guarded.access.login_file(PULL), f"docker://{image}")
    )
    manifest = json.loads(where.server.manifest("team/app", "v1")[1])
    assert told["Digest"] == str(where.find(image))
    assert told["Layers"] == [layer["digest"] for layer in manifest["layers"]]
    assert (told["Os"], told["Architecture"]) == ("linux", oci.architecture())


def test_crane_may_not_push_with_the_password_of_the_nodes(
    crane: Path, image: ImageRef, guarded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", guarded.environment(PULL)["DOCKER_CONFIG"])
    run(crane, "validate", "--remote", str(image))
    done = subprocess.run([crane, "tag", str(image), "v2"], capture_output=True, text=True, check=False)
    assert done.returncode
    assert "UNAUTHORIZED" in done.stderr


def test_crane_and_skopeo_find_both_images_of_an_index(
    crane: Path, index: ImageRef, second_server: Any
) -> None:
    source, target = Shelf.of(index), shelf(second_server.host, "live/app")
    digest = source.find(index)
    copy(source, target, digest, silent, "test")
    promoted = f"{target}@{digest}"
    assert "PASS" in run(crane, "validate", "--remote", promoted).upper()
    for arch in ARCHES:
        told = json.loads(run(crane, "config", "--platform", f"linux/{arch}", promoted))
        assert told["architecture"] == arch
    assert run(crane, "digest", str(index)).strip() == str(digest)
    for arch in ARCHES:
        how = ("inspect", "--no-tags", "--tls-verify=false", f"docker://{promoted}")
        assert json.loads(run("skopeo", "--override-arch", arch, *how))["Architecture"] == arch
