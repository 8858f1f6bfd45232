"""Nodes that come and go, for real: how soon a pod runs on one that was not there, how soon it goes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from scripts.benchmark.clusters import taken, traces
from scripts.rehearsal.figures import quantile
from seaway.errors import Unready
from seaway.kit.kube import Kube, Manifest
from seaway.model.event import silent
from seaway.providers.local import cgroups, engine, home, machine
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.cluster.pool import node_class, pool
from seaway.rooms.cluster.spec import NodesSpec
from seaway.rooms.images.build import build
from seaway.rooms.images.recipe import Recipe
from seaway.rooms.images.store import Store

PROMISES: Final = {
    "pending_to_running_p95_s": 5.0,
    "pending_to_running_pulled_p95_s": 10.0,
    "needless_to_gone_max_s": 45.0,
    "needless_to_gone_asked_max_s": 20.0,
    "left_behind": 0.0,
}
NAME: Final = "bench-scaling"
SYSTEM: Final = "load"
NODES: Final = NodesSpec(min=1, max=4, size="medium")
#: Kubernetes' own clock tells whole seconds: it is looked at so often instead.
LOOK: Final = 0.02
TIMES: Final = 20
WAITS: Final = 3
BURST: Final = 8


def measure(name: str = NAME, times: int = TIMES) -> Iterator[dict[str, Any]]:
    """Measure everything; the cluster is gone afterwards."""
    clusters, before = LocalClusters(), traces(name)
    clusters.create(name, NODES.min, "small", silent)
    try:
        clusters.autoscale(name, silent)
        kube = Kube.from_kubeconfig(clusters.kubeconfig(name), f"seaway-{name}")
        kube.apply(node_class(SYSTEM))
        kube.apply(pool(SYSTEM, NODES, NODES.min))
        bench = Bench(clusters, name, kube)
        programs = engine.ensure(silent)
        yield bench.memory()
        yield bench.comings("", machine.pause(programs), times)
        yield bench.comings("_pulled", _image(), times)
        yield bench.goings()
        yield bench.burst()
        kube.close()
    finally:
        clusters.delete(name, silent)
    yield {"left_behind": float(len(traces(name) - before))}


def _image() -> str:
    """An image of a Python server, which a new node must pull and unpack."""
    folder = Path(__file__).parent / "light"
    recipe = Recipe("bench", "light", folder, folder, "python3 server.py", 8000)
    return str(build(recipe, LocalRegistry(), Store(), silent, "images/light"))


class Bench:
    """A cluster with one small node, and a Deployment whose pods do not share it."""

    def __init__(self, clusters: LocalClusters, name: str, kube: Kube) -> None:
        self.clusters, self.name, self.kube = clusters, name, kube

    def comings(self, what: str, image: str, times: int) -> dict[str, Any]:
        """From a pod that waits to the same pod running on a new node; the node is then asked to go."""
        took, asked = [], []
        self.deploy(image, 1)
        self.until(lambda: self.running() == 1)
        for _ in range(times):
            self.deploy(image, 2)
            took.append(self.until(lambda: self.running() == 2))  # noqa: PLR2004
            self.deploy(image, 1)
            began = time.monotonic()
            self.clusters.scale(self.name, 1, "small", silent)
            asked.append(time.monotonic() - began)
        return {
            f"pending_to_running{what}_p50_s": quantile(took, 0.5),
            f"pending_to_running{what}_p95_s": quantile(took, 0.95),
            f"pending_to_running{what}_max_s": max(took),
            f"needless_to_gone_asked{what}_max_s": max(asked),
        }

    def goings(self) -> dict[str, Any]:
        """From the last pod's order to leave to a cluster of one node again."""
        image, took = machine.pause(engine.ensure(silent)), []
        for _ in range(WAITS):
            self.deploy(image, 2)
            self.until(lambda: self.running() == 2)  # noqa: PLR2004
            self.deploy(image, 1)
            took.append(self.until(lambda: len(self.nodes()) == 1))
        return {"needless_to_gone_mean_s": sum(took) / len(took), "needless_to_gone_max_s": max(took)}

    def burst(self) -> dict[str, Any]:
        """Several pods at once: which nodes they get."""
        self.deploy(machine.pause(engine.ensure(silent)), BURST, cpu="400m")
        took = self.until(lambda: self.running() == BURST)
        kind = "node.kubernetes.io/instance-type"
        sizes = Counter(node["metadata"]["labels"][kind] for node in self.nodes())
        added = sizes - Counter({"small": 1})
        told = ", ".join(f"{count} {size}" for size, count in sorted(added.items()))
        return {"burst_pods": BURST, "burst_to_running_s": took, "burst_nodes": told}

    def memory(self) -> dict[str, float]:
        """What the autoscaler takes of the machine at rest, in MiB (Pss)."""
        time.sleep(10)
        found = {}
        for pid in cgroups.processes(f"{self._home().cgroup}/control"):
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            name = next((n for n in ("karpenter", "seaway.providers.local.keeper") if n in words[:4]), "")
            if name:
                found[f"{name.rpartition('.')[2]}_pss_mib"] = taken([pid])
        return found

    def deploy(self, image: str, replicas: int, cpu: str = "700m") -> None:
        own = {"app": SYSTEM}
        container = {
            "name": "load",
            "image": image,
            "env": [{"name": "SIDE", "value": SYSTEM}, {"name": "PORT", "value": "8000"}],
            "resources": {"requests": {"cpu": cpu, "memory": "32Mi"}},
        }
        spec: Manifest = {"terminationGracePeriodSeconds": 1, "containers": [container]}
        template = {"metadata": {"labels": own}, "spec": spec}
        wanted = {"replicas": replicas, "selector": {"matchLabels": own}, "template": template}
        meta = {"name": SYSTEM, "namespace": "default"}
        self.kube.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": wanted})

    def running(self) -> int:
        pods = self.kube.list("v1", "Pod", namespace="default", labels=f"app={SYSTEM}")
        own = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        return sum(pod["status"].get("phase") == "Running" for pod in own)

    def nodes(self) -> list[Manifest]:
        return self.kube.list("v1", "Node")

    @staticmethod
    def until(look: Callable[[], bool], patience: float = 180.0) -> float:
        """Wait until it is so; gives the seconds."""
        began = time.monotonic()
        while not look():
            if time.monotonic() - began > patience:
                raise Unready(f"not within {patience:g} s")
            time.sleep(LOOK)
        return time.monotonic() - began

    def _home(self) -> home.Home:
        found = home.find(self.name)
        if found is None:
            raise Unready("the benchmark's cluster is gone")
        return found
