"""Real images of a real project: Debian packages, wheels, a real registry, a real container."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import SeawayError, Unreachable
from seaway.model.event import silent
from seaway.model.names import Digest, ImageRef
from seaway.ports.registry import Registry
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.images.build import build, put_together
from seaway.rooms.images.explain import explain
from seaway.rooms.images.facts import extent
from seaway.rooms.images.keys import make_pair, private_key
from seaway.rooms.images.kinds import TYPES
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.sbom import MEDIA_TYPE
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.spec import ImagesSpec
from seaway.rooms.images.statements import IN_TOTO, SIGNED, statements
from seaway.rooms.images.store import Store

pytestmark = pytest.mark.cluster

EXAMPLE = Path(__file__).parents[3] / "examples/thoughts"
LOOK = """
import os, pwd, ssl, flask, zoneinfo, sqlite3, frontend
print(os.getuid(), pwd.getpwuid(os.getuid()).pw_name, len(ssl.create_default_context().get_ca_certs()) > 100,
      zoneinfo.ZoneInfo("Europe/Berlin"), os.access("/app", os.W_OK), frontend.__spec__.cached is not None,
      os.system("true") == 0)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def registry(server: Any) -> Registry:
    return LocalRegistry(server.host)


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    folder = tmp_path / "top/frontend"
    shutil.copytree(EXAMPLE / "frontend", folder)
    return Recipe("thoughts", "frontend", folder, folder.parent, "gunicorn frontend.wsgi", 8000)


def make(recipe: Recipe, registry: Registry, store: Store) -> ImageRef:
    return build(recipe, registry, store, silent, "images/frontend/build")


def layers(registry: Registry, image: ImageRef) -> list[str]:
    return [layer["digest"] for layer in json.loads(registry.get_manifest(image)[1])["layers"]]


def unpack(registry: Registry, image: ImageRef, folder: Path) -> Path:
    folder.mkdir()
    for digest in layers(registry, image):
        packed = folder.with_suffix(".layer")
        registry.get_blob(image.repository, Digest(digest), str(packed))
        with tarfile.open(packed) as tar:
            tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)  # not in Python 3.11.2
            tar.extractall(folder)  # noqa: S202  (our own layers)
    return folder


def test_two_caches_give_the_same_digest(
    recipe: Recipe, registry: Registry, store: Store, tmp_path: Path
) -> None:
    assert make(recipe, registry, store) == make(recipe, registry, Store(tmp_path / "other"))


def test_a_change_of_code_is_one_small_layer(recipe: Recipe, registry: Registry, store: Store) -> None:
    before = layers(registry, make(recipe, registry, store))
    (recipe.folder / "frontend/wsgi.py").write_text("import flask\napp = flask.Flask('new')\n")
    after = layers(registry, make(recipe, registry, store))
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]
    assert store.blob(after[-1]).stat().st_size < 100_000


def test_nothing_that_installs_or_compiles_is_inside(
    recipe: Recipe, registry: Registry, store: Store, tmp_path: Path
) -> None:
    root = unpack(registry, make(recipe, registry, store), tmp_path / "root")
    programs = {p.name for p in (*root.glob("usr/bin/*"), *root.glob("usr/sbin/*"))}
    assert not programs & {"apt", "apt-get", "dpkg", "pip", "pip3", "uv", "gcc", "cc", "make", "perl"}
    for place in ("var/cache", "var/lib/apt", "var/log", "root/.cache", "usr/share/man", "app/src/tests"):
        assert not any((root / place).glob("**/*")), place
    assert (root / "etc/machine-id").read_bytes() == b""
    assert not [p for p in root.rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o6000]
    assert "Package: libssl3" in (root / "var/lib/dpkg/status.d/libssl3").read_text()


