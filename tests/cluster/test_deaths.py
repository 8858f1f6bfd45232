"""Whatever dies comes back, and what runs goes on meanwhile."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from seaway.kit.kube import Ref
from seaway.model.event import silent
from seaway.providers.local import cgroups, network
from seaway.providers.local.access import Access
from tests.cluster.support import Cluster, Echo, Visitor, until

CONTROL = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "coredns",
    "registry",
)
NODE = ("containerd", "kubelet")


def kill(cluster: Cluster, part: str, node: int = 0) -> None:
    """SIGKILL it, and wait until another one of it runs."""
    pid = until(lambda: cluster.pid(part, node), f"{part} to kill")
    os.kill(pid, signal.SIGKILL)
    until(lambda: cluster.pid(part, node) not in (None, pid), f"{part} again")


def works(cluster: Cluster, namespace: str, image: str, node: str) -> None:
    """Prove every part with something new: a pod, its address, its name and its volume on this node."""
    fresh = Echo(cluster, namespace, "fresh", image)
    until(lambda: cluster.kube.ready() and Access().answers(), "the API and the registry")
    fresh.apply(node=node, volume=True)
    fresh.answers()
    service = cluster.kube.get(Ref("v1", "Service", "fresh", namespace))
    assert service
    until(lambda: fresh.get("/resolve/fresh") == service["spec"]["clusterIP"], "the new name")


@pytest.mark.parametrize("part", CONTROL)
def test_a_part_of_the_control_plane_dies(
    cluster: Cluster, pair: Echo, namespace: str, nodes: list[str], part: str
) -> None:
    before = until(lambda: _both(cluster, pair), "both pods")
    with Visitor(pair.address) as visitor:
        kill(cluster, part)
        works(cluster, namespace, pair.image, nodes[0])
    assert visitor.asked
    assert visitor.failures == []
    assert before.items() <= cluster.pods(pair.namespace).items()


@pytest.mark.parametrize("part", NODE)
def test_a_part_of_a_node_dies(
    cluster: Cluster, pair: Echo, namespace: str, nodes: list[str], part: str
) -> None:
    before = until(lambda: _both(cluster, pair), "both pods")
    with Visitor(pair.address) as visitor:
        kill(cluster, part, node=1)
        works(cluster, namespace, pair.image, nodes[0])
    assert visitor.failures == []
    until(lambda: before.items() <= cluster.pods(pair.namespace).items(), "the same containers")


def test_a_node_loses_its_power_and_boots(
    cluster: Cluster, pair: Echo, namespace: str, nodes: list[str]
) -> None:
    before = until(lambda: _both(cluster, pair), "both pods")
    kill(cluster, "init", node=1)
    until(lambda: (now := _both(cluster, pair)) and now != before, "new containers on the node")
    works(cluster, namespace, pair.image, nodes[0])
    assert cluster.pods(pair.namespace).keys() >= before.keys()


@pytest.mark.parametrize("reboot", [False, True], ids=["killed", "rebooted"])
def test_everything_dies_at_once_and_create_brings_it_back(
    cluster: Cluster, echo: Echo, reboot: bool
) -> None:
    echo.apply(volume=True)
    echo.answers()
    echo.put("/kept", "before the end")
    kube, place = cluster.kube, cluster.home
    metadata = {"name": "kept", "namespace": echo.namespace}
    kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"is": "kept"}})
    identities = {n["metadata"]["name"]: n["metadata"]["uid"] for n in kube.list("v1", "Node")}

    cgroups.kill(place.cgroup)
    if reboot:  # a machine that starts again has none of this
        network.lower_cluster(place)
        cgroups.remove(place.cgroup)
        shutil.rmtree(place.run)
    facts = cluster.clusters.find(cluster.name)
    assert facts
    assert facts.state == "stopped"
    facts = cluster.clusters.create(cluster.name, 2, "small", silent)

    assert facts.state == "running"
    kube = cluster.kube
    assert {n["metadata"]["name"]: n["metadata"]["uid"] for n in kube.list("v1", "Node")} == identities
    kept = kube.get(Ref("v1", "ConfigMap", "kept", echo.namespace))
    assert kept
    assert kept["data"] == {"is": "kept"}
    echo.answers()
    until(lambda: echo.get("/kept") == "before the end", "what was written")


def _both(cluster: Cluster, echo: Echo) -> dict[str, tuple[str, ...]]:
    pods = cluster.pods(echo.namespace)
    return pods if len(pods) == 2 else {}
