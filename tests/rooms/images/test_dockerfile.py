"""Dockerfiles: which one is meant, what it may copy, and real images of them by the real buildah."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import MissingTool, NotFound, ProcessFailed, Refused, UsageError
from seaway.kit import oci
from seaway.model.event import Event, silent
from seaway.model.names import Digest, ImageRef
from seaway.ports.registry import Registry
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.images import buildah
from seaway.rooms.images import make as images
from seaway.rooms.images.dockerfile import Context, find
from seaway.rooms.images.recipe import Recipe, source_key
from seaway.rooms.images.sbom import MEDIA_TYPE
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.statements import statements
from seaway.rooms.images.store import Store
from tests.rooms.images.registries import holders, shelf

STEPS = """FROM {host}/team/tiny:v1 AS first
COPY . /srv
RUN echo made > /srv/made
FROM {host}/team/tiny:v1
COPY --from=first /srv /srv
LABEL team=post
USER 10001:10001
"""


def put(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def names(context: Context) -> list[str]:
    return [path.relative_to(context.folder).as_posix() for path in context.files()]


def test_a_dockerfile_alone_is_meant(tmp_path: Path) -> None:
    put(tmp_path, Containerfile="FROM scratch\n")
    found = find(tmp_path, tmp_path, "")
    assert found
    assert found.file == tmp_path / "Containerfile"


@pytest.mark.parametrize("project", ["pyproject.toml", "requirements.txt", "uv.lock"])
def test_beside_a_python_project_only_the_word_means_it(tmp_path: Path, project: str) -> None:
    put(tmp_path, Dockerfile="FROM scratch\n", **{project: ""})
    assert find(tmp_path, tmp_path, "") is None
    assert find(tmp_path, tmp_path, "Dockerfile") == Context(tmp_path, tmp_path, tmp_path / "Dockerfile")


@pytest.mark.parametrize("word", ["Dockerfile.dev", "../Dockerfile"])
def test_a_word_for_no_file_of_the_folder_is_named(tmp_path: Path, word: str) -> None:
    put(tmp_path, Dockerfile="FROM scratch\n")
    put(tmp_path / "users", Dockerfile="FROM scratch\n")
    with pytest.raises(NotFound, match=word):
        find(tmp_path / "users", tmp_path, word)


def test_the_context_follows_dockerignore_and_has_no_secrets(tmp_path: Path) -> None:
    ignored = "# a remark\nDockerfile\ndata\n!data/kept\n**/*.log\n./notes\n"
    put(
        tmp_path,
        **{"Dockerfile": "FROM scratch\n", ".dockerignore": ignored, ".env": "PASSWORD=1", "notes": ""},
    )
    put(tmp_path / "data", kept="", dropped="")
    put(tmp_path / "tests", data="", **{"a.log": ""})
    assert names(Context(tmp_path, tmp_path, tmp_path / "Dockerfile")) == [
        "Dockerfile",
        "data/kept",
        "tests/data",
    ]


def test_its_bases_are_not_its_own_stages(tmp_path: Path) -> None:
    put(tmp_path, Dockerfile="FROM --platform=linux/amd64 a/b:1 AS Build\nfrom build\nFROM scratch\nFROM c\n")
    assert Context(tmp_path, tmp_path, tmp_path / "Dockerfile").bases == ("a/b:1", "c")


def test_its_identity_follows_the_file_even_if_it_is_ignored(tmp_path: Path) -> None:
    put(tmp_path, **{"Dockerfile": "FROM a\n", ".dockerignore": "*"})
    recipe = Recipe("thoughts", "users", tmp_path, tmp_path, "serve", 8000)
    before = source_key(recipe)
    put(tmp_path, other="")
    assert source_key(recipe) == before
    put(tmp_path, Dockerfile="FROM b\n")
    assert source_key(recipe) != before


def test_secrets_without_a_dockerfile_are_refused(tmp_path: Path) -> None:
    recipe = Recipe("thoughts", "users", tmp_path, tmp_path, "serve", 8000, secrets=("TOKEN",))
    with pytest.raises(UsageError, match="no Dockerfile") as caught:
        _ = recipe.project
    assert caught.value.where == "services.users.build.secrets"


def test_without_buildah_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "users", Dockerfile="FROM scratch\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    recipe = Recipe("thoughts", "users", tmp_path / "users", tmp_path, "serve", 8000)
    with pytest.raises(MissingTool, match="buildah") as caught:
        images.make(recipe, LocalRegistry("127.0.0.1:9"), Store(tmp_path / "store"), silent, "")
    assert "buildah" in caught.value.remedy


@pytest.fixture
def registry(server: Any) -> Registry:
    return with_base(server.host)


def with_base(host: str) -> Registry:
    """A registry with a base that has a shell and cat."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        wanted = {"/bin/sh", "/bin/cat", "/bin/sleep"}
        for program in sorted(wanted):
            told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
            wanted |= {word for word in told.split() if word.startswith("/")}
        for path in sorted(wanted):
            tar.add(os.path.realpath(path), path)
        status = tarfile.TarInfo("var/lib/dpkg/status")
        text = b"Package: dash\nStatus: install ok installed\nVersion: 0.5\nArchitecture: amd64\n"
        status.size = len(text)
        tar.addfile(status, io.BytesIO(text))
    plain, packed, where = (
        layer.getvalue(),
        gzip.compress(layer.getvalue(), 1),
        shelf(host, "team/tiny"),
    )
    layers = [oci.Layer(oci.digest(packed), oci.digest(plain), len(packed))]
    settings = oci.config(layers, oci.Settings(cmd=("sh",)), oci.architecture())
    for blob in (packed, settings):
        where.put(blob)
    where.server.put_manifest(where.repository, "v1", oci.MANIFEST, oci.manifest(settings, layers))
    return LocalRegistry(host)


