"""Nodes come when pods need them and go when none does, whatever dies on the way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from seaway.kit import process
from seaway.kit.kube import Manifest, Ref
from seaway.model.event import silent
from seaway.providers.eks.rolling import GROUP, Rolling
from seaway.providers.eks.versions import inside
from seaway.providers.local import cgroups, engine, home, machine
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.home import NodeHome
from seaway.providers.local.keeper import Keeper
from seaway.rooms.cluster.pool import node_class, pool
from seaway.rooms.cluster.spec import NodesSpec
from tests.cluster.support import Cluster, belongings, until, words

pytestmark = pytest.mark.beside

NAME = "seaway-test-scaling"
#: What a pod asks for of a small node's one CPU: two never fit.
MORE_THAN_HALF = "700m"
SYSTEM = "load"
DEPLOYMENT = Ref("apps/v1", "Deployment", SYSTEM, "default")
AUTOSCALER = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
SEED = 20261130


@pytest.fixture(scope="module")
def scaled(kubeconfig: Path) -> Iterator[Cluster]:  # noqa: ARG001
    """A cluster with one node that stands, and an autoscaler that may add two."""
    clusters = LocalClusters()
    clusters.create(NAME, 1, "small", silent)
    clusters.autoscale(NAME, silent)
    cluster = Cluster(NAME, clusters)
    cluster.kube.apply(node_class(SYSTEM))
    cluster.kube.apply(pool(SYSTEM, NodesSpec(min=1, max=3, size="small"), 1))
    yield cluster
    cluster.kube.close()
    clusters.delete(NAME, silent)
    assert not any(belongings(NAME).values())


@pytest.fixture
def load(scaled: Cluster) -> Iterator[Cluster]:
    """The cluster with one pod on the node that stands; what is added goes afterwards."""
    until(lambda: scaled.kube.get(Ref("v1", "ServiceAccount", "default", "default")), "a service account")
    _deploy(scaled, 1)
    until(lambda: _running(scaled) == 1, "the first pod")
    yield scaled
    scaled.kube.delete(Ref(AUTOSCALER["apiVersion"], AUTOSCALER["kind"], SYSTEM, "default"))
    scaled.kube.delete(DEPLOYMENT)
    until(lambda: not _pods(scaled), "the end of the pods")
    scaled.clusters.scale(NAME, 1, "small", silent)
    assert _alone(scaled)


def _deploy(cluster: Cluster, replicas: int, name: str = SYSTEM, cpu: str = MORE_THAN_HALF) -> None:
    container = {
        "name": "pause",
        "image": machine.pause(engine.ensure(silent)),
        "resources": {"requests": {"cpu": cpu, "memory": "16Mi"}},
    }
    own = {"app": name}
    template = {
        "metadata": {"labels": own},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": own}, "template": template}
    meta = {"name": name, "namespace": "default"}
    cluster.kube.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})


def _keep_half(cluster: Cluster, name: str) -> None:
    """Have a budget as the services of a system have: half of one is one."""
    spec = {"minAvailable": "50%", "selector": {"matchLabels": {"app": name}}}
    meta = {"name": name, "namespace": "default"}
    cluster.kube.apply(
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec}
    )


def _follow(cluster: Cluster, least: int, most: int) -> None:
    """Have an autoscaler keep the replicas between these; the pods are at rest: it follows nothing else."""
    target = {"type": "Utilization", "averageUtilization": 60}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": SYSTEM},
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    cluster.kube.apply({**AUTOSCALER, "metadata": {"name": SYSTEM, "namespace": "default"}, "spec": spec})


def _pods(cluster: Cluster, name: str = SYSTEM) -> list[Manifest]:
    return cluster.kube.list("v1", "Pod", namespace="default", labels=f"app={name}")


def _running(cluster: Cluster, name: str = SYSTEM) -> int:
    return sum(pod["status"].get("phase") == "Running" for pod in _pods(cluster, name))


def _added(cluster: Cluster) -> list[NodeHome]:
    return [each for each in home.nodes(cluster.home) if each.claim]


def _claims(cluster: Cluster) -> set[str]:
    return {claim["metadata"]["name"] for claim in cluster.kube.list("karpenter.sh/v1", "NodeClaim")}


def _alone(cluster: Cluster) -> bool:
    """Whether the API server and this machine know of no node but the one that stands."""
    nodes = {each["metadata"]["name"] for each in cluster.kube.list("v1", "Node")}
    return nodes == {cluster.home.node(1).name} and not _added(cluster) and not _claims(cluster)


def _told(cluster: Cluster, reason: str) -> bool:
    """Whether Karpenter has told of a pod that it found no node for, and why."""
    events = cluster.kube.list("v1", "Event", namespace="default", fields="reason=FailedScheduling")
    said = [e["message"] for e in events if e.get("source", {}).get("component") == "karpenter"]
    return any(reason in message for message in said)


def _left(node: NodeHome) -> list[str]:
    """What this machine still has of a node: folders, its namespace, keys, groups."""
    places = [node.state, Path("/run/netns") / node.namespace, node.cluster.services / f"node-{node.number}"]
    places += node.cluster.pki.glob(f"{node.name}.*")
    places += Path("/sys/fs/cgroup").glob(f"**/{node.cgroup}")
    return [str(place) for place in places if place.exists()]


def _kill_karpenter(cluster: Cluster) -> None:
    os.kill(until(lambda: cluster.pid("karpenter"), "Karpenter"), signal.SIGKILL)


def _kill_keeper(cluster: Cluster) -> None:
    control = cgroups.processes(f"{cluster.home.cgroup}/control")
    (pid,) = [pid for pid in control if "seaway.providers.local.keeper" in words(pid)]
    os.kill(pid, signal.SIGKILL)


@contextmanager
def _no_room(cluster: Cluster, folder: Path) -> Iterator[None]:
    """The keeper runs on, on a machine that has 100 MiB of memory left: as it sees it, in a namespace."""
    service, little = cluster.home.services / "keeper", folder / "meminfo"
    little.write_text("MemTotal: 4000000 kB\nMemAvailable: 102400 kB\n")
    inside = f"mount --bind {little} /proc/meminfo; exec {cluster.home.services}/keeper/run"
    process.run("s6-svc", "-d", service)
    keeper = subprocess.Popen(["unshare", "--mount", "sh", "-ec", inside], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        keeper.kill()
        keeper.wait()
        process.run("s6-svc", "-u", service)


def test_a_pod_that_waits_gets_a_node_that_was_not_there_and_it_goes_again(load: Cluster) -> None:
    _deploy(load, 2)
    began = time.monotonic()
    until(lambda: _running(load) == 2, "the pod on a new node")
    assert time.monotonic() - began < 20
    (added,) = _added(load)
    node = load.kube.get(Ref("v1", "Node", added.name))
    assert node
    assert node["metadata"]["labels"]["karpenter.sh/nodepool"] == SYSTEM
    assert node["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "small"
    facts = load.clusters.get(NAME)
    assert [each.claim for each in facts.nodes] == ["", added.claim]
    assert facts.state == "running"

    _deploy(load, 1)
    until(lambda: _alone(load), "the end of the new node")
    assert _left(added) == []


@pytest.mark.parametrize("kill", [_kill_karpenter, _kill_keeper])
def test_either_program_is_killed_while_a_node_is_made(
    load: Cluster, kill: Callable[[Cluster], None]
) -> None:
    _deploy(load, 2)
    until(lambda: _added(load), "the first file of the new node")
    kill(load)
    until(lambda: _running(load) == 2, "the pod on a new node")
    assert {each.claim for each in _added(load)} == _claims(load)
    assert len(_added(load)) == 1


def test_karpenter_is_killed_while_a_node_is_removed(load: Cluster) -> None:
    _deploy(load, 2)
    until(lambda: _running(load) == 2, "the pod on a new node")
    (added,) = _added(load)
    _deploy(load, 1)
    until(
        lambda: (load.kube.get(Ref("v1", "Node", added.name)) or {})["metadata"].get("deletionTimestamp"),
        "the order to remove it",
    )
    _kill_karpenter(load)
    until(lambda: _alone(load), "the end of the new node")
    assert _left(added) == []


def test_a_node_that_nobody_claims_goes(load: Cluster) -> None:
    made = Keeper(load.home, engine.ensure(silent)).make("nobody", "small")
    until(lambda: _alone(load), "the end of the node, which may come before its Node")
    assert _left(load.home.node(int(made["name"].rpartition("-")[2]))) == []


def test_more_pods_than_the_nodes_that_may_be_wait_and_are_told_why(load: Cluster) -> None:
    _deploy(load, 5)
    until(lambda: _running(load) == 3, "a pod on each node that may be")
    until(lambda: _told(load, "limit"), "the reason")
    time.sleep(5)
    assert len(_added(load)) == 2
    assert _running(load) == 3


def test_without_room_on_the_machine_pods_wait_until_there_is_some(load: Cluster, tmp_path: Path) -> None:
    with _no_room(load, tmp_path):
        _deploy(load, 2)
        until(lambda: _told(load, "filtered out all available instance types"), "the reason")
        time.sleep(3)
        assert not _added(load)
        assert not _claims(load)
        assert _running(load) == 1
    until(lambda: _running(load) == 2, "the pod on a new node")


def test_a_pod_that_no_size_can_hold_waits_and_is_told_why(load: Cluster) -> None:
    _deploy(load, 1, name="huge", cpu="9")
    until(lambda: _told(load, "no instance type has enough resources"), "the reason")
    assert not _added(load)
    assert not _claims(load)
    load.kube.delete(Ref("apps/v1", "Deployment", "huge", "default"))


def test_a_person_takes_needless_nodes_away_at_once(load: Cluster) -> None:
    _deploy(load, 3)
    until(lambda: _running(load) == 3, "pods on two new nodes")
    _deploy(load, 1)
    began = time.monotonic()
    facts = load.clusters.scale(NAME, 1, "small", silent)
    assert time.monotonic() - began < 20
    assert [each.claim for each in facts.nodes] == [""]
    assert _alone(load)


def test_a_person_scales_pods_and_nodes_while_both_autoscalers_do(load: Cluster) -> None:
    """Whoever writes last, replicas end within bounds, no node is double or needless; then all rests."""
    _follow(load, 2, 3)
    chance, over = random.Random(SEED), threading.Event()

    def write() -> int:
        written = 0
        while not over.wait(0.2):
            load.kube.patch(DEPLOYMENT, {"spec": {"replicas": chance.choice((1, 2, 4, 9))}})
            written += 1
        return written

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            for nodes in (2, 1, 3, 2):
                load.clusters.scale(NAME, nodes, "small", silent)
        finally:
            over.set()
    assert writing.result() > 10
    until(lambda: _settled(load), "replicas within bounds, each on a node of its own", patience=400)
    still = _state(load)
    for _ in range(10):
        time.sleep(0.5)
        assert _state(load) == still


def _settled(cluster: Cluster) -> bool:
    wanted, pods, nodes, standing, claims = _state(cluster)
    added = _added(cluster)
    return (
        2 <= wanted <= 3
        and wanted == len(pods) == _running(cluster)
        and nodes == {each.name for each in home.nodes(cluster.home)}
        and len(nodes) == max(standing, wanted)
        and claims == {each.claim for each in added}
    )


def _state(cluster: Cluster) -> tuple[int, set[str], set[str], int, set[str]]:
    """How many replicas are wanted, the pods, the nodes, how many of these are a person's, and the claims."""
    pods = {each["metadata"]["name"] for each in _pods(cluster)}
    nodes = {each["metadata"]["name"] for each in cluster.kube.list("v1", "Node")}
    wanted = int((cluster.kube.get(DEPLOYMENT) or {})["spec"]["replicas"])
    return wanted, pods, nodes, len(cluster.clusters.get(NAME).standing), _claims(cluster)


