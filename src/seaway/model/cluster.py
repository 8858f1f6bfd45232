"""What can be seen of a cluster from outside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class NodeFacts:
    """A node: `ready` as Kubernetes says, `size` small, medium, large or an instance type."""

    name: str
    address: str
    size: str
    ready: bool
    running: bool


@dataclass(frozen=True)
class ClusterFacts:
    """A cluster. `state` is running, stopped (processes gone, data kept) or broken (part of it is gone).

    `outside` is the address at which pods reach this machine's loopback ports, if the cluster offers one.
    `published` are the loopback ports of this machine that lead to addresses in the cluster, `admitted` those
    that pods may reach.
    """

    name: str
    context: str
    server: str
    state: str
    nodes: tuple[NodeFacts, ...]
    outside: str = ""
    published: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    admitted: tuple[int, ...] = ()
