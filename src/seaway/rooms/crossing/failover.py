"""How the gateway fails over to the monolith, and moves weights without a request that is lost.

Envoy Gateway makes an Envoy cluster for each side, but takes it away while the side has no weight, and leaves
a side out whose Service has no endpoints. What meets such a moment is answered 500 or 503. So every cluster
of a side is replaced, by name, by an aggregate (Envoy: envoy.clusters.aggregate) of two that are always
there: the rule `service` of the crossing's route, which no request matches, and the HTTPRoute `monolith`. The
new side's aggregate has the monolith behind the service: it gets what the service's pods cannot take, at the
first retry already. The share of a side without endpoints, which Envoy Gateway gives to a cluster that does
not exist, goes to the monolith too: the room edge makes that cluster. Responses are counted at the aggregate,
and so at the side that was chosen. A release fails over to the version before it in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from seaway.model.gateway import DEFAULT_ROUTE, ENVOY_API, aggregate, cluster, patch_policy
from seaway.model.manifests import Manifest, labels
from seaway.rooms.crossing.place import Place
from seaway.rooms.crossing.routes import ROOM
from seaway.rooms.crossing.sides import OF_NEW, Rule, Side, route_name

#: What these rules ask may be asked of the other side too: it is safe.
SAFE: Final = (Rule.GET, Rule.NEW_GET)


def companions(place: Place, name: str, owner: Mapping[str, Any] | None = None) -> tuple[Manifest, ...]:
    """Compose what a crossing's route needs beside it, whatever its weight; `owner` is an ownerReference.

    It must be there before the route gets its first weight.
    """
    meta = {
        "name": route_name(name),
        "namespace": place.system,
        "labels": labels(place.system, ROOM, name),
        **({"ownerReferences": [dict(owner)]} if owner else {}),
    }
    return _clusters(place, name, meta), _retries(name, meta)


def _clusters(place: Place, name: str, meta: Mapping[str, Any]) -> Manifest:
    route = route_name(name)
    old = cluster(place.system, DEFAULT_ROUTE, 0)
    if place.over:  # the version before is the service of the crossing below
        old = cluster(place.system, route_name(place.over), Rule.SERVICE)
    new = cluster(place.system, route, Rule.SERVICE)
    patches = [
        aggregate(
            cluster(place.system, route, rule, side),
            [new, old] if side is Side.NEW or rule in OF_NEW else [old],
        )
        for rule in Rule
        for side in Side
        if rule is not Rule.SERVICE
    ]
    return patch_policy(dict(meta), place.gateway, patches)


def _retries(name: str, meta: Mapping[str, Any]) -> Manifest:
    """Ask again what is safe also where the connection broke while it was under way (`reset`).

    All else follows from the edge's policy, with which this one is merged.
    """
    route = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": route_name(name)}
    triggers = ["connect-failure", "refused-stream", "reset-before-request", "reset"]
    return {
        "apiVersion": ENVOY_API,
        "kind": "BackendTrafficPolicy",
        "metadata": dict(meta),
        "spec": {
            "targetRefs": [{**route, "sectionName": rule.word} for rule in SAFE],
            "mergeType": "StrategicMerge",
            "retry": {"numRetries": 4, "retryOn": {"triggers": triggers}},
        },
    }
