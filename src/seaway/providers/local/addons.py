"""What every cluster has beyond the API server: names, metrics, volumes, and rights for who serves them."""

from __future__ import annotations

import base64
from typing import Any, Final

from seaway.kit.kube import Manifest
from seaway.providers.local import control
from seaway.providers.local.home import Home

_LABELS: Final = {"app.kubernetes.io/managed-by": "seaway", "app.kubernetes.io/part-of": "seaway-cluster"}
WATCH: Final = ["get", "list", "watch"]


def services(home: Home) -> list[Manifest]:
    """What pods and users find of the control plane's programs in the cluster."""
    return [
        *_external("kube-dns", home, str(home.dns), [("dns", "UDP", 53, 53), ("dns-tcp", "TCP", 53, 53)]),
        *served(home, "metrics-server", control.METRICS_PORT, "metrics.k8s.io", "v1beta1"),
        _storage_class(),
    ]


def _object(
    api: str, kind: str, name: str, namespace: str = "", component: str = "", **fields: Any
) -> Manifest:
    meta: dict[str, Any] = {
        "name": name,
        "labels": {**_LABELS, "app.kubernetes.io/component": component or name},
    }
    if namespace:
        meta["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": meta, **fields}


def _external(name: str, home: Home, ip: str, ports: list[tuple[str, str, int, int]]) -> list[Manifest]:
    """Make a Service whose one endpoint is a program of the control plane."""
    spec: dict[str, Any] = {
        "ports": [{"name": n, "protocol": p, "port": port, "targetPort": to} for n, p, port, to in ports]
    }
    if ip:
        spec["clusterIP"] = ip
    service = _object("v1", "Service", name, "kube-system", spec=spec)
    slices = _object(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        f"{name}-control",
        "kube-system",
        name,
        addressType="IPv4",
        endpoints=[{"addresses": [str(home.control)], "conditions": {"ready": True}}],
        ports=[{"name": n, "protocol": p, "port": to} for n, p, _, to in ports],
    )
    slices["metadata"]["labels"]["kubernetes.io/service-name"] = name
    return [service, slices]


def served(home: Home, name: str, port: int, group: str, version: str) -> list[Manifest]:
    """Have the API server pass an API on to a program of the control plane, whose certificate it verifies."""
    authority = base64.b64encode((home.pki / "ca.crt").read_bytes()).decode()
    spec = {
        "group": group,
        "version": version,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"name": name, "namespace": "kube-system", "port": 443},
        "caBundle": authority,
    }
    service = _object("apiregistration.k8s.io/v1", "APIService", f"{version}.{group}", spec=spec)
    return [*_external(name, home, "", [("https", "TCP", 443, port)]), service]


def _storage_class() -> Manifest:
    manifest = _object(
        "storage.k8s.io/v1",
        "StorageClass",
        "local",
        provisioner=control.PROVISIONER,
        reclaimPolicy="Delete",
        volumeBindingMode="Immediate",
    )
    manifest["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    return manifest


def rule(groups: str, resources: str, verbs: list[str]) -> dict[str, Any]:
    """Compose one rule of a role; groups and resources are separated by commas."""
    return {"apiGroups": groups.split(","), "resources": resources.split(","), "verbs": verbs}


def rights() -> list[Manifest]:
    """Least rights for each program that is no part of Kubernetes itself."""
    rules = {
        "coredns": [
            rule("", "services,pods,namespaces", ["list", "watch"]),
            rule("discovery.k8s.io", "endpointslices", ["list", "watch"]),
        ],
        "metrics-server": [rule("", "nodes/metrics", ["get"]), rule("", "pods,nodes", WATCH)],
        "cloud-controller-manager": [
            rule("", "services", [*WATCH, "patch", "update"]),
            rule("", "services/status", ["patch", "update"]),
            rule("", "nodes", WATCH),
            rule(",events.k8s.io", "events", ["create", "patch", "update"]),
        ],
        "storage-provisioner": [
            rule("", "persistentvolumes", [*WATCH, "create", "delete", "patch", "update"]),
            rule("", "persistentvolumeclaims", [*WATCH, "update"]),
            rule("storage.k8s.io", "storageclasses", WATCH),
            rule("", "nodes", WATCH),
            rule(",events.k8s.io", "events", ["create", "patch", "update"]),
        ],
    }
    made = [manifest for name, allowed in rules.items() for manifest in granted(name, allowed)]
    return [*made, *delegating("seaway", ["seaway:metrics-server", "seaway:cloud-controller-manager"])]


def delegating(prefix: str, serving: list[str]) -> list[Manifest]:
    """Let programs ask the API server who calls them, and what that caller may do."""
    authentication, reader = "system:auth-delegator", "extension-apiserver-authentication-reader"
    names = (f"{prefix}:delegated-authentication", f"{prefix}:authentication-reader")
    return [
        _binding(names[0], "ClusterRoleBinding", "ClusterRole", authentication, serving),
        _binding(names[1], "RoleBinding", "Role", reader, serving),
    ]


def granted(name: str, allowed: list[dict[str, Any]]) -> list[Manifest]:
    """Let a program of the control plane do these things in the whole cluster."""
    role = f"seaway:{name}"
    api = "rbac.authorization.k8s.io/v1"
    return [
        _object(api, "ClusterRole", role, component=name, rules=allowed),
        _binding(role, "ClusterRoleBinding", "ClusterRole", role, [role]),
    ]


def _binding(name: str, kind: str, role_kind: str, role: str, users: list[str]) -> Manifest:
    return _object(
        "rbac.authorization.k8s.io/v1",
        kind,
        name,
        "kube-system" if kind == "RoleBinding" else "",
        "rights",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role},
        subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user} for user in users],
    )
