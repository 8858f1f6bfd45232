"""The registry as an earlier version ran it, in the clear and open to all, moves to its present form."""

from __future__ import annotations

import json
import shutil
import stat

import httpx2

from seaway.kit import process
from seaway.model.event import silent
from seaway.model.names import ImageRef
from seaway.providers.local import home, machine
from seaway.providers.local.access import HOST, PULL, PUSH, Access
from seaway.providers.local.registry import LocalRegistry
from tests.cluster.support import Cluster, until


def _open() -> bool:
    try:
        return httpx2.get(f"http://{HOST}/v2/").status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False


def _go_back(cluster: Cluster) -> None:
    """Run the registry in its old form, and let the nodes know it so."""
    shutil.rmtree(Access().folder)
    place = home.STATE / "registry.json"
    config = json.loads(place.read_text())
    del config["auth"], config["http"]["tls"]
    place.write_text(json.dumps(config))
    for node in home.nodes(cluster.home):
        server = f"http://{cluster.home.outside}:{HOST.partition(':')[2]}"
        (node.state / "certs.d" / HOST / "hosts.toml").write_text(f'server = "{server}"\n')
    process.run("s6-svc", "-r", home.RUN / "machine/registry")
    until(_open, "the registry in its old form")


def test_a_registry_of_an_earlier_version_is_moved_with_its_images_and_its_nodes(
    cluster: Cluster, namespace: str, nodes: list[str], image: str
) -> None:
    with machine.alone(silent):  # whoever makes a cluster beside this would move it, too
        _go_back(cluster)
        assert not machine.supervised()
        facts = cluster.clusters.find(cluster.name)
    assert facts
    assert facts.state == "broken"  # so that seaway up mends it

    assert cluster.clusters.create(cluster.name, len(nodes), "small", silent).state == "running"
    assert not _open()
    ref = ImageRef.parse(image)
    assert LocalRegistry().resolve(ref) == ref.digest
    for node in nodes:
        spec = {"name": "new", "image": image, "imagePullPolicy": "Always"}
        metadata = {"name": node, "namespace": namespace}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
        cluster.kube.apply({**pod, "spec": {"nodeName": node, "containers": [spec]}})
    until(
        lambda: len(cluster.pods(namespace)) == len(nodes), "a pod on every node, its image asked for again"
    )
    for each in home.nodes(cluster.home):
        told = each.state / "certs.d" / HOST / "hosts.toml"
        assert stat.S_IMODE(told.stat().st_mode) == 0o600
        assert "http://" not in told.read_text()
        assert "skip_verify" not in told.read_text()
    secret = [Access().account(each).password.encode() for each in (PUSH, PULL)]
    for log in (*cluster.home.logs.rglob("current"), *(home.STATE / "logs").rglob("current")):
        assert not [each for each in secret if each in log.read_bytes()], log
