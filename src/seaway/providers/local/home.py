"""Where everything of a cluster lies, and which addresses it has: all of it follows from name and number."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from seaway.model.names import cluster_name

STATE: Final = Path("/var/lib/seaway")
RUN: Final = Path("/run/seaway")
CLUSTERS: Final = 40
NODES: Final = 100


def cache() -> Path:
    """The user's cache: what can be made again (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seaway"


@dataclass(frozen=True)
class Home:
    """One cluster: its folders and its addresses.

    `number` makes the addresses: 10.(200+number).0.0/16 holds nodes (.0.0/24), pods (a /24 per node),
    Services (.128.0/20), load balancers (.144.0/20) and the link to this machine (.255.0/30).
    """

    name: str
    number: int

    @property
    def state(self) -> Path:
        return STATE / "clusters" / self.name

    @property
    def run(self) -> Path:
        return RUN / "clusters" / self.name

    @property
    def services(self) -> Path:
        return self.run / "services"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def volumes(self) -> Path:
        return self.state / "volumes"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def gate(self) -> Path:
        """There once the API server was ready and knew who may do what; its clients start after that."""
        return self.state / "api-ready"

    @property
    def context(self) -> str:
        return f"seaway-{self.name}"

    @property
    def network(self) -> IPv4Network:
        return IPv4Network(f"10.{200 + self.number}.0.0/16")

    def _address(self, third: int, fourth: int) -> IPv4Address:
        return self.network[third * 256 + fourth]

    @property
    def control(self) -> IPv4Address:
        """The control plane, and the router of the nodes."""
        return self._address(0, 1)

    @property
    def server(self) -> str:
        return f"https://{self.control}:6443"

    @property
    def outside(self) -> IPv4Address:
        """This machine, as the cluster sees it."""
        return self._address(255, 1)

    @property
    def inside(self) -> IPv4Address:
        """The cluster's end of the link."""
        return self._address(255, 2)

    @property
    def pods(self) -> IPv4Network:
        """Nodes and pods: whatever comes from elsewhere is masqueraded by kube-proxy."""
        return IPv4Network(f"{self._address(0, 0)}/17")

    @property
    def cluster_ips(self) -> IPv4Network:
        return IPv4Network(f"{self._address(128, 0)}/20")

    @property
    def balancers(self) -> IPv4Network:
        return IPv4Network(f"{self._address(144, 0)}/20")

    @property
    def dns(self) -> IPv4Address:
        return self._address(128, 10)

    @property
    def link(self) -> str:
        """The interface on this machine that leads to the cluster (at most 15 characters)."""
        return f"seaway{self.number}"

    @property
    def namespace(self) -> str:
        """The network namespace of the control plane."""
        return f"seaway-{self.name}"

    @property
    def cgroup(self) -> str:
        return f"seaway/{self.name}"

    def node(self, number: int) -> NodeHome:
        return NodeHome(self, number)


@dataclass(frozen=True)
class NodeHome:
    """One node of a cluster; `number` counts from 1 and is never given to two nodes at once."""

    cluster: Home
    number: int

    @property
    def name(self) -> str:
        return f"{self.cluster.context}-{self.number}"

    @property
    def state(self) -> Path:
        return self.cluster.state / "nodes" / str(self.number)

    @property
    def record(self) -> Path:
        return self.state / "node.json"

    @property
    def address(self) -> IPv4Address:
        return self.cluster.network[10 + self.number]

    @property
    def pods(self) -> IPv4Network:
        return IPv4Network(f"{self.cluster.network[self.number * 256]}/24")

    @property
    def namespace(self) -> str:
        return self.name

    @property
    def cgroup(self) -> str:
        return f"{self.cluster.cgroup}/node-{self.number}"

    @property
    def size(self) -> str:
        return self._known("size")

    @property
    def claim(self) -> str:
        """The NodeClaim for which the autoscaler had it made; empty where a person did."""
        return self._known("claim")

    def remember(self, **facts: str) -> None:
        """Write what is known of the node; a reader sees all of it or nothing."""
        fresh = self.record.with_suffix(".new")
        fresh.write_text(json.dumps(facts))
        fresh.replace(self.record)

    def _known(self, key: str) -> str:
        """Read one fact; empty where the node went in this moment."""
        try:
            return str(json.loads(self.record.read_text()).get(key, ""))
        except FileNotFoundError:
            return ""


def find(name: str) -> Home | None:
    """The home of a cluster that was made here, running or not."""
    record = STATE / "clusters" / cluster_name(name) / "cluster.json"
    if not record.is_file():
        return None
    return Home(name, json.loads(record.read_text())["number"])


def homes() -> tuple[Home, ...]:
    """Every cluster that was made here."""
    names = sorted(p.parent.name for p in (STATE / "clusters").glob("*/cluster.json"))
    return tuple(home for name in names if (home := find(name)))


def nodes(home: Home) -> tuple[NodeHome, ...]:
    """The cluster's nodes by number, running or not."""
    numbers = sorted(int(p.parent.name) for p in (home.state / "nodes").glob("*/node.json"))
    return tuple(home.node(n) for n in numbers)
