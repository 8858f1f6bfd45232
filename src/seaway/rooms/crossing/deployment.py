"""The pilot in the cluster: one per system, in its namespace, two replicas of which one acts.

It may do what it does and nothing else: every rule below names the verbs that are used, by kind. There is no
ClusterRole; in the gateway's namespace it may only find the proxies whose statistics it reads.
"""

from __future__ import annotations

from typing import Any, Final

from seaway.model.gateway import STATISTICS
from seaway.model.manifests import (
    SYSTEM_NAMESPACE,
    Manifest,
    Output,
    container_security,
    labels,
    over_nodes,
    pod_security,
    selector,
)
from seaway.steps.objects import Desired

ROOM: Final = "crossing"
PILOT: Final = "pilot"
IMAGE: Final = Output("images/pilot")
USER: Final = 10001
#: Where the kubelet asks.
HEALTH: Final = 8080
#: The Secret with the certificate that vouches for a monolith outside; the comparator asks it too.
AUTHORITY: Final = "monolith-ca"
RBAC: Final = "rbac.authorization.k8s.io/v1"
#: What a cloud gives with the cluster, such as the role of an account.
GROUND: Final = "cluster/create"
#: Annotation of a pod that has rights in AWS: EKS gives them when it starts, so that another one must.
GRANTED: Final = "seaway.dev/granted-by"

#: In the system's namespace: group, resources, verbs.
RULES: Final = (
    ("seaway.dev", ("crossings",), ("get", "list", "watch", "patch")),
    ("seaway.dev", ("crossings/status",), ("patch",)),
    ("gateway.networking.k8s.io", ("httproutes",), ("get", "list", "watch", "create", "patch", "delete")),
    ("gateway.envoyproxy.io", ("envoypatchpolicies", "backendtrafficpolicies"), ("list", "create", "patch")),
    ("gateway.networking.k8s.io", ("gateways",), ("get",)),
    ("gateway.envoyproxy.io", ("backends",), ("get",)),
    ("gateway.networking.k8s.io", ("backendtlspolicies",), ("get",)),
    ("discovery.k8s.io", ("endpointslices",), ("list", "watch")),
    ("", ("configmaps",), ("get", "create", "patch")),
    ("", ("events",), ("create",)),
    ("coordination.k8s.io", ("leases",), ("create",)),
)
#: In the gateway's namespace.
GATEWAY_RULES: Final = (("", ("pods",), ("list",)),)


def desired(system: str, *, granted: bool = False) -> list[Desired]:
    """List the pilot's objects in the order in which they can be made; in AWS it is `granted` rights."""
    at, first = f"{ROOM}/{PILOT}", ("cluster/namespace",)
    gateway = (*first, "edge/controller/install")
    account, role = f"{at}/account", f"{at}/role"
    bound = (account, f"{at}/binding", f"{at}/gateway-binding")
    there = (*bound, "crossing/definition", "images/pilot/build", GROUND)
    return [
        Desired(account, service_account(system), first),
        Desired(role, system_role(system), first),
        Desired(f"{at}/binding", _binding(system, system, PILOT), (role, account)),
        Desired(f"{at}/gateway-role", gateway_role(system), gateway),
        Desired(
            f"{at}/gateway-binding",
            _binding(system, SYSTEM_NAMESPACE, f"{PILOT}-{system}"),
            (f"{at}/gateway-role", account),
        ),
        Desired(f"{at}/policy", policy(system), first),
        Desired(f"{at}/budget", budget(system), first),
        Desired(f"{at}/deployment", deployment(system, granted=granted), there),
    ]


def service_account(system: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _meta(system, system, PILOT),
        "automountServiceAccountToken": False,
    }


def system_role(system: str) -> Manifest:
    """Compose what it may do in the system's namespace; of leases and secrets only with its own."""
    lease = {**_rule(("coordination.k8s.io", ("leases",), ("get", "patch"))), "resourceNames": [PILOT]}
    secret = {**_rule(("", ("secrets",), ("get",))), "resourceNames": [AUTHORITY]}
    return {
        "apiVersion": RBAC,
        "kind": "Role",
        "metadata": _meta(system, system, PILOT),
        "rules": [*map(_rule, RULES), lease, secret],
    }


def gateway_role(system: str) -> Manifest:
    return {
        "apiVersion": RBAC,
        "kind": "Role",
        "metadata": _meta(system, SYSTEM_NAMESPACE, f"{PILOT}-{system}"),
        "rules": list(map(_rule, GATEWAY_RULES)),
    }


def policy(system: str) -> Manifest:
    """Nobody needs to reach it; it reaches names, the API server, the proxies and the comparator."""
    gateway = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SYSTEM_NAMESPACE}}}
    comparator = {"podSelector": {"matchLabels": selector(system, ROOM, "comparator")}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _meta(system, system, PILOT),
        "spec": {
            "podSelector": {"matchLabels": selector(system, ROOM, PILOT)},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [
                {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
                {"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]},
                {"to": [gateway], "ports": [{"port": STATISTICS, "protocol": "TCP"}]},
                {"to": [comparator]},
            ],
        },
    }


def budget(system: str) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _meta(system, system, PILOT),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(system, ROOM, PILOT)},
        },
    }


def deployment(system: str, *, granted: bool = False) -> Manifest:
    own = selector(system, ROOM, PILOT)
    notes = {"annotations": {GRANTED: "pod-identity"}} if granted else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(system, system, PILOT),
        "spec": {
            "replicas": 2,
            "revisionHistoryLimit": 5,
            "progressDeadlineSeconds": 120,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": own},
            "template": {
                "metadata": {"labels": labels(system, ROOM, PILOT), **notes},
                "spec": _pod(own),
            },
        },
    }


def _pod(own: dict[str, str]) -> dict[str, Any]:
    return {
        "serviceAccountName": PILOT,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 15,
        "securityContext": pod_security(USER),
        "topologySpreadConstraints": [over_nodes(own)],
        "containers": [_container()],
    }


def _container() -> dict[str, Any]:
    def probe(path: str, **times: int) -> dict[str, Any]:
        return {"httpGet": {"path": path, "port": "health"}, "timeoutSeconds": 5, **times}

    def field(name: str, path: str) -> dict[str, Any]:
        return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}

    return {
        "name": PILOT,
        "image": IMAGE,
        "ports": [{"name": "health", "containerPort": HEALTH, "protocol": "TCP"}],
        "env": [field("POD_NAME", "metadata.name"), field("POD_NAMESPACE", "metadata.namespace")],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "startupProbe": probe("/readyz", periodSeconds=1, failureThreshold=120),
        "readinessProbe": probe("/readyz", periodSeconds=5, failureThreshold=3),
        "livenessProbe": probe("/healthz", periodSeconds=10, failureThreshold=3),
        "securityContext": container_security(),
    }


def _rule(rule: tuple[str, tuple[str, ...], tuple[str, ...]]) -> dict[str, Any]:
    group, resources, verbs = rule
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _binding(system: str, namespace: str, name: str) -> Manifest:
    return {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": _meta(system, namespace, name),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": PILOT, "namespace": system}],
    }


def _meta(system: str, namespace: str, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": namespace, "labels": labels(system, ROOM, name)}
