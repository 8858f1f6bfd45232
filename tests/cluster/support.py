"""A real cluster as the tests see it: its processes, its pods, and what this machine has of it."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Any, Self, TypeVar

from seaway.errors import SeawayError
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.providers.local import cgroups, home
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.home import Home

PATIENCE = 120.0
SYNC = 0.1
T = TypeVar("T")
_numbers = itertools.count(1)


def until(look: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """Look again and again until the answer is true; errors of a part that is away count as false."""
    end, last = time.monotonic() + patience, ""
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except (SeawayError, OSError, HTTPException) as error:
            last = f": {error}"
        time.sleep(SYNC)
    raise AssertionError(f"not within {patience:g} s: {what}{last}")


@dataclass
class Cluster:
    name: str
    clusters: LocalClusters

    @property
    def home(self) -> Home:
        found = home.find(self.name)
        assert found
        return found

    @cached_property
    def kube(self) -> Kube:
        return Kube.from_kubeconfig(self.clusters.kubeconfig(self.name), self.home.context)

    def pid(self, part: str, node: int = 0) -> int | None:
        """The process of a part of the control plane, or of a node; `init` is the node's first.

        Several components may share a process: they stand in its command line with a + between them.
        """
        group = f"{self.home.cgroup}/node-{node}/daemons" if node else f"{self.home.cgroup}/control"
        group = "seaway/machine" if part == "registry" else group
        for pid in cgroups.processes(group):
            first, *rest = words(pid) or [""]
            program = Path(first).name
            if part == "containerd" and program == part:
                return pid
            if part == "init" and program == "s6-svscan":
                return pid
            if program == "engine" and part in (rest[0], *(b for a, b in pairwise(rest) if a == "+")):
                return pid
        return None

    @contextmanager
    def without_power(self, node: int) -> Iterator[None]:
        """A node is off for so long, and told nobody: its cable is out before its processes die."""
        service = self.home.services / f"node-{node}"
        cable = ("nsenter", f"--net=/run/netns/{self.home.namespace}", "ip", "link", "set", f"node{node}")
        _run(*cable, "down")
        _run("s6-svc", "-dk", str(service))
        try:
            yield
        finally:
            _run(*cable, "up")
            _run("s6-svc", "-u", str(service))

    def pods(self, namespace: str) -> dict[str, tuple[str, ...]]:
        """Running pods and the containers in them."""
        return {
            pod["metadata"]["name"]: tuple(c["containerID"] for c in pod["status"]["containerStatuses"])
            for pod in self.kube.list("v1", "Pod", namespace=namespace)
            if is_ready(pod)
        }


@contextmanager
def namespace_of_its_own(kube: Kube) -> Iterator[str]:
    """Make one; it goes afterwards, with its pods, while the next test begins."""
    name = f"test-{next(_numbers)}"
    until(lambda: kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}), name)
    account = Ref("v1", "ServiceAccount", "default", name)
    until(lambda: kube.get(account), "the namespace's service account")
    yield name
    kube.delete(Ref("v1", "Namespace", name))


def words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return []


def is_ready(item: Manifest) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def http(method: str, address: str, path: str, body: str = "", *, port: int = 80) -> tuple[int, str]:
    """One request over a new connection."""
    connection = HTTPConnection(address, port, timeout=10)
    try:
        connection.request(method, path, body or None)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@dataclass(frozen=True)
class Echo:
    """The echo server as a Deployment behind a Service with an address of its own."""

    cluster: Cluster
    namespace: str
    name: str
    image: str

    def apply(self, *, replicas: int = 1, node: str = "", volume: bool = False) -> None:
        """`node` pins the pods; `volume` gives them one persistent volume at /data."""
        kube = self.cluster.kube
        if volume:
            claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
            kube.apply(self._object("v1", "PersistentVolumeClaim", claim))
        kube.apply(self._object("apps/v1", "Deployment", self._deployment(replicas, node, volume)))
        ports = [{"port": 80, "targetPort": 8000}]
        service = {"type": "LoadBalancer", "selector": {"app": self.name}, "ports": ports}
        kube.apply(self._object("v1", "Service", service))

    @property
    def address(self) -> str:
        """The load balancer's address, once there is one."""

        def look() -> str:
            service = self.cluster.kube.get(Ref("v1", "Service", self.name, self.namespace)) or {}
            ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
            return str(ingress[0].get("ip", ""))

        return until(look, f"an address for Service {self.name}")

    def answers(self) -> str:
        """The name of a pod that answers at the address."""
        address = self.address

        def look() -> str:
            status, text = http("GET", address, "/name")
            return text if status == 200 else ""

        return until(look, f"an answer of {self.name} at {address}")

    def get(self, path: str) -> str:
        status, text = http("GET", self.address, path)
        if status != 200:
            raise OSError(f"{path}: {status} {text}")
        return text

    def put(self, path: str, text: str) -> None:
        status, _ = http("PUT", self.address, path, text)
        assert status == 200

    def _object(self, api: str, kind: str, spec: Manifest) -> Manifest:
        metadata = {"name": self.name, "namespace": self.namespace}
        return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}

    def _deployment(self, replicas: int, node: str, volume: bool) -> Manifest:
        container: Manifest = {
            "name": "echo",
            "image": self.image,
            "ports": [{"containerPort": 8000}],
            "readinessProbe": {"httpGet": {"path": "/name", "port": 8000}, "periodSeconds": 1},
        }
        pod: Manifest = {"containers": [container], "terminationGracePeriodSeconds": 1}
        spread = {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": self.name}},
        }
        pod["topologySpreadConstraints"] = [spread]
        if node:
            pod["nodeSelector"] = {"kubernetes.io/hostname": node}
        if volume:
            container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
            pod["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": self.name}}]
        labels = {"app": self.name}
        return {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }


@dataclass
class Visitor:
    """Asks an address all the time, ten times a second, and keeps what went wrong."""

    address: str
    failures: list[str] = field(default_factory=list)
    asked: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.wait(0.1):
            self.asked += 1
            try:
                status, _ = http("GET", self.address, "/name")
            except (OSError, HTTPException) as error:
                self.failures.append(repr(error))
            else:
                if status != 200:
                    self.failures.append(str(status))


def belongings(mark: str) -> dict[str, set[str]]:
    """What this machine has that carries `mark`, a cluster's name or link: nothing, once it is deleted."""
    return {
        "processes": {str(pid) for pid in _processes(mark)},
        "namespaces": {p.name for p in Path("/run/netns").glob("*") if mark in p.name},
        "mounts": {m for m in Path("/proc/self/mountinfo").read_text().splitlines() if mark in m},
        "links": {link["ifname"] for link in _json("ip", "-j", "link") if mark in link["ifname"]},
        "routes": {r["dst"] for r in _json("ip", "-j", "route") if mark in r.get("dev", "")},
        "tables": {t for t in _run("nft", "list", "tables").splitlines() if mark in t},
        "groups": {str(p) for p in Path("/sys/fs/cgroup").glob(f"**/seaway/*{mark}*")},
        "files": {str(p) for root in (home.STATE, home.RUN) for p in root.glob(f"clusters/*{mark}*")},
    }


def unanswered() -> str:
    """Connections that nobody has taken up, as this machine and each namespace translate them."""
    told = []
    for place in (Path("/proc/self/ns/net"), *sorted(Path("/run/netns").glob("seaway-*"))):
        rows = _run("nsenter", f"--net={place}", "cat", "/proc/net/nf_conntrack").splitlines()
        told += [f"{place.name}: {' '.join(row.split()[5:])}" for row in rows if " SYN_SENT " in row]
    return "\n".join(told)


def _processes(mark: str) -> set[int]:
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "cmdline").read_text() + (folder / "cgroup").read_text()
            dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if f"clusters/{mark}/" in told or f"seaway/{mark}/" in told or f"netns/seaway-{mark}" in told:
            found |= set() if dead else {int(folder.name)}
    return found


def _json(*argv: str) -> Any:
    return json.loads(_run(*argv))


def _run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