def test_a_node_of_a_person_takes_the_place_of_an_added_one_but_not_under_the_only_pod(load: Cluster) -> None:
    _deploy(load, 2)
    _deploy(load, 1, name="only")
    _keep_half(load, "only")
    until(lambda: _running(load) == 2 and _running(load, "only") == 1, "the pods on two new nodes")
    (only,) = _pods(load, "only")
    assert only["spec"]["nodeName"] in {each.name for each in _added(load)}
    facts = load.clusters.scale(NAME, 5, "small", silent)
    assert len(facts.standing) == 3

    def gone() -> bool:
        assert _running(load, "only") == 1
        return [each.name for each in _added(load)] == [only["spec"]["nodeName"]] and len(_claims(load)) == 1

    # Where a node comes just while Karpenter looks, it looks again after five minutes (its consolidation.go).
    until(gone, "the end of the needless node", patience=400)
    assert _running(load) == 2
    # Its node would go as well, as there is room: that is left to a person, who has another pod start first.
    assert [each["metadata"]["uid"] for each in _pods(load, "only")] == [only["metadata"]["uid"]]
    assert len(load.clusters.get(NAME).standing) == 3
    load.kube.delete(Ref("policy/v1", "PodDisruptionBudget", "only", "default"))
    load.kube.delete(Ref("apps/v1", "Deployment", "only", "default"))


