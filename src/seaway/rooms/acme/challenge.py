"""How the gateway itself shows the proof that a name is ours (HTTP-01, RFC 8555, 8.3), with no server behind.

The path is exact: it goes before the redirect and before all routes by prefix (Gateway API, HTTPRouteRule).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def filter_names(names: int) -> list[str]:
    """Name the filters: one for each public name."""
    return [f"{CHALLENGE}-{number}" if number else CHALLENGE for number in range(names)]


def challenge_refs(system: str, names: int = 1) -> tuple[Ref, ...]:
    """Name the route and its filters, for so many public names."""
    filters = (Ref(ENVOY_API, "HTTPRouteFilter", name, system) for name in filter_names(names))
    return (Ref(GATEWAY_API, "HTTPRoute", CHALLENGE, system), *filters)


def challenge(system: str, exhibits: Sequence[Exhibit], owner: Mapping[str, Any]) -> list[Manifest]:
    """Compose the filters that answer with the proofs, and the route to them; all go when `owner` goes."""
    reference = {key: owner[key] for key in ("apiVersion", "kind")}
    reference |= {key: owner["metadata"][key] for key in ("name", "uid")}
    meta = {
        "name": CHALLENGE,
        "namespace": system,
        "labels": labels(system, ROOM, CHALLENGE),
        "ownerReferences": [reference],
    }
    named = dict(zip(filter_names(len(exhibits)), exhibits, strict=True))
    filters = [
        {
            "apiVersion": ENVOY_API,
            "kind": "HTTPRouteFilter",
            "metadata": {**meta, "name": name},
            "spec": {"directResponse": _answer(each)},
        }
        for name, each in named.items()
    ]
    parent = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": EDGE,
        "sectionName": "http",
    }
    spec = {
        "parentRefs": [parent],
        "hostnames": list(dict.fromkeys(each.name for each in exhibits)),
        "rules": [_rule(name, each) for name, each in named.items()],
    }
    return [*filters, {"apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": meta, "spec": spec}]


def _answer(exhibit: Exhibit) -> dict[str, Any]:
    return {
        "statusCode": 200,
        "contentType": "application/octet-stream",
        "body": {"type": "Inline", "inline": exhibit.proof},
    }


def _rule(name: str, exhibit: Exhibit) -> dict[str, Any]:
    """Lead a path to its filter; nobody else knows the path, so it need not be of one name."""
    own = {"group": ENVOY_GROUP, "kind": "HTTPRouteFilter", "name": name}
    return {
        "matches": [{"path": {"type": "Exact", "value": exhibit.place}}],
        "filters": [{"type": "ExtensionRef", "extensionRef": own}],
    }
