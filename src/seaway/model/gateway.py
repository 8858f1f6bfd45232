"""What several rooms must know of the gateway: how it names things, and where the monolith is."""

from __future__ import annotations

from typing import Any, Final

GATEWAY_API: Final = "gateway.networking.k8s.io/v1"
ENVOY_GROUP: Final = "gateway.envoyproxy.io"
ENVOY_API: Final = f"{ENVOY_GROUP}/v1alpha1"
#: The label by which Envoy Gateway marks what it made for the gateway of a namespace.
OWNER: Final = f"{ENVOY_GROUP}/owning-gateway-namespace"
#: Where Envoy gives its statistics (Envoy Gateway's ready listener).
STATISTICS: Final = 19001
#: The Gateway, and the Secret of the certificate that it shows.
EDGE: Final = "edge"
TLS_SECRET: Final = "edge-tls"  # noqa: S105  (its name)
#: The HTTPRoute, with one rule, by which the gateway knows the monolith, whatever crosses.
DEFAULT_ROUTE: Final = "monolith"
#: Metric of a Service in the custom metrics API: how many requests a second came to it through the gateway.
REQUESTS: Final = "requests-per-second"
#: No request has such a header: the expression wants a character that is of no class (RE2).
NEVER: Final = {"name": "x-seaway-never", "type": "RegularExpression", "value": r"[^\s\S]"}
_CLUSTER: Final = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
_AGGREGATE: Final = "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig"
#: As many as the edge's own policy allows: nothing of the proxy's limits refuses a request.
_LIMITS: Final = {
    "max_connections": 4096,
    "max_pending_requests": 4096,
    "max_requests": 4096,
    "max_retries": 1024,
}


def cluster(namespace: str, route: str, rule: int, backend: int | None = None) -> str:
    """Name an Envoy cluster as Envoy Gateway does: of a rule's only backend, or of one that has a filter."""
    whole = f"httproute/{namespace}/{route}/rule/{rule}"
    return whole if backend is None else f"{whole}/backend/{backend}"


def statistics_at(address: str, query: str) -> str:
    """Give the URL at which the proxy with this address answers a query."""
    return f"http://{f'[{address}]' if ':' in address else address}:{STATISTICS}{query}"


def patch_policy(meta: dict[str, Any], gateway: str, patches: list[dict[str, Any]]) -> dict[str, Any]:
    """Compose an EnvoyPatchPolicy (Envoy Gateway API v1alpha1)."""
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway}
    return {
        "apiVersion": ENVOY_API,
        "kind": "EnvoyPatchPolicy",
        "metadata": meta,
        "spec": {"type": "JSONPatch", "targetRef": target, "jsonPatches": patches},
    }


def aggregate(name: str, members: list[str]) -> dict[str, Any]:
    """Compose the patch that makes an Envoy cluster of others (envoy.clusters.aggregate), the best first.

    A cluster of this name that Envoy Gateway makes is replaced by it.
    """
    config = {"@type": _AGGREGATE, "clusters": members}
    value = {
        "name": name,
        "connect_timeout": "3s",
        "lb_policy": "CLUSTER_PROVIDED",
        "circuit_breakers": {"thresholds": [_LIMITS]},
        "cluster_type": {"name": "envoy.clusters.aggregate", "typed_config": config},
    }
    return {"type": _CLUSTER, "name": name, "operation": {"op": "add", "path": "", "value": value}}