# Whoever is not root may run the other tests: scripts/test --quick asks for no more.
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("runc"), reason="runs a container: root and runc")
def test_it_runs_read_only_without_rights(
    recipe: Recipe, registry: Registry, store: Store, tmp_path: Path
) -> None:
    image = make(recipe, registry, store)
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    unpack(registry, image, bundle / "rootfs")
    manifest = json.loads(registry.get_manifest(image)[1])
    registry.get_blob(image.repository, Digest(manifest["config"]["digest"]), str(tmp_path / "config"))
    wanted = json.loads((tmp_path / "config").read_bytes())["config"]
    subprocess.run(["runc", "spec"], cwd=bundle, check=True)
    spec = json.loads((bundle / "config.json").read_text())
    uid, gid = map(int, wanted["User"].split(":"))
    spec["process"] = {
        "user": {"uid": uid, "gid": gid},
        "cwd": wanted["WorkingDir"],
        "env": wanted["Env"],
        "args": ["python3", "-c", LOOK],
        "noNewPrivileges": True,
    }
    spec["mounts"] = [m for m in spec["mounts"] if m["destination"] not in {"/sys", "/sys/fs/cgroup"}]
    spec["linux"].pop("resources", None)
    (bundle / "config.json").write_text(json.dumps(spec))
    name = f"seaway-test-{os.getpid()}"
    ran = subprocess.run(["runc", "run", name], cwd=bundle, capture_output=True, text=True, check=False)
    assert ran.stdout.split() == ["10001", "app", "True", "Europe/Berlin", "False", "True", "True"], (
        ran.stderr
    )


def test_an_image_in_another_registry_can_be_the_base(
    recipe: Recipe, registry: Registry, store: Store, second_server: Any, tmp_path: Path
) -> None:
    base = make(recipe, LocalRegistry(second_server.host), store)
    pulled = replace(recipe, images=ImagesSpec(base=str(base)), service="second")
    other = Store(tmp_path / "other")
    image = make(pulled, registry, other)
    assert layers(registry, image)[: len(layers(LocalRegistry(second_server.host), base))] == layers(
        LocalRegistry(second_server.host), base
    )
    second_server.stop()
    (recipe.folder / "frontend/new.py").write_text("x = 1\n")
    assert make(pulled, registry, other) != image


def test_an_image_comes_with_its_papers(
    recipe: Recipe, registry: Registry, store: Store, tmp_path: Path
) -> None:
    image = make(recipe, registry, store)
    shelf, digest = Shelf.of(image), image.digest
    assert digest
    listed = {each["artifactType"]: each for each in shelf.server.referrers(shelf.repository, digest.value)}
    assert set(listed) == {MEDIA_TYPE, IN_TOTO}
    (layer,) = json.loads(shelf.server.manifest(shelf.repository, listed[MEDIA_TYPE]["digest"])[1])["layers"]
    bill = json.loads(shelf.get(layer))
    pieces = {each["name"]: each for each in bill["components"]}
    assert pieces["libc6"]["purl"].startswith("pkg:deb/debian/libc6@")
    assert pieces["flask"]["properties"] == [{"name": "seaway:pinned", "value": "hash"}]
    assert bill["metadata"]["component"]["version"] == digest.value
    (said,) = statements(shelf, digest, [])
    built = said.predicate["buildDefinition"]
    assert recipe.project.requirements
    assert (said.predicate_type, said.by) == (TYPES["provenance"], None)
    assert built["externalParameters"]["source"][:32] == recipe.ref(registry.place).tag.removeprefix("src-")
    assert built["resolvedDependencies"][0]["name"] == recipe.project.requirements.name
    key = private_key(make_pair(tmp_path / "release", None)[0])
    again = build(recipe, registry, store, silent, "images/frontend/build", key=key)
    assert again == image
    signed = {each.predicate_type for each in statements(shelf, digest, [key.public]) if each.by}
    assert signed == {TYPES["sbom"], TYPES["provenance"], SIGNED}
    before = len(shelf.server.referrers(shelf.repository, digest.value))
    build(recipe, registry, store, silent, "images/frontend/build", key=key)
    assert len(shelf.server.referrers(shelf.repository, digest.value)) == before


def test_every_layer_is_explained(recipe: Recipe, store: Store) -> None:
    (recipe.top / ".gitignore").write_text("*.log\n")
    (recipe.folder / "a.log").write_text("not in the image")
    (recipe.folder / "large.txt").write_text("x" * 50_000)
    parts = put_together(recipe, store, silent, "test", recipe.platforms[0])
    base, needed, code = explain(recipe, parts, store)
    assert [each.digest for each in (base, needed, code)] == [each.digest for each in parts.layers]
    assert (base.where, needed.where, code.where) == ("/", "/app/site", "/app/src")
    assert "ca-certificates, dash, libc6, python3, tzdata" in base.why
    assert base.holds[0] == f"{len(base.holds) - 1} Debian packages"
    assert any(each.startswith("libssl3 ") for each in base.holds)
    assert recipe.project.requirements
    assert needed.why == f"frontend/{recipe.project.requirements.name} pins them, each by its hash"
    assert any(each.startswith("flask ") for each in needed.holds)
    assert code.why.endswith("without what .gitignore names and what no image needs")
    assert code.holds[0].startswith(f"{len(code.holds) - 1} files, ")
    assert code.holds[1] == "large.txt 50000"
    assert not any(each.startswith("a.log ") for each in code.holds)


