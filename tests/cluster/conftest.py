"""One real cluster for all tests of this folder, made when the first of them asks for it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from seaway.kit.kube import Ref
from seaway.model.event import silent
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.images.build import build
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.store import Store
from tests.cluster.support import Cluster, Echo, is_ready, until

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
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)


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
    """A namespace of the test's own; it goes afterwards, with its pods, while the next test begins."""
    name = f"test-{next(_numbers)}"
    kube = cluster.kube
    until(lambda: kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}), name)
    account = Ref("v1", "ServiceAccount", "default", name)
    until(lambda: kube.get(account), "the namespace's service account")
    yield name
    kube.delete(Ref("v1", "Namespace", name))


@pytest.fixture(scope="session")
def image(_shared: Cluster) -> str:
    """The echo server's image, in the machine's registry, by digest."""
    folder = Path(__file__).parent / "echo"
    recipe = Recipe("seaway-test", "echo", folder, folder, "python3 server.py 8000", 8000)
    return str(build(recipe, LocalRegistry(), Store(), silent, "images/echo"))


@pytest.fixture
def echo(cluster: Cluster, namespace: str, image: str) -> Echo:
    return Echo(cluster, namespace, "echo", image)


@pytest.fixture
def nodes(cluster: Cluster) -> list[str]:
    found = cluster.kube.list("v1", "Node")
    assert all(is_ready(each) for each in found)
    return [each["metadata"]["name"] for each in found]
