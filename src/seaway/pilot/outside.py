"""Where the comparator asks a monolith that is outside the cluster: read from the objects of the gateway."""

from __future__ import annotations

import base64
from typing import Any, Final

from seaway.errors import NotFound
from seaway.kit.kube import Kube, Ref
from seaway.rooms.crossing.compare.task import Target, target_of
from seaway.rooms.crossing.place import Side

ENVOY_API: Final = "gateway.envoyproxy.io/v1alpha1"
GATEWAY_API: Final = "gateway.networking.k8s.io/v1"


def old_target(kube: Kube, system: str, side: Side) -> Target:
    """Give where the old side is asked: a Service by its name, a Backend at its first endpoint.

    Its TLS is that of the BackendTLSPolicy of the same name (Gateway API, GEP-1897). Raises NotFound where
    there is no such Backend.
    """
    if side.kind != "Backend":
        return target_of(side)
    backend = kube.get(Ref(ENVOY_API, "Backend", side.name, system))
    endpoints = (backend or {}).get("spec", {}).get("endpoints") or []
    if not endpoints:
        raise NotFound(f"there is no Backend {side.name} with an endpoint", where=system, remedy="seaway up")
    first: dict[str, Any] = endpoints[0]
    at = first.get("fqdn") or first["ip"]
    address = at.get("hostname") or at["address"]
    host = first.get("hostname", "")
    policy = kube.get(Ref(GATEWAY_API, "BackendTLSPolicy", side.name, system))
    if policy is None:
        return Target(f"http://{address}:{at['port']}", host)
    trusted = policy["spec"]["validation"].get("caCertificateRefs") or []
    authority = kube.get(Ref("v1", "Secret", trusted[0]["name"], system)) if trusted else None
    pem = base64.b64decode((authority or {}).get("data", {}).get("ca.crt", "")).decode()
    return Target(f"https://{address}:{at['port']}", host, ca=pem)