@pytest.fixture
def recipe(tmp_path: Path, registry: Registry) -> Recipe:
    put(tmp_path / "users", Dockerfile=STEPS.format(host=registry.place), code="one")
    return Recipe("thoughts", "users", tmp_path / "users", tmp_path, "cat /srv/made", 8000)


def make(recipe: Recipe, registry: Registry, store: Store) -> ImageRef:
    return images.make(recipe, registry, store, silent, "images/users/build")


def config(registry: Registry, image: ImageRef, folder: Path) -> dict[str, Any]:
    manifest = json.loads(registry.get_manifest(image)[1])
    registry.get_blob(image.repository, Digest(manifest["config"]["digest"]), str(folder / "config"))
    found: dict[str, Any] = json.loads((folder / "config").read_bytes())
    return found


def left(store: Store) -> list[str]:
    """What a build must not leave: containers, mounts, processes, folders of its own."""
    folder = str(store.folder)
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if folder in line]
    containers = [path.read_text() for path in store.folder.glob("buildah/*/*-containers/containers.json")]
    return [
        *mounts,
        *(line for line in running() if folder in line),
        *(text for text in containers if json.loads(text)),
        *map(str, store.folder.glob(".part-*")),
    ]


def running() -> list[str]:
    """The command lines of all other processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            found.append(path.read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.mark.cluster
def test_an_image_says_what_every_image_of_ours_says(
    recipe: Recipe, registry: Registry, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    image = make(recipe, registry, store)
    assert registry.resolve(recipe.ref(registry.place)) == image.digest
    run = config(registry, image, tmp_path)["config"]
    assert run["User"] == "10001:10001"
    assert run["Labels"]["team"] == "post"
    assert run["Labels"]["org.opencontainers.image.ref.name"] == "thoughts/users"
    assert run["Labels"]["org.opencontainers.image.base.name"] == f"{registry.place}/team/tiny:v1"
    where = Shelf.of(image)
    assert image.digest
    referrers = where.server.referrers(where.repository, image.digest.value)
    assert [each["artifactType"] for each in referrers].count(MEDIA_TYPE) == 1
    how = statements(where, image.digest, [], referrers)[0].predicate["buildDefinition"]
    assert how["buildType"] == "https://seaway.dev/build/dockerfile/v1"
    base = registry.resolve(ImageRef.parse(f"{registry.place}/team/tiny:v1"))
    materials = {each["name"]: each.get("digest") for each in how["resolvedDependencies"]}
    assert base
    assert materials[f"{registry.place}/team/tiny:v1"] == {"sha256": base.value.partition(":")[2]}
    assert "Dockerfile" in materials
    first, *_, last = images.explained(recipe, store)
    assert first.holds == ("1 Debian package", "dash 0.5")
    assert "COPY" in last.why
    assert not left(store)


@pytest.mark.cluster
def test_it_is_the_same_from_two_caches_and_not_built_twice(
    recipe: Recipe, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make(recipe, registry, Store(tmp_path / "one"))
    time.sleep(1.1)  # a time stamp that slips in would differ
    os.utime(recipe.folder / "code", (1, 1))
    with monkeypatch.context() as few:
        few.setattr(buildah, "MOST", 1)
        assert make(recipe, registry, Store(tmp_path / "two")) == first
    assert Store(tmp_path / "one").buildah.exists()
    assert not Store(tmp_path / "two").buildah.exists(), "more steps than are kept"
    monkeypatch.setenv("PATH", "")  # nothing can be built any more
    assert make(recipe, registry, Store(tmp_path / "one")) == first
    images.refresh([recipe], Store(tmp_path / "one"))
    with pytest.raises(MissingTool):
        make(recipe, registry, Store(tmp_path / "one"))


@pytest.mark.cluster
def test_a_secret_is_there_for_the_step_and_nowhere_after(
    recipe: Recipe, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = "RUN --mount=type=secret,id=TOKEN read t < /run/secrets/TOKEN; echo ${#t} > /length; sleep 2"
    put(recipe.folder, Dockerfile=f"FROM {registry.place}/team/tiny:v1\n{step}\nUSER 1\n")
    wanting = replace(recipe, secrets=("TOKEN",))
    store = Store(tmp_path / "store")
    with pytest.raises(Refused, match="TOKEN"):
        make(wanting, registry, store)
    secret = "s3cret-" + "of-the-index"
    monkeypatch.setenv("TOKEN", secret)
    told: list[str] = []

    def look(event: Event) -> None:
        told.extend([str(event), *running()])

    image = images.make(wanting, registry, store, look, "images/users/build")
    assert any("--secret=id=TOKEN" in line for line in told)  # it was looked while it was built
    assert not [line for line in told if secret in line]
    top = [json.loads(registry.get_manifest(image)[1])["layers"][-1]["digest"]]
    with tarfile.open(store.blob(top[0])) as tar:
        length = tar.extractfile("length")
        assert length
        assert length.read() == f"{len(secret)}\n".encode()
    assert holders(secret, store.folder, tmp_path / "registry") == []


@pytest.mark.cluster
def test_a_base_may_lie_where_a_password_is_asked_for(guarded: Any, tmp_path: Path) -> None:
    registry = with_base(guarded.host)
    # A step sees nothing of what the engine itself reads.
    steps = STEPS.format(host=guarded.host).replace("LABEL", "RUN cat > /srv/told\nLABEL")
    put(tmp_path / "users", Dockerfile=steps, code="one")
    recipe = Recipe("thoughts", "users", tmp_path / "users", tmp_path, "cat /srv/made", 8000)
    assert registry.resolve(make(recipe, registry, Store(tmp_path / "store")))
    known = guarded.access.account("push")
    packed = base64.b64encode(f"{known.user}:{known.password}".encode()).decode()
    assert holders(known.password, tmp_path / "store") == holders(packed, tmp_path / "store") == []


@pytest.mark.cluster
@pytest.mark.parametrize("user", ["", "USER 0:10001", "USER app"])
def test_an_image_that_would_run_as_root_is_refused(
    recipe: Recipe, registry: Registry, tmp_path: Path, user: str
) -> None:
    put(recipe.folder, Dockerfile=f"FROM {registry.place}/team/tiny:v1\n{user}\n")
    with pytest.raises(Refused, match="would run as") as caught:
        make(recipe, registry, Store(tmp_path / "store"))
    assert "USER 10001" in caught.value.remedy
    assert registry.resolve(recipe.ref(registry.place)) is None


@pytest.mark.cluster
def test_a_step_that_fails_is_told_and_leaves_nothing(
    recipe: Recipe, registry: Registry, tmp_path: Path
) -> None:
    put(recipe.folder, Dockerfile=f"FROM {registry.place}/team/tiny:v1\nRUN echo no luck; exit 3\n")
    store = Store(tmp_path / "store")
    with pytest.raises(ProcessFailed, match="cannot be built") as caught:
        make(recipe, registry, store)
    assert "no luck" in caught.value.why
    assert not left(store)


@pytest.mark.cluster
@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_leaves_nothing_and_a_kill_no_secret(
    recipe: Recipe, registry: Registry, tmp_path: Path, signal_: signal.Signals
) -> None:
    step = "RUN --mount=type=secret,id=TOKEN sleep 4711"
    put(recipe.folder, Dockerfile=f"FROM {registry.place}/team/tiny:v1\n{step}\nUSER 1\n")
    secret, login = "s3cret-" + "of-the-index", base64.b64encode(b"me:of-the-registry").decode()
    put(tmp_path / "docker", **{"config.json": json.dumps({"auths": {registry.place: {"auth": login}}})})
    code = """if True:
        import sys
        from pathlib import Path
        from seaway.model.event import silent
        from seaway.providers.local.registry import LocalRegistry
        from seaway.rooms.images.make import make
        from seaway.rooms.images.recipe import Recipe
        from seaway.rooms.images.store import Store
        host, folder, store = sys.argv[1:]
        recipe = Recipe("thoughts", "users", Path(folder), Path(folder), "serve", 8000, secrets=("TOKEN",))
        make(recipe, LocalRegistry(host), Store(Path(store)), silent, "")
    """
    store = Store(tmp_path / "store")
    words = [sys.executable, "-c", code, registry.place, str(recipe.folder), str(store.folder)]
    # Only the build itself is told, as by `kill`: what it started has to go with it.
    env = {**os.environ, "TOKEN": secret, "DOCKER_CONFIG": str(tmp_path / "docker")}
    with subprocess.Popen(words, env=env, stderr=subprocess.DEVNULL) as build:
        wait_for(lambda: sleepers() != [])
        build.send_signal(signal_)
    wait_for(lambda: sleepers() == [])
    assert [each for each in (secret, login) if holders(each, store.folder)] == []
    shared = Path("/dev/shm").glob("buildah*")  # noqa: S108  (where it would lie)
    assert [path for path in shared if secret.encode() in path.read_bytes()] == []
    if signal_ == signal.SIGKILL:  # then the next build cleans up
        for part in store.folder.glob(".part-*"):
            os.utime(part, (1, 1))
        put(recipe.folder, Dockerfile=f"FROM {registry.place}/team/tiny:v1\nUSER 1\n")
        make(recipe, registry, store)
        store.trim()
    assert not left(store)


def sleepers() -> list[str]:
    return [line for line in running() if line == "sleep 4711 "]


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
