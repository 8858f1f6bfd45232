"""From the environment to the cluster, its nodes, and the system's closed namespace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from seaway.model.cluster import ClusterFacts
from seaway.model.manifests import Manifest, labels
from seaway.model.plan import Verb
from seaway.model.snapshot import Live
from seaway.rooms.cluster.admission import admission
from seaway.rooms.cluster.spec import NodesSpec
from seaway.rooms.cluster.steps import RaiseCluster, ScaleCluster
from seaway.steps.objects import Desired, changes

ROOM: Final = "cluster"
#: What must be known before a cluster is made: that the edge can be reached once it is there.
FIRST: Final = ("edge/ports/free",)
READY: Final = ("cluster/create", "cluster/nodes")


def name_of(wanted: str) -> str:
    """Name the local cluster of an environment."""
    return wanted or "seaway"


def namespace(system: str) -> Manifest:
    """Give the system a namespace of its own that takes only pods without any privilege."""
    standard = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    meta = {"name": system, "labels": {**labels(system, ROOM, system), **standard}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def closed(system: str) -> Manifest:
    """Let no pod talk to another unless a policy of its own says so."""
    meta = {"name": "default-deny", "namespace": system, "labels": labels(system, ROOM, "default-deny")}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": meta,
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }


def plan_cluster(name: str, nodes: NodesSpec, seen: ClusterFacts | None) -> list[Any]:
    """Decide whether the cluster must be made, started, or given more or fewer nodes."""
    if seen is None:
        why = f"{nodes.min} node{'s' * (nodes.min > 1)} of size {nodes.size}"
        return [RaiseCluster(name, nodes.min, nodes.size, Verb.CREATE, why, FIRST)]
    if seen.state != "running":
        return [
            RaiseCluster(name, len(seen.nodes) or nodes.min, nodes.size, Verb.UPDATE, f"it is {seen.state}")
        ]
    wanted = min(max(len(seen.nodes), nodes.min), nodes.max)
    return [] if wanted == len(seen.nodes) else [ScaleCluster(name, wanted, nodes.size, len(seen.nodes))]


def plan_namespace(system: str, live: Live, known: Mapping[str, str], registry: str = "") -> list[Any]:
    """Decide whether the namespace, its closed door and what may run behind it must change.

    Where the environment's `registry` is not known, nothing is said of images.
    """
    objects = [
        Desired("cluster/namespace", namespace(system), READY),
        Desired("cluster/default-deny", closed(system), ("cluster/namespace",)),
    ]
    if registry:
        policy, binding = admission(system, registry)
        objects += [
            Desired("cluster/images/policy", policy, READY),
            Desired("cluster/images/binding", binding, ("cluster/images/policy",)),
        ]
    return list(changes(objects, live, known))
