"""One real cluster for all tests of this folder, made when the first of them asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from seaway.model.event import silent
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.images.build import build
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.store import Store
from tests.cluster.first_crossing import SHORT, at_the_monolith
from tests.cluster.support import Cluster, Echo, is_ready, namespace_of_its_own
from tests.cluster.tiny_system import Tiny, begun

NAME = "seaway-test"
NODES = 2
SIZE = "small"
OTHER = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "other", "cluster": {"server": "https://other.example:6443"}}],
    "users": [{"name": "other", "user": {"token": "kept"}}],
    "contexts": [{"name": "other", "context": {"cluster": "other", "user": "other", "namespace": "mine"}}],
    "current-context": "other",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a cluster, and what shares a system; of that, first the file that brings it up."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)
    sharing = {item.path for item in items if "common" in _fixtures(item)}
    for item in items:
        if item.path in sharing:
            item.add_marker(pytest.mark.common)
    last = {path: path.stem != "test_system" for path in sharing}
    items.sort(key=lambda item: (item.path in last, last.get(item.path, False)))


def _fixtures(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kubeconfig in which somebody else's context is the current one."""
    if os.geteuid():
        pytest.fail("tests on a real cluster need root")
    path = tmp_path_factory.mktemp("kube") / "config"
    path.write_text(yaml.safe_dump(OTHER))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(path))
        yield path


@pytest.fixture(scope="session")
def _shared(kubeconfig: Path) -> Iterator[Cluster]:  # noqa: ARG001
    clusters = LocalClusters()
    clusters.create(NAME, NODES, SIZE, silent)
    cluster = Cluster(NAME, clusters)
    yield cluster
    cluster.kube.close()
    clusters.delete(NAME, silent)


@pytest.fixture(scope="session")
def common(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:  # noqa: ARG001
    """The small system of all modules that want one, not up yet for the first of them."""
    with begun(tmp_path_factory.mktemp("tiny")) as tiny:
        yield tiny


@pytest.fixture(scope="module")
def system(common: Tiny) -> Tiny:
    """The small system with holds that are soon over; modules that want another file have their own."""
    return common.become(SHORT)


@pytest.fixture
def tiny(system: Tiny) -> Tiny:
    return at_the_monolith(system)


@pytest.fixture
def cluster(_shared: Cluster) -> Cluster:
    """The shared cluster, whole: whatever the test before did to it is mended."""
    facts = _shared.clusters.find(NAME)
    if facts is None or facts.state != "running" or len(facts.nodes) != NODES:
        _shared.clusters.create(NAME, NODES, SIZE, silent)
        _shared.clusters.scale(NAME, NODES, SIZE, silent)
    return _shared


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    with namespace_of_its_own(cluster.kube) as name:
        yield name


@pytest.fixture(scope="session")
def image(_shared: Cluster) -> str:
    """The echo server's image, in the machine's registry, by digest."""
    folder = Path(__file__).parent / "echo"
    recipe = Recipe("seaway-test", "echo", folder, folder, "python3 server.py 8000", 8000)
    return str(build(recipe, LocalRegistry(), Store(), silent, "images/echo"))


@pytest.fixture(scope="session")
def pair(_shared: Cluster, image: str) -> Iterator[Echo]:
    """Two pods of the echo server, one on each node: they run all the time, and no test changes them."""
    with namespace_of_its_own(_shared.kube) as name:
        echo = Echo(_shared, name, "echo", image)
        echo.apply(replicas=2)
        yield echo


@pytest.fixture
def echo(cluster: Cluster, namespace: str, image: str) -> Echo:
    return Echo(cluster, namespace, "echo", image)


@pytest.fixture
def nodes(cluster: Cluster) -> list[str]:
    found = cluster.kube.list("v1", "Node")
    assert all(is_ready(each) for each in found)
    return [each["metadata"]["name"] for each in found]
