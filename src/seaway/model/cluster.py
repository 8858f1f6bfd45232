"""What can be seen of a cluster from outside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

#: The label that tells a node's instance type, on every cloud.
INSTANCE: Final = "node.kubernetes.io/instance-type"


@dataclass(frozen=True)
class NodeFacts:
    """A node: `ready` as Kubernetes says, `size` small, medium, large or an instance type.

    `claim` is the NodeClaim for which the autoscaler added it; empty for a node that stands.
    """

    name: str
    address: str
    size: str
    ready: bool
    running: bool
    claim: str = ""

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Self:
        """Read what Kubernetes tells of a node that somebody else keeps."""
        meta, status = node["metadata"], node.get("status", {})
        addresses = {each["type"]: each["address"] for each in status.get("addresses", [])}
        conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
        size, ready = meta.get("labels", {}).get(INSTANCE, ""), conditions.get("Ready") == "True"
        return cls(meta["name"], addresses.get("InternalIP", ""), size, ready, running=True)


@dataclass(frozen=True)
class Offer:
    """A size of node: what it gives to pods, in cores and bytes, and its price in dollars an hour."""

    size: str
    cpu: float
    memory: float
    price: float


@dataclass(frozen=True)
class ClusterFacts:
    """A cluster. `state` is running, stopped (processes gone, data kept) or broken (part of it is gone).

    On EKS it is running, broken (its API does not answer), closed (it does not let us in) or what EKS says:
    creating, updating, deleting.

    `outside` is the address at which pods reach this machine's loopback ports, if the cluster offers one.
    `published` are the loopback ports of this machine that lead to addresses in the cluster, `admitted` those
    that pods may reach; those of `udp` lead there for datagrams too. `autoscaled` tells whether an autoscaler
    runs; NodePools say what it may add. `counted` tells whether requests through the gateway are a metric, or
    somebody else serves such.
    """

    name: str
    context: str
    server: str
    state: str
    nodes: tuple[NodeFacts, ...]
    outside: str = ""
    published: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    admitted: tuple[int, ...] = ()
    autoscaled: bool = False
    counted: bool = False
    udp: tuple[int, ...] = ()

    @property
    def standing(self) -> tuple[NodeFacts, ...]:
        """The nodes that no autoscaler takes away."""
        return tuple(node for node in self.nodes if not node.claim)
