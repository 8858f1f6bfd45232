"""How the gateway itself shows the proof that a name is ours (HTTP-01, RFC 8555, 8.3), with no server behind.

The path is exact: it goes before the redirect and before all routes by prefix (Gateway API, HTTPRouteRule).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seaway.kit.kube import Ref
from seaway.model.gateway import EDGE, ENVOY_API, ENVOY_GROUP, GATEWAY_API
from seaway.model.manifests import Manifest, labels
from seaway.rooms.acme.wish import ROOM

CHALLENGE: Final = "acme-challenge"
#: Port of the proxies' pods behind the listener's port 80: Envoy Gateway adds 10000 to ports below 1024.
PROXY_PORT: Final = 10080


@dataclass(frozen=True)
class Exhibit:
    """A proof, and where it is to be seen: at a path of `name`, or in the text records of `place`."""

    name: str
    place: str
    proof: str


def challenge_refs(system: str) -> tuple[Ref, Ref]:
    """Name the route and its filter."""
    return (
        Ref(GATEWAY_API, "HTTPRoute", CHALLENGE, system),
        Ref(ENVOY_API, "HTTPRouteFilter", CHALLENGE, system),
    )


def challenge(
    system: str, domain: str, path: str, proof: str, owner: Mapping[str, Any]
) -> tuple[Manifest, Manifest]:
    """Compose the filter that answers with the proof, and the route to it; both go when `owner` goes."""
    reference = {key: owner[key] for key in ("apiVersion", "kind")}
    reference |= {key: owner["metadata"][key] for key in ("name", "uid")}
    meta = {
        "name": CHALLENGE,
        "namespace": system,
        "labels": labels(system, ROOM, CHALLENGE),
        "ownerReferences": [reference],
    }
    answer = {
        "statusCode": 200,
        "contentType": "application/octet-stream",
        "body": {"type": "Inline", "inline": proof},
    }
    parent = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": EDGE,
        "sectionName": "http",
    }
    own = {"group": ENVOY_GROUP, "kind": "HTTPRouteFilter", "name": CHALLENGE}
    rule = {
        "matches": [{"path": {"type": "Exact", "value": path}}],
        "filters": [{"type": "ExtensionRef", "extensionRef": own}],
    }
    spec = {"parentRefs": [parent], "hostnames": [domain], "rules": [rule]}
    return (
        {
            "apiVersion": ENVOY_API,
            "kind": "HTTPRouteFilter",
            "metadata": meta,
            "spec": {"directResponse": answer},
        },
        {"apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": meta, "spec": spec},
    )
