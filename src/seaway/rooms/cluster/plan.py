"""From the environment to the cluster, its nodes, and the system's closed namespace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from seaway.kit.kube import Ref
from seaway.model.cluster import ClusterFacts
from seaway.model.manifests import Manifest, labels
from seaway.model.plan import Change, Verb
from seaway.model.pools import POOL, SIZE
from seaway.model.snapshot import Live
from seaway.rooms.cluster.admission import admission
from seaway.rooms.cluster.pool import CLASS, ROOM, node_class, pool, pool_on_eks
from seaway.rooms.cluster.spec import LOCAL_SIZES, EnvironmentSpec, NodesSpec
from seaway.rooms.cluster.steps import (
    AutoscaleCluster,
    CountRequests,
    LetGoOfGround,
    RaiseCluster,
    RaiseGround,
    ScaleCluster,
)
from seaway.steps.objects import Desired, RemoveObject, changes, orphans

#: Seconds in which the nodes of a NodePool that goes must be drained and gone.
PATIENCE: Final = 600.0
#: What must be known before a cluster is made: that the edge can be reached once it is there.
FIRST: Final = ("edge/ports/free",)
READY: Final = ("cluster/create", "cluster/nodes")
#: How parts are called that load balancers show, and after which steps one shows those that it shall.
SHOWN: Final = ("certificate/", "proof/")
SHOWS: Final = ("cluster/create", "edge/proxy", "edge/gateway", "edge/gateway/await")
#: Who makes EBS volumes: an add-on, or EKS Auto Mode itself (EKS user guide, Create a storage class).
DRIVERS: Final = {False: "ebs.csi.aws.com", True: "ebs.csi.eks.amazonaws.com"}


def name_of(environment: EnvironmentSpec) -> str:
    """Name the cluster of an environment: one that somebody else keeps by its context."""
    return environment.context or environment.cluster or "seaway"


def storage_class_of(system: str, environment: EnvironmentSpec) -> str:
    """Name the class of the volumes that databases get; empty for the cluster's own default."""
    return f"seaway-{system}" if environment.on == "eks" else ""


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
    """Decide whether the cluster must be made, started, or given more or fewer nodes that stand."""
    if seen is None:
        why = f"{nodes.min} node{'s' * (nodes.min > 1)} of size {nodes.size}"
        return [RaiseCluster(name, nodes.min, nodes.size, Verb.CREATE, why, FIRST)]
    if seen.state != "running":
        return [
            RaiseCluster(
                name, len(seen.standing) or nodes.min, nodes.size, Verb.UPDATE, f"it is {seen.state}"
            )
        ]
    stand, there = len(seen.standing), len(seen.nodes)
    if stand < nodes.min:
        return [ScaleCluster(name, there + nodes.min - stand, nodes.size, there)]
    return [ScaleCluster(name, nodes.max, nodes.size, there)] if stand > nodes.max else []


def plan_ground(name: str, seen: ClusterFacts | None, differing: tuple[Change, ...]) -> list[Any]:
    """Decide whether what the cluster stands on in a cloud must be made, finished or mended.

    What its load balancer shows goes only once that shows another.
    """
    late = tuple(each for each in differing if each.verb is Verb.DELETE and each.step.startswith(SHOWN))
    first = tuple(each for each in differing if each not in late)
    running = seen is not None and seen.state == "running"
    raised = [RaiseGround(name, Verb.UPDATE if seen else Verb.CREATE, first)] if first or not running else []
    return [*raised, *([LetGoOfGround(name, late, SHOWS)] if late and running else [])]


def plan_autoscaler(
    name: str, system: str, nodes: NodesSpec, seen: ClusterFacts | None, live: Live
) -> list[Any]:
    """Decide whether nodes must come and go with the load, and up to how many."""
    objects: list[Desired] = []
    steps: list[Any] = []
    if nodes.max > nodes.min:
        first = ("cluster/autoscaler",)
        stand = min(len(seen.standing), nodes.max) if seen else nodes.min
        objects = [
            Desired("cluster/node-class", node_class(system), first),
            Desired("cluster/node-pool", pool(system, nodes, stand), (*first, "cluster/node-class")),
        ]
        if seen is None or not seen.autoscaled:
            steps.append(AutoscaleCluster(name, READY))
    return [*steps, *_pools(objects, live)]


def plan_pool_on_eks(
    system: str, environment: EnvironmentSpec, seen: ClusterFacts | None, live: Live
) -> list[Any]:
    """Decide how many nodes EKS may add to those that always run, which come with the cluster itself."""
    nodes, standing = environment.nodes, seen.standing if seen else ()
    if not nodes.auto or nodes.max <= nodes.min:
        return _pools([], live)
    there = (node.size for node in standing if node.size not in LOCAL_SIZES)
    size = environment.instance or next(there, SIZE)
    return _pools([Desired("cluster/node-pool", pool_on_eks(system, nodes, size), READY)], live)


def _pools(objects: list[Desired], live: Live) -> list[Any]:
    kinds = {POOL[1], CLASS[1]}
    found = {ref: item for ref, item in live.of_component(ROOM).items() if ref.kind in kinds}
    gone = [replace(step, seconds=PATIENCE) for step in orphans(ROOM, objects, found)]
    return [*changes(objects, live, {}), *gone]


def plan_requests(name: str, seen: ClusterFacts | None, *, wanted: bool) -> list[CountRequests]:
    """Decide whether requests must begin to be counted, as some service follows them."""
    return [CountRequests(name, READY)] if wanted and not (seen and seen.counted) else []


def let_go_of_nodes(system: str, after: tuple[str, ...], *, here: bool = True) -> list[RemoveObject]:
    """Take away the nodes that were added for this system, as it leaves its cluster."""
    refs = [Ref(*POOL, system), *([Ref(*CLASS, system)] if here else [])]
    return [RemoveObject(f"cluster/{ref.kind.lower()}/remove", after, ref, PATIENCE) for ref in refs]


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


def plan_storage(system: str, name: str, live: Live, *, auto: bool = False) -> list[Any]:
    """Decide whether the class of volumes must be made: encrypted EBS volumes of the kind gp3, kept in place.

    A volume is made in the zone of the node that needs it first, and may grow later.
    """
    if not name:
        return []
    manifest = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "labels": labels(system, ROOM, name)},
        "provisioner": DRIVERS[auto],
        "parameters": {"type": "gp3", "encrypted": "true"},
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }
    return list(changes([Desired("cluster/storage-class", manifest, READY)], live, {}))
