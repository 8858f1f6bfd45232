"""System, ports → Snapshot. Reads only: nothing is changed, made or started here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from seaway.flow.system import System
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.model.certificate import mistrust
from seaway.model.manifests import COMPONENT, MANAGED_BY, NAME, PART_OF, SYSTEM_NAMESPACE
from seaway.model.pools import POOL
from seaway.model.snapshot import IssuerFacts, Live, MonolithFacts, Snapshot
from seaway.ports.world import World
from seaway.rooms.acme.wish import wish_ref
from seaway.rooms.cluster.admission import API as ADMISSION_API
from seaway.rooms.cluster.admission import KINDS as ADMISSION
from seaway.rooms.cluster.plan import name_of
from seaway.rooms.cluster.pool import CLASS
from seaway.rooms.cluster.pool import ROOM as CLUSTER
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.crossing.plan import DEFINITION
from seaway.rooms.crossing.resource import API as CROSSING_API
from seaway.rooms.crossing.resource import KIND as CROSSING
from seaway.rooms.edge import controller
from seaway.rooms.edge.certificates import secret_of
from seaway.rooms.edge.certmanager import API as CERT_MANAGER
from seaway.rooms.edge.certmanager import CERTIFICATE
from seaway.rooms.edge.facts import look_at_issuer, look_at_monolith
from seaway.rooms.requests import plan as requests
from seaway.rooms.requests.manifests import NAME as COUNTER
from seaway.rooms.requests.manifests import REGISTRATION, SERVED
from seaway.rooms.services.capacity import KEPT
from seaway.rooms.services.manifests import ROOM as SERVICES
from seaway.steps.rollout import pod_trouble, takes_traffic

#: Kinds that the rooms make for a system, in its namespace or about it, by group and version.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "v1": ("Namespace", "Service", "ServiceAccount", "PersistentVolumeClaim"),
    "apps/v1": ("Deployment", "StatefulSet"),
    "policy/v1": ("PodDisruptionBudget",),
    "networking.k8s.io/v1": ("NetworkPolicy",),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "discovery.k8s.io/v1": ("EndpointSlice",),
    CERT_MANAGER: (CERTIFICATE,),
    "gateway.networking.k8s.io/v1": ("Gateway", "HTTPRoute", "BackendTLSPolicy"),
    "gateway.envoyproxy.io/v1alpha1": (
        *("EnvoyProxy", "ClientTrafficPolicy", "BackendTrafficPolicy"),
        *("EnvoyPatchPolicy", "Backend", "HTTPRouteFilter", "SecurityPolicy"),
    ),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding"),
    ADMISSION_API: ADMISSION,
    POOL[0]: (POOL[1],),
    "storage.k8s.io/v1": ("StorageClass",),
    CROSSING_API: (CROSSING, CLASS[1]),
}
#: Kinds of the gateway's own installation; of these only the metadata travels.
PLATFORM: Final[Mapping[str, tuple[str, ...]]] = {
    "v1": ("ServiceAccount", "ConfigMap", "Service"),
    "apiextensions.k8s.io/v1": ("CustomResourceDefinition",),
    "rbac.authorization.k8s.io/v1": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "policy/v1": ("PodDisruptionBudget",),
}


#: Kubernetes copies a Service's labels to the slices that it fills, one endpoint per pod: those are not ours.
OWN_SLICES: Final = "!endpointslice.kubernetes.io/managed-by"

Look = Callable[[], tuple[Live, Manifest | None]]


def observe(system: System, name: str, environment: EnvironmentSpec, world: World) -> Snapshot:
    """Look at one environment; which images there are, and its pods, are seen elsewhere.

    What travels for it does not grow with the number of pods.
    Raises Unreachable where the cluster is said to run but its API does not answer.
    """
    with ThreadPoolExecutor(7) as pool:
        monolith = pool.submit(_monolith, system, environment)
        issuer = pool.submit(_issuer, system, environment)
        cluster = world.clusters.find(name_of(environment))
        running = cluster is not None and cluster.state == "running"
        counter = pool.submit(_counter, system, environment, world.kube) if running else None
        collect = _look(pool, world.kube, system.system) if running else None
        secret = pool.submit(world.kube.get, secret_of(system.system)) if running else None
        live, record = collect() if collect else (Live(), None)
        counted, metrics = counter.result() if counter else (Live(), "")
        return Snapshot(
            environment=name,
            now=datetime.now(UTC),
            cluster=cluster,
            live=Live({**live.objects, **counted.objects}),
            monolith=monolith.result(),
            chart=world.charts.identity(controller.CHART),
            record=record,
            authority=world.certificates.authority,
            renewal=world.certificates.renewal,
            mistrust=mistrust(secret.result(), *_needed(environment)) if secret else "",
            voucher=_voucher(system, environment),
            issuer=issuer.result(),
            metrics=metrics,
        )


def observe_pods(system: System, names: Iterable[str], world: World) -> tuple[Manifest, ...]:
    """Look for one pod in trouble of each of these workloads; where there are none nothing is asked.

    However many pods there are, few are kept in memory.
    """
    wanted, found = sorted(names), dict[tuple[str, str], Manifest]()
    mine = f"{PART_OF}={system.system},{NAME} in ({','.join(wanted)})"
    places = {system.system: mine} if wanted else {}
    places |= {SYSTEM_NAMESPACE: requests.OWN} if COUNTER in wanted else {}
    for namespace, own in places.items():
        for pod in world.kube.each("v1", "Pod", namespace=namespace, labels=own):
            labels = pod["metadata"]["labels"]
            part = labels.get(COMPONENT, ""), labels[NAME]
            if part not in found and not takes_traffic(pod) and pod_trouble(pod):
                found[part] = pod
    return tuple(found.values())


def observe_crossings(system: System, name: str, world: World) -> Snapshot:
    """Look only at what a move needs, crossings, routes and pods, so that the way back is short.

    Raises NotFound where there is no cluster, Unreachable where its API does not answer.
    """
    own = f"{MANAGED_BY}=seaway,{PART_OF}={system.system}"
    found = world.kube.list("gateway.networking.k8s.io/v1", "HTTPRoute", labels=own)
    found += world.kube.list(CROSSING_API, CROSSING, labels=own)
    pods = world.kube.list("v1", "Pod", labels=f"{PART_OF}={system.system}")
    return Snapshot(name, datetime.now(UTC), live=Live.of(found), pods=tuple(pods))


def observe_rollouts(system: System, name: str, world: World) -> Snapshot:
    """Look only at what a release needs: workloads with those before them, their autoscalers, crossings.

    Raises NotFound where there is no cluster, Unreachable where its API does not answer.
    """
    seen = observe_crossings(system, name, world)
    own = f"{PART_OF}={system.system},{COMPONENT}={SERVICES}"
    kinds = {"apps/v1": ("Deployment", "ReplicaSet"), "autoscaling/v2": ("HorizontalPodAutoscaler",)}
    found = [m for api, each in kinds.items() for m in _lists(world.kube, api, each, own)]
    return replace(seen, live=Live({**seen.live.objects, **Live.of(found).objects}))


def observe_scale(system: System, name: str, environment: EnvironmentSpec, world: World) -> Snapshot:
    """Look only at load, replicas and nodes.

    Raises NotFound where there is no cluster, Unreachable where its API does not answer.
    """
    own = f"{MANAGED_BY}=seaway,{PART_OF}={system.system}"
    kinds = {
        "apps/v1": ("Deployment",),
        "autoscaling/v2": ("HorizontalPodAutoscaler",),
        POOL[0]: (POOL[1],),
    }
    found = [m for api, each in kinds.items() for m in _lists(world.kube, api, each, own)]
    pods = world.kube.list("v1", "Pod", labels=f"{PART_OF}={system.system}")
    cluster = world.clusters.find(name_of(environment))
    counter, metrics = _served(world.kube) if system.counted(environment) else ([], "")
    live = Live.of([*found, *counter])
    return Snapshot(name, datetime.now(UTC), cluster=cluster, live=live, pods=tuple(pods), metrics=metrics)


def observe_room(system: System, name: str, world: World) -> Snapshot:
    """Look at load and replicas, what the nodes offer, and all pods on them; also at what probes found.

    Raises as observe_scale does.
    """
    seen = observe_scale(system, name, system.environment(name)[1], world)
    probed = world.kube.get(Ref("v1", "ConfigMap", KEPT, system.system))
    found = Live.of([*world.kube.list("v1", "Node"), *([probed] if probed else [])])
    pods = tuple(world.kube.list("v1", "Pod"))
    return replace(seen, live=Live({**seen.live.objects, **found.objects}), pods=pods)


def unplaced(system: System, world: World) -> list[Manifest]:
    """List the events that tell why pods of the system were not placed."""
    return world.kube.list("v1", "Event", namespace=system.system, fields="reason=FailedScheduling")


def neighbours(system: System, world: World) -> list[str]:
    """Name the other systems in the same cluster."""
    found = world.kube.list("v1", "Namespace", labels=f"{MANAGED_BY}=seaway,{COMPONENT}={CLUSTER}")
    return sorted(m["metadata"]["name"] for m in found if m["metadata"]["name"] != system.system)


def shared_counter(kube: Kube) -> list[Ref]:
    """Find what belongs to the program that counts requests for all systems of a cluster elsewhere."""
    kinds = {**requests.KINDS, "v1": (*requests.KINDS["v1"], "Secret")}
    found = [m for v, each in kinds.items() for m in _lists(kube, v, each, requests.OWN, metadata=True)]
    return [Ref.of(each) for each in found]


def _counter(system: System, environment: EnvironmentSpec, kube: Kube) -> tuple[Live, str]:
    """Look at the program that counts requests, and for another one, where a service wants it elsewhere."""
    if not system.counted(environment):
        return Live(), ""
    found = [m for v, kinds in requests.KINDS.items() for m in _lists(kube, v, kinds, requests.OWN)]
    registered = kube.list(REGISTRATION, "APIService", metadata=True)
    return Live.of(found), requests.another(registered)


def _served(kube: Kube) -> tuple[list[Manifest], str]:
    """Look at that program no further than whether it runs and is reached; also for another one."""
    registered = kube.list(REGISTRATION, "APIService")
    program = kube.get(Ref("apps/v1", "Deployment", COUNTER, SYSTEM_NAMESPACE))
    mine = [each for each in registered if each["metadata"]["name"] == SERVED]
    return [*mine, *([program] if program else [])], requests.another(registered)


def _needed(environment: EnvironmentSpec) -> tuple[str, ...]:
    """Name what a certificate of use is for: for further names it may be signed later."""
    return (environment.domain,) if environment.https.later else environment.hosts


def _voucher(system: System, environment: EnvironmentSpec) -> str:
    file = environment.https.ca
    return (system.folder / file).read_text() if file else ""


def _monolith(system: System, environment: EnvironmentSpec) -> MonolithFacts | None:
    monolith = system.monolith_in(environment)
    return look_at_monolith(monolith) if monolith else None


def _issuer(system: System, environment: EnvironmentSpec) -> IssuerFacts | None:
    if (spec := environment.login) is None:
        return None
    return look_at_issuer(spec.issuer, str(system.folder / spec.ca) if spec.ca else "")


def _look(pool: ThreadPoolExecutor, kube: Kube, system: str) -> Look:
    """Start every LIST at once, one group and version after another within a thread: each is learnt once."""
    own = f"{MANAGED_BY}=seaway,{PART_OF}={system}"
    shared = f"{MANAGED_BY}=seaway,{COMPONENT}={controller.COMPONENT}"
    full = [
        pool.submit(_lists, kube, version, kinds, f"{own},{OWN_SLICES}") for version, kinds in KINDS.items()
    ]
    hidden = pool.submit(_lists, kube, "v1", ("Secret",), own, metadata=True)
    platform = [pool.submit(_lists, kube, v, kinds, shared, metadata=True) for v, kinds in PLATFORM.items()]
    running = pool.submit(_lists, kube, "apps/v1", ("Deployment",), shared)
    classes = pool.submit(_lists, kube, "gateway.networking.k8s.io/v1", ("GatewayClass",), shared)
    definition = pool.submit(kube.get, DEFINITION)
    wish = pool.submit(kube.get, wish_ref(system))
    record = pool.submit(kube.get, Ref("v1", "ConfigMap", controller.RECORD, SYSTEM_NAMESPACE))

    def collect() -> tuple[Live, Manifest | None]:
        found: list[Manifest] = []
        for future in (*platform, classes, running, hidden, *full):
            found += future.result()
        found += [known for each in (definition, wish) if (known := each.result())]
        return Live.of(found), record.result()

    return collect


def _lists(
    kube: Kube, version: str, kinds: Iterable[str], labels: str, *, metadata: bool = False
) -> list[Manifest]:
    return [item for kind in kinds for item in kube.list(version, kind, labels=labels, metadata=metadata)]
