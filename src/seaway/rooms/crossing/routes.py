"""What a crossing is in the cluster: one HTTPRoute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from seaway.model.manifests import Manifest, labels
from seaway.model.names import Weight
from seaway.rooms.crossing.facts import GATEWAY_API, MOVES, Move, moves_text, route_name
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import FULL

ROOM: Final = "crossing"


@dataclass(frozen=True)
class Place:
    """Where routes hang: the system's namespace, its domain, the gateway's and the monolith's names."""

    system: str
    domain: str
    gateway: str
    monolith: str


def route(place: Place, name: str, spec: CrossingSpec, weight: Weight, moves: tuple[Move, ...]) -> Manifest:
    """Compose a crossing's HTTPRoute: the monolith and the service share its paths by weight."""

    def backend(service: str, share: int) -> dict[str, Any]:
        return {"group": "", "kind": "Service", "name": service, "port": 80, "weight": share}

    matches = [{"path": {"type": "PathPrefix", "value": path}} for path in spec.routes]
    sides = [backend(place.monolith, FULL - weight.percent), backend(spec.to, weight.percent)]
    meta: dict[str, Any] = {
        "name": route_name(name),
        "namespace": place.system,
        "labels": labels(place.system, ROOM, name),
    }
    if moves:
        meta["annotations"] = {MOVES: moves_text(moves)}
    parent = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": place.gateway,
        "sectionName": "https",
    }
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": meta,
        "spec": {
            "parentRefs": [parent],
            "hostnames": [place.domain],
            "rules": [{"matches": matches, "backendRefs": sides, "timeouts": {"request": "0s"}}],
        },
    }
