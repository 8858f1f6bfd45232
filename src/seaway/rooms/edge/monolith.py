"""The monolith as the gateway knows it: a Service whose endpoints are ours, or a Backend.

A Backend (Envoy Gateway API v1alpha1) takes names, which every proxy resolves again and again, TLS, and a
host header. The Service is there in any case: services of the system reach the monolith by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from seaway.model.gateway import (
    DEFAULT_ROUTE,
    ENVOY_API,
    ENVOY_GROUP,
    GATEWAY_API,
    NEVER,
    aggregate,
    cluster,
    patch_policy,
)
from seaway.model.manifests import Manifest, Output, labels
from seaway.rooms.edge import manifests
from seaway.rooms.edge.spec import MonolithSpec

ROOM: Final = "edge"
MONOLITH: Final = DEFAULT_ROUTE
AUTHORITY_SECRET: Final = "monolith-ca"  # noqa: S105  (its name)
#: What counts as sound, as for the look before `up` exposes anything.
SOUND: Final = range(200, 500)
#: The cluster, which otherwise does not exist, that gets the share of a side without endpoints.
NOBODY: Final = "invalid-backend-cluster"
Addresses = tuple[str | Output, ...]


def service(system: str) -> Manifest:
    """Give the monolith a name in the cluster; a Service without a selector has its endpoints from us."""
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "appProtocol": "http"}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(system), "spec": {"ports": ports}}


def endpoints(system: str, addresses: Addresses, port: int) -> Manifest:
    meta = _meta(system)
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**meta, "labels": {**meta["labels"], "kubernetes.io/service-name": MONOLITH}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
        "ports": [{"name": "http", "port": port, "protocol": "TCP", "appProtocol": "http"}],
    }


def outside(system: str, spec: MonolithSpec, addresses: Addresses) -> list[Manifest]:
    """Compose the Backend and what belongs to it; `addresses` are used where the file gives no names."""
    found = [_backend(system, spec, addresses), _host_filter(system, spec)]
    return [*found, _tls(system, spec)] if spec.tls else found


def default_route(system: str, names: Sequence[str], spec: MonolithSpec, *, crossed: bool) -> Manifest:
    """Lead every path that no crossing takes to the monolith.

    Where crossings take all paths it is `crossed`: no request matches it, but the gateway knows the monolith
    by it all the same.
    """
    match: dict[str, Any] = {"path": {"type": "PathPrefix", "value": "/"}}
    matches = [{**match, "headers": [NEVER]} if crossed else match]
    return manifests.route(system, MONOLITH, "https", names, [{"matches": matches, **rule(spec)}])


def rule(spec: MonolithSpec) -> dict[str, Any]:
    """Lead to the monolith whatever a rule matches."""
    backend = {"group": "", "kind": "Service", "name": MONOLITH, "port": 80, "weight": 1}
    found: dict[str, Any] = {"backendRefs": [backend], "timeouts": {"request": "0s"}}
    if spec.outside:
        own = {"group": ENVOY_GROUP, "kind": "HTTPRouteFilter", "name": MONOLITH}
        found["backendRefs"] = [{**backend, "group": ENVOY_GROUP, "kind": "Backend", "port": spec.port}]
        found["filters"] = [{"type": "ExtensionRef", "extensionRef": own}]
    return found


def health_policy(system: str, domain: str, spec: MonolithSpec, *others: str) -> Manifest:
    """Let the proxies ask each address whether it is sound; where none is, they try them all the same.

    All else follows from the edge's policy, with which this one is merged. `others` are further routes to it.
    They ask for the domain, whatever other names there are: where what is asked changes, Envoy warms the
    monolith's cluster anew, for up to 15 s in which it takes no new cluster, and routes to one answer 500.
    """
    host = spec.host or domain
    asked = {"path": spec.health, "method": "GET", "expectedStatuses": list(SOUND), "hostname": host}
    active = {
        "type": "HTTP",
        "interval": "5s",
        "timeout": "5s",
        "unhealthyThreshold": 3,
        "healthyThreshold": 1,
        "http": asked,
    }
    route = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}
    routes = [{**route, "name": name} for name in (MONOLITH, *others)]
    return {
        "apiVersion": ENVOY_API,
        "kind": "BackendTrafficPolicy",
        "metadata": _meta(system),
        "spec": {"targetRefs": routes, "mergeType": "StrategicMerge", "healthCheck": {"active": active}},
    }


def stand_in(system: str, gateway: str) -> Manifest:
    """Give the monolith what Envoy Gateway would answer 503: the share of a side without endpoints."""
    return patch_policy(_meta(system), gateway, [aggregate(NOBODY, [cluster(system, DEFAULT_ROUTE, 0)])])


def authority(system: str, pem: str) -> Manifest:
    """Compose the Secret with the certificate that vouches for the monolith."""
    meta = {**_meta(system), "name": AUTHORITY_SECRET}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"ca.crt": pem}}


def _backend(system: str, spec: MonolithSpec, addresses: Addresses) -> Manifest:
    own = {"hostname": spec.host} if spec.host else {}
    if spec.named:
        found = [{"fqdn": {"hostname": host, "port": spec.port}, **own} for host in spec.hosts]
    else:
        found = [{"ip": {"address": address, "port": spec.port}, **own} for address in addresses]
    return {
        "apiVersion": ENVOY_API,
        "kind": "Backend",
        "metadata": _meta(system),
        "spec": {"type": "Endpoints", "endpoints": found},
    }


def _host_filter(system: str, spec: MonolithSpec) -> Manifest:
    """Swap the host header for the Backend's where it has one; endpoints of services have none."""
    rewrite = {"urlRewrite": {"hostname": {"type": "Backend"}}} if spec.host else {}
    return {
        "apiVersion": ENVOY_API,
        "kind": "HTTPRouteFilter",
        "metadata": _meta(system),
        "spec": rewrite,
    }


def _tls(system: str, spec: MonolithSpec) -> Manifest:
    """Speak TLS to it and hold its certificate to its name (Gateway API: BackendTLSPolicy)."""
    name = spec.server_name
    trusted: dict[str, Any] = (
        {"caCertificateRefs": [{"group": "", "kind": "Secret", "name": AUTHORITY_SECRET}]}
        if spec.ca
        else {"wellKnownCACertificates": "System"}
    )
    return {
        "apiVersion": GATEWAY_API,
        "kind": "BackendTLSPolicy",
        "metadata": _meta(system),
        "spec": {
            "targetRefs": [{"group": ENVOY_GROUP, "kind": "Backend", "name": MONOLITH}],
            "validation": {"hostname": name, **trusted},
        },
    }


def _meta(system: str) -> dict[str, Any]:
    return {"name": MONOLITH, "namespace": system, "labels": labels(system, ROOM, MONOLITH)}
