"""The program that counts, in the cluster: one for all systems in it, beside the gateway's proxies.

Two pods of the pilot's image, of which either may answer. What it may do is named verb by verb.
"""

from __future__ import annotations

from typing import Any, Final

from seaway.model.gateway import OWNER, STATISTICS
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
from seaway.rooms.requests.caller import GROUP, VERSION
from seaway.steps.objects import Desired

ROOM: Final = "requests"
NAME: Final = "gateway-metrics"
#: It is no system's: whichever brings it brings the same.
EVERYBODY: Final = "seaway"
IMAGE: Final = Output("images/pilot")
USER: Final = 10001
COMMAND: Final = ("python3", "-m", "seaway.pilot.counter")
#: Where the API server asks: the port of kubelets, which no firewall before nodes keeps from it.
PORT: Final = 10250
#: Where the kubelet asks.
HEALTH: Final = 8080
#: The Secret with the certificate that it makes for itself, and the name in that.
SECRET: Final = f"{NAME}-tls"
HOST: Final = f"{NAME}.{SYSTEM_NAMESPACE}.svc"
SERVED: Final = f"{VERSION}.{GROUP}"
RBAC: Final = "rbac.authorization.k8s.io/v1"
REGISTRATION: Final = "apiregistration.k8s.io/v1"
#: In the whole cluster: names of systems are not known to it.
RULES: Final = (
    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": ["list"]},
    {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
    {
        "apiGroups": ["apiregistration.k8s.io"],
        "resources": ["apiservices"],
        "resourceNames": [SERVED],
        "verbs": ["get", "patch"],
    },
)
#: In the gateway's namespace.
GATEWAY_RULES: Final = (
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [SECRET], "verbs": ["get", "patch"]},
)
#: The role by which a program learns whom the API server is known by (Kubernetes: bootstrap policy).
READER: Final = "extension-apiserver-authentication-reader"


def desired() -> list[Desired]:
    """List its objects in the order in which they can be made; the API is registered once it is served."""
    first = ("edge/controller/install",)
    account = f"{ROOM}/account"
    roles = (f"{ROOM}/role", f"{ROOM}/gateway-role")
    bindings = (f"{ROOM}/binding", f"{ROOM}/gateway-binding", f"{ROOM}/reader-binding")
    return [
        Desired(account, _account(), first),
        Desired(
            roles[0], {**_object(RBAC, "ClusterRole", f"seaway-{NAME}", ""), "rules": list(RULES)}, first
        ),
        Desired(roles[1], {**_object(RBAC, "Role", NAME), "rules": list(GATEWAY_RULES)}, first),
        Desired(bindings[0], _binding("ClusterRole", f"seaway-{NAME}"), (account, roles[0])),
        Desired(bindings[1], _binding("Role", NAME), (account, roles[1])),
        Desired(bindings[2], _binding("Role", READER, f"seaway-{NAME}", "kube-system"), (account,)),
        Desired(f"{ROOM}/policy", _policy(), first),
        Desired(f"{ROOM}/budget", _budget(), first),
        Desired(f"{ROOM}/service", _service(), first),
        Desired(f"{ROOM}/deployment", deployment(), (*bindings, "images/pilot/build")),
        Desired(f"{ROOM}/registration", registration(), (f"{ROOM}/await", f"{ROOM}/service")),
    ]


def registration() -> Manifest:
    """Have the API server pass the API on. Whom it trusts in that, the program itself keeps up to date."""
    spec = {
        "group": GROUP,
        "version": VERSION,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"name": NAME, "namespace": SYSTEM_NAMESPACE, "port": 443},
    }
    return {**_object(REGISTRATION, "APIService", SERVED, ""), "spec": spec}


def deployment() -> Manifest:
    """Compose two replicas: autoscalers go on while a node is drained."""
    spec = {
        "replicas": 2,
        "revisionHistoryLimit": 5,
        "progressDeadlineSeconds": 120,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "selector": {"matchLabels": _own()},
        "template": {"metadata": {"labels": labels(EVERYBODY, ROOM, NAME)}, "spec": _pod()},
    }
    return {**_object("apps/v1", "Deployment", NAME), "spec": spec}


def _account() -> Manifest:
    return {**_object("v1", "ServiceAccount", NAME), "automountServiceAccountToken": False}


def _service() -> Manifest:
    port = {"name": "https", "port": 443, "targetPort": "https", "protocol": "TCP"}
    return {**_object("v1", "Service", NAME), "spec": {"selector": _own(), "ports": [port]}}


def _budget() -> Manifest:
    spec = {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
    selected = {"selector": {"matchLabels": _own()}}
    return {**_object("policy/v1", "PodDisruptionBudget", NAME), "spec": {**spec, **selected}}


def _policy() -> Manifest:
    """The API server reaches it, which is no pod and may be anywhere; it reaches names, that, and proxies."""
    proxies = {"podSelector": {"matchExpressions": [{"key": OWNER, "operator": "Exists"}]}}
    spec = {
        "podSelector": {"matchLabels": _own()},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"ports": [{"port": PORT, "protocol": "TCP"}]}],
        "egress": [
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
            {"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]},
            {"to": [proxies], "ports": [{"port": STATISTICS, "protocol": "TCP"}]},
        ],
    }
    return {**_object("networking.k8s.io/v1", "NetworkPolicy", NAME), "spec": spec}


def _pod() -> dict[str, Any]:
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 15,
        "securityContext": pod_security(USER),
        "topologySpreadConstraints": [over_nodes(_own())],
        "containers": [_container()],
    }


def _container() -> dict[str, Any]:
    def probe(path: str, **times: int) -> dict[str, Any]:
        return {"httpGet": {"path": path, "port": "health"}, "timeoutSeconds": 5, **times}

    return {
        "name": NAME,
        "image": IMAGE,
        "command": list(COMMAND),
        "ports": [
            {"name": "https", "containerPort": PORT, "protocol": "TCP"},
            {"name": "health", "containerPort": HEALTH, "protocol": "TCP"},
        ],
        "resources": {"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "192Mi"}},
        "startupProbe": probe("/readyz", periodSeconds=1, failureThreshold=120),
        "readinessProbe": probe("/readyz", periodSeconds=5, failureThreshold=3),
        "livenessProbe": probe("/healthz", periodSeconds=10, failureThreshold=3),
        "securityContext": container_security(),
    }


def _binding(kind: str, role: str, name: str = "", namespace: str = SYSTEM_NAMESPACE) -> Manifest:
    whole = kind == "ClusterRole"
    made = _object(
        RBAC, "ClusterRoleBinding" if whole else "RoleBinding", name or role, "" if whole else namespace
    )
    return {
        **made,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": SYSTEM_NAMESPACE}],
    }


def _own() -> dict[str, str]:
    return selector(EVERYBODY, ROOM, NAME)


def _object(api: str, kind: str, name: str, namespace: str = SYSTEM_NAMESPACE) -> Manifest:
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, **place, "labels": labels(EVERYBODY, ROOM, name)},
    }
