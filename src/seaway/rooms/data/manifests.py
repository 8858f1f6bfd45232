"""What one database is in the cluster."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Final

from seaway.model.manifests import Manifest, Output, container_security, labels, pod_security, selector
from seaway.model.quantity import amount
from seaway.rooms.data.spec import DatabaseSpec

ROOM: Final = "data"
PORT: Final = 5432
USER: Final = 10001
_MIB: Final = 2**20


def object_name(name: str) -> str:
    """Name the database's objects; a service of the same name stands beside them."""
    return f"{name}-db"


def url(name: str) -> str:
    """Give the DATABASE_URL, with `{value}` where the password goes."""
    return f"postgresql://{name}:{{value}}@{object_name(name)}:{PORT}/{name}"


def secret(system: str, name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _meta(system, name)}


def volume(system: str, name: str, spec: DatabaseSpec, storage_class: str = "") -> Manifest:
    """Ask for a volume, of the cluster's default class where none is named."""
    named = {"storageClassName": storage_class} if storage_class else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _meta(system, name),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": spec.storage}},
            **named,
        },
    }


def service(system: str, name: str) -> Manifest:
    """Give it one address that outlives its pod, so that clients find it again at once."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(system, name),
        "spec": {
            "selector": selector(system, ROOM, name),
            "ports": [{"name": "postgres", "port": PORT, "targetPort": "postgres", "protocol": "TCP"}],
        },
    }


def policy(system: str, name: str, users: Iterable[str]) -> Manifest:
    """Let only the services that use it reach it; it reaches nothing itself."""
    come = [{"podSelector": {"matchLabels": selector(system, "services", user)}} for user in sorted(users)]
    rule = {"from": come, "ports": [{"port": PORT, "protocol": "TCP"}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _meta(system, name),
        "spec": {
            "podSelector": {"matchLabels": selector(system, ROOM, name)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [rule] if come else [],
            "egress": [],
        },
    }


def workload(system: str, name: str, spec: DatabaseSpec) -> Manifest:
    own = selector(system, ROOM, name)
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": _meta(system, name),
        "spec": {
            "replicas": 1,
            "serviceName": object_name(name),
            "selector": {"matchLabels": own},
            "template": {
                # There is one, and it may not be moved to save a node; a person's drain does move it.
                "metadata": {
                    "labels": labels(system, ROOM, name),
                    "annotations": {"karpenter.sh/do-not-disrupt": "true"},
                },
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 60,
                    "securityContext": {**pod_security(USER), "fsGroupChangePolicy": "OnRootMismatch"},
                    "containers": [_container(name, spec)],
                    "volumes": [
                        {"name": "data", "persistentVolumeClaim": {"claimName": object_name(name)}},
                        {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
                        {"name": "tmp", "emptyDir": {}},
                    ],
                },
            },
        },
    }


def _container(name: str, spec: DatabaseSpec) -> dict[str, Any]:
    def probe(**times: int) -> dict[str, Any]:
        ask = [
            "/bin/sh",
            "-c",
            "exec /usr/lib/postgresql/*/bin/pg_isready -q -h /run/postgresql -d postgres -U postgres",
        ]
        return {"exec": {"command": ask}, "timeoutSeconds": 5, **times}

    password = {"secretKeyRef": {"name": object_name(name), "key": "password"}}
    return {
        "name": "postgres",
        "image": Output("images/postgres"),
        "command": ["/bin/sh", "-c", start_script()],
        "env": [
            {"name": "DATABASE", "value": name},
            {"name": "PASSWORD", "valueFrom": password},
            {"name": "PGDATA", "value": "/var/lib/postgresql/data"},
            {"name": "SHARED_BUFFERS", "value": f"{amount(spec.memory) // (4 * _MIB)}MB"},
        ],
        "ports": [{"name": "postgres", "containerPort": PORT, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": spec.cpu, "memory": spec.memory},
            "limits": {"memory": spec.memory},
        },
        "startupProbe": probe(periodSeconds=1, failureThreshold=300),
        # A program started in a container costs a node as much as fifty connections, and whether there is one
        # is all that readiness can tell of the only server. A server that hangs still accepts connections.
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 5, "failureThreshold": 3},
        "livenessProbe": probe(periodSeconds=30, failureThreshold=2),
        # SIGINT is PostgreSQL's fast shutdown; the kubelet's SIGTERM would wait for every client to leave.
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", "kill -INT 1"]}}},
        "securityContext": container_security(),
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/postgresql"},
            {"name": "run", "mountPath": "/run/postgresql"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  (the pod's own, not this machine's)
        ],
    }


@cache
def start_script() -> str:
    return files("seaway.rooms.data").joinpath("start.sh").read_text()


def _meta(system: str, name: str) -> dict[str, Any]:
    return {"name": object_name(name), "namespace": system, "labels": labels(system, ROOM, name)}
