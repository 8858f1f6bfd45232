"""What one service is in the cluster."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from seaway.model.gateway import REQUESTS
from seaway.model.manifests import (
    COMPONENT,
    NAME,
    PART_OF,
    SYSTEM_NAMESPACE,
    Manifest,
    Output,
    container_security,
    labels,
    over_nodes,
    pod_security,
    selector,
)
from seaway.rooms.services.drain import check, grace
from seaway.rooms.services.history import MIGRATIONS
from seaway.rooms.services.spec import CONTRACT, ServiceSpec

ROOM: Final = "services"
USER: Final = 10001
MONOLITH: Final = "${monolith}"
#: How far above its target a service may be before replicas come; downwards Kubernetes' own tenth holds.
TOLERANCE_UP: Final = "50m"


@dataclass(frozen=True)
class Surroundings:
    """What the services' manifests need to know of the other rooms.

    `monolith_url` is the monolith's address as a pod sees it; `monolith` are its addresses and port, for the
    network policies. `callers` tells for each service which services reach it.
    """

    system: str
    monolith_url: str = ""
    monolith: tuple[tuple[str | Output, int], ...] = ()
    callers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def pod_labels(system: str, name: str) -> dict[str, str]:
    return selector(system, ROOM, name)


def account(around: Surroundings, name: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _meta(around, name),
        "automountServiceAccountToken": False,
    }


def service(around: Surroundings, name: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(around, name),
        "spec": {
            "selector": pod_labels(around.system, name),
            "ports": [
                {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
            ],
        },
    }


def budget(around: Surroundings, name: str, spec: ServiceSpec) -> Manifest:
    """Let replicas be taken away one at a time; the only one is never taken before another is there.

    Half of one is one, so that such a pod is not evicted: a drain has its Deployment start another first.
    """
    bound: dict[str, Any] = {"maxUnavailable": 1} if spec.scale.min > 1 else {"minAvailable": "50%"}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _meta(around, name),
        "spec": {
            **bound,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": pod_labels(around.system, name)},
        },
    }


def autoscaler(around: Surroundings, name: str, spec: ServiceSpec, *, keep: bool = False) -> Manifest:
    """Compose the autoscaler; with `keep` it takes no pod away, since all traffic may come back at once.

    Up it goes at once, down only after a calm, and half of them a minute at most. After a release that
    crossed it does so slowly: that they work again is seen later than that they idled.
    """
    share = 10 if spec.release == "crossing" else 50
    up = [{"type": "Percent", "value": 100}, {"type": "Pods", "value": 4}]
    down: dict[str, Any] = {"policies": [{"type": "Percent", "value": share, "periodSeconds": 60}]}
    down |= {"stabilizationWindowSeconds": spec.scale.calm_seconds, "selectPolicy": "Max"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _meta(around, name),
        "spec": {
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": 0,
                    "selectPolicy": "Max",
                    "policies": [{**step, "periodSeconds": 15} for step in up],
                    "tolerance": TOLERANCE_UP,
                },
                "scaleDown": {"selectPolicy": "Disabled"} if keep else down,
            },
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": spec.scale.min,
            "maxReplicas": spec.scale.max,
            "metrics": [_metric(name, *target) for target in spec.scale.targets.items()],
        },
    }


def _metric(service: str, name: str, aim: int) -> dict[str, Any]:
    """Compose one aim (autoscaling/v2 MetricSpec); requests are counted of the Service, for all its pods."""
    if name != "requests":
        target = {"type": "Utilization", "averageUtilization": aim}
        return {"type": "Resource", "resource": {"name": name, "target": target}}
    counted = {
        "describedObject": {"apiVersion": "v1", "kind": "Service", "name": service},
        "metric": {"name": REQUESTS},
        "target": {"type": "AverageValue", "averageValue": str(aim)},
    }
    return {"type": "Object", "object": counted}


def policy(around: Surroundings, name: str, spec: ServiceSpec) -> Manifest:
    """Allow what the file says and nothing else: in from the edge and its callers, out to what it uses."""
    gateway = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SYSTEM_NAMESPACE}}}
    callers = [
        {"podSelector": {"matchLabels": pod_labels(around.system, c)}} for c in around.callers.get(name, ())
    ]
    out: list[dict[str, Any]] = [
        {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    ]
    called = [callee for callee, by in sorted(around.callers.items()) if name in by]
    out += [{"to": [{"podSelector": {"matchLabels": pod_labels(around.system, c)}}]} for c in called]
    if spec.database:
        database = {PART_OF: around.system, COMPONENT: "data", NAME: spec.database}
        out.append(
            {"to": [{"podSelector": {"matchLabels": database}}], "ports": [{"port": 5432, "protocol": "TCP"}]}
        )
    if any(MONOLITH in text for text in spec.env.values()):
        out += [
            {"to": [{"ipBlock": {"cidr": _alone(address)}}], "ports": [{"port": port, "protocol": "TCP"}]}
            for address, port in around.monolith
        ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _meta(around, name),
        "spec": {
            "podSelector": {"matchLabels": pod_labels(around.system, name)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [gateway, *callers], "ports": [{"port": spec.port, "protocol": "TCP"}]}],
            "egress": out,
        },
    }


def _alone(address: str | Output) -> str | Output:
    """Give the network that holds one address only."""
    return replace(address, suffix="/32") if isinstance(address, Output) else f"{address}/32"


def deployment(around: Surroundings, name: str, spec: ServiceSpec, image: str = "") -> Manifest:
    """Compose the workload; checked so that a rolling update of it drops nothing.

    `image` is the service whose image it runs, where that is another one.
    """
    own = pod_labels(around.system, name)
    body: dict[str, Any] = {
        "revisionHistoryLimit": 5,
        "progressDeadlineSeconds": spec.rollout.deadline,
        "minReadySeconds": 2,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "selector": {"matchLabels": own},
        "template": {
            "metadata": {"labels": labels(around.system, ROOM, name)},
            "spec": _pod(around, name, spec, image or name),
        },
    }
    if not spec.scale.targets:
        body["replicas"] = spec.scale.min
    meta = _meta(around, name)
    if spec.migrations == CONTRACT:
        meta["annotations"] = {MIGRATIONS: CONTRACT}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": body}
    return check(manifest, spec.rollout.request)


def _pod(around: Surroundings, name: str, spec: ServiceSpec, image: str) -> dict[str, Any]:
    return {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace(spec.rollout.drain, spec.rollout.request),
        "securityContext": pod_security(USER),
        "topologySpreadConstraints": [over_nodes(pod_labels(around.system, name))],
        "containers": [_container(around, name, spec, image)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def _container(around: Surroundings, name: str, spec: ServiceSpec, image: str) -> dict[str, Any]:
    def probe(path: str, **times: int) -> dict[str, Any]:
        return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 5, **times}

    return {
        "name": name,
        "image": Output(f"images/{image}"),
        "command": shlex.split(spec.run),
        "ports": [{"name": "http", "containerPort": spec.port, "protocol": "TCP"}],
        "env": _environment(around, spec),
        "resources": {
            "requests": {"cpu": spec.resources.cpu, "memory": spec.resources.memory},
            "limits": {"memory": spec.resources.memory},
        },
        "startupProbe": probe(spec.health, periodSeconds=1, failureThreshold=120),
        "readinessProbe": probe(spec.ready or spec.health, periodSeconds=2, failureThreshold=3),
        "livenessProbe": probe(spec.health, periodSeconds=10, failureThreshold=3),
        "lifecycle": {"preStop": {"sleep": {"seconds": spec.rollout.drain}}},
        "securityContext": container_security(),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  (the pod's own, not this machine's)
    }


def _environment(around: Surroundings, spec: ServiceSpec) -> list[dict[str, Any]]:
    plain = [
        {"name": k, "value": v.replace(MONOLITH, around.monolith_url)} for k, v in sorted(spec.env.items())
    ]
    secret = [
        {"name": variable(s), "valueFrom": {"secretKeyRef": {"name": s, "key": "value"}}}
        for s in sorted(spec.secrets)
    ]
    if spec.database:
        source = {"secretKeyRef": {"name": f"{spec.database}-db", "key": "url"}}
        secret.append({"name": "DATABASE_URL", "valueFrom": source})
    return [*plain, *secret]


def variable(secret: str) -> str:
    """Name the variable in which a secret arrives: session-key → SESSION_KEY."""
    return secret.upper().replace("-", "_").replace(".", "_")


def _meta(around: Surroundings, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": around.system, "labels": labels(around.system, ROOM, name)}