def test_a_node_that_died_for_good_is_replaced(load: Cluster) -> None:
    _deploy(load, 2)
    until(lambda: _running(load) == 2, "the pod on a new node")
    (dead,) = _added(load)
    process.run("s6-svc", "-dk", load.home.services / f"node-{dead.number}")

    def replaced() -> bool:
        places = {pod["spec"].get("nodeName") for pod in _pods(load)}
        added = [each for each in _added(load) if each.claim != dead.claim]
        return len(added) == 1 and places == {load.home.node(1).name, added[0].name} and _running(load) == 2

    until(replaced, "the pod on a node that took its place", patience=240)
    until(lambda: _left(dead) == [], "the end of what was left of it")
    assert _claims(load) == {each.claim for each in _added(load)}


def test_the_only_pod_of_a_service_leaves_once_another_is_there(load: Cluster) -> None:
    stays = Ref("v1", "Node", load.home.node(1).name)
    _keep_half(load, SYSTEM)
    goes = load.clusters.scale(NAME, 2, "small", silent).nodes[-1].name
    # As EKS does with a node of a group that it rolls.
    rolled = {"metadata": {"labels": {GROUP: "main"}}, "spec": {"unschedulable": True}}
    load.kube.patch(stays, rolled)
    until(
        lambda: DEPLOYMENT in {each.movable for each in inside(load.kube).budgets},
        "a budget that keeps the pod",
    )
    Rolling(load.kube, "main").look()
    until(lambda: [pod["spec"].get("nodeName") for pod in _pods(load)] == [goes], "the pod on the other node")
    load.kube.patch(stays, {"metadata": {"labels": {GROUP: None}}, "spec": {"unschedulable": None}})
    until(lambda: _running(load) == 1, "the pod on the other node")

    seen = []
    with ThreadPoolExecutor(1) as pool:
        scaling = pool.submit(load.clusters.scale, NAME, 1, "small", silent)
        while not scaling.done():
            seen.append(_running(load))
        scaling.result()
    load.kube.delete(Ref("policy/v1", "PodDisruptionBudget", SYSTEM, "default"))
    assert len(seen) > 10
    assert min(seen) == 1