def test_two_platforms_become_an_index_with_papers_for_each(
    recipe: Recipe, registry: Registry, tmp_path: Path
) -> None:
    store = Store()  # the cluster's tests take the same foreign base, which takes 10 s
    both = replace(recipe, images=ImagesSpec(platforms=("arm64", "amd64")))
    key = private_key(make_pair(tmp_path / "release", None)[0])
    index = build(both, registry, store, silent, "test", key=key)
    entries = json.loads(registry.get_manifest(index)[1])["manifests"]
    images = {each["platform"]["architecture"]: index.at(Digest(each["digest"])) for each in entries}
    assert list(images) == ["amd64", "arm64"]
    assert extent(registry, index)[1] == ("linux/amd64", "linux/arm64")
    assert layers(registry, images["amd64"])[-1] == layers(registry, images["arm64"])[-1]
    here, there = (unpack(registry, image, tmp_path / arch) for arch, image in images.items())
    assert (programs(here), programs(there)) == ({62}, {183})  # EM_X86_64 and EM_AARCH64
    assert any((there / "app/site").rglob("*.so"))
    compiled = next(there.glob("usr/lib/python3.*/__pycache__/os.*.pyc"))
    assert compiled.read_bytes() == (here / compiled.relative_to(there)).read_bytes()
    for image in (index, *images.values()):
        assert image.digest
        said = statements(Shelf.of(image), image.digest, [key.public])
        assert {each.predicate_type for each in said} == {TYPES["sbom"], TYPES["provenance"], SIGNED}
        bill = json.dumps(next(each.predicate for each in said if each.predicate_type == TYPES["sbom"]))
        kinds = {arch for arch in images if f"arch={arch}" in bill}
        assert kinds == {arch for arch, one in images.items() if image in {index, one}}


def programs(root: Path) -> set[int]:
    """For which machines there are programs and libraries below a folder, as ELF numbers them."""
    found = set()
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                head = file.read(20)
            if head.startswith(b"\x7fELF"):
                found.add(int.from_bytes(head[18:20], "little"))
    return found


def test_a_base_that_is_not_there_for_a_platform_is_named(
    recipe: Recipe, registry: Registry, store: Store, tmp_path: Path
) -> None:
    base = str(make(recipe, registry, store))
    asked = replace(recipe, images=ImagesSpec(base=base, platforms=("arm64",)))
    with pytest.raises(SeawayError, match="is not there for linux/arm64"):
        make(asked, registry, Store(tmp_path / "other"))


def test_a_dependency_without_a_wheel_is_named(recipe: Recipe, registry: Registry, store: Store) -> None:
    (recipe.folder / "requirements.txt").write_text("docopt==0.6.2\n")
    with pytest.raises(SeawayError, match="docopt has no wheel"):
        make(recipe, registry, store)
    (recipe.folder / "requirements.txt").write_text("intel-openmp==2025.0.0\n")  # for x86-64 only
    asked = replace(recipe, images=ImagesSpec(platforms=("arm64",)))
    with pytest.raises(SeawayError, match=r"intel-openmp has no wheel for Python 3\.\d+ on aarch64"):
        make(asked, registry, store)
    assert registry.tags("thoughts/frontend") == ()


def test_without_a_registry_the_remedy_is_named(
    recipe: Recipe, registry: Registry, server: Any, store: Store
) -> None:
    server.stop()
    with pytest.raises(Unreachable) as caught:
        make(recipe, registry, store)
    assert "seaway cluster create" in caught.value.remedy


def test_a_debian_package_that_is_not_there_is_named(
    recipe: Recipe, registry: Registry, store: Store
) -> None:
    asked = replace(recipe, images=ImagesSpec(packages=("no-such-package",)))
    with pytest.raises(SeawayError, match="no-such-package"):
        make(asked, registry, store)
