"""The comparator in the cluster: one pod of the pilot's image that may do nothing but ask both sides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from seaway.model.manifests import (
    SYSTEM_NAMESPACE,
    Manifest,
    Output,
    container_security,
    labels,
    pod_security,
    selector,
)
from seaway.steps.objects import Desired

ROOM: Final = "crossing"
COMPARATOR: Final = "comparator"
PILOT: Final = "pilot"
SERVICES: Final = "services"
IMAGE: Final = Output("images/pilot")
USER: Final = 10001
#: Where copies of visitors' requests come in, whatever their path.
MIRROR: Final = 8080
#: Where the pilot and the kubelet ask; no visitor's request comes here.
CONTROL: Final = 8081
COMMAND: Final = ("python3", "-m", "seaway.pilot.comparator")


def desired(system: str, services: Iterable[str]) -> list[Desired]:
    """List its objects in the order in which they can be made; `services` are those it asks."""
    at, first = f"{ROOM}/{COMPARATOR}", ("cluster/namespace",)
    return [
        Desired(f"{at}/service", service(system), first),
        Desired(f"{at}/policy", policy(system), first),
        *(Desired(f"{at}/reach-{name}", reach(system, name), first) for name in sorted(set(services))),
        Desired(f"{at}/deployment", deployment(system), (*first, "images/pilot/build")),
    ]


def service(system: str) -> Manifest:
    """Give the mirror port 80, by which the routes name it, and the control port its own."""
    ports = [
        {"name": "mirror", "port": 80, "targetPort": "mirror", "protocol": "TCP"},
        {"name": "control", "port": CONTROL, "targetPort": "control", "protocol": "TCP"},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(system, COMPARATOR),
        "spec": {"selector": selector(system, ROOM, COMPARATOR), "ports": ports},
    }


def policy(system: str) -> Manifest:
    """Only the gateway reaches the mirror and only the pilot the control port.

    It reaches names and whatever is asked over HTTP: a monolith may be anywhere.
    """
    gateway = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SYSTEM_NAMESPACE}}}
    pilot = {"podSelector": {"matchLabels": selector(system, ROOM, PILOT)}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _meta(system, COMPARATOR),
        "spec": {
            "podSelector": {"matchLabels": selector(system, ROOM, COMPARATOR)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [gateway], "ports": [{"port": MIRROR, "protocol": "TCP"}]},
                {"from": [pilot], "ports": [{"port": CONTROL, "protocol": "TCP"}]},
            ],
            "egress": [{}],
        },
    }


def reach(system: str, name: str) -> Manifest:
    """Let the comparator, beside whom else the service's own policy lets, reach a service."""
    comparator = {"podSelector": {"matchLabels": selector(system, ROOM, COMPARATOR)}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _meta(system, f"{COMPARATOR}-{name}"),
        "spec": {
            "podSelector": {"matchLabels": selector(system, SERVICES, name)},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [comparator], "ports": [{"port": "http", "protocol": "TCP"}]}],
        },
    }


def deployment(system: str) -> Manifest:
    """Compose one replica: two would each know half of what was compared."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(system, COMPARATOR),
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 5,
            "progressDeadlineSeconds": 120,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector(system, ROOM, COMPARATOR)},
            "template": {"metadata": {"labels": labels(system, ROOM, COMPARATOR)}, "spec": _pod()},
        },
    }


def _pod() -> dict[str, Any]:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 15,
        "securityContext": pod_security(USER),
        "containers": [_container()],
    }


def _container() -> dict[str, Any]:
    def probe(**times: int) -> dict[str, Any]:
        return {"httpGet": {"path": "/healthz", "port": "control"}, "timeoutSeconds": 5, **times}

    return {
        "name": COMPARATOR,
        "image": IMAGE,
        "command": list(COMMAND),
        "ports": [
            {"name": "mirror", "containerPort": MIRROR, "protocol": "TCP"},
            {"name": "control", "containerPort": CONTROL, "protocol": "TCP"},
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "384Mi"}},
        "startupProbe": probe(periodSeconds=1, failureThreshold=120),
        "readinessProbe": probe(periodSeconds=5, failureThreshold=3),
        "livenessProbe": probe(periodSeconds=10, failureThreshold=6),
        "securityContext": container_security(),
    }


def _meta(system: str, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": system, "labels": labels(system, ROOM, name)}
