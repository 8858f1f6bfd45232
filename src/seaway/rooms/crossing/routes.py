"""What a crossing is in the cluster: one HTTPRoute, whose rules say who goes to which side.

The gateway prefers the longest path, then the match that asks for more headers (the method is one): so a rule
for some visitors comes before the one that shares all others by weight. GET has rules of its own, since only
what is safe may be asked twice (RFC 9110, 9.2.1): see failover.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from seaway.model.gateway import ENVOY_GROUP, GATEWAY_API, NEVER
from seaway.model.manifests import Manifest, labels
from seaway.model.names import Weight
from seaway.rooms.crossing.compare.spec import CompareSpec
from seaway.rooms.crossing.place import Place
from seaway.rooms.crossing.place import Side as Backend
from seaway.rooms.crossing.sides import (
    SIDE_HEADER,
    Rule,
    Side,
    cookie_pattern,
    route_name,
    set_cookie,
    sticky_pattern,
)
from seaway.rooms.crossing.spec import CrossingSpec, TestersSpec
from seaway.rooms.crossing.state import FULL

ROOM: Final = "crossing"
EPOCH: Final = "seaway.dev/epoch"
LEAVING: Final = "seaway.dev/leaving"
COMPARATOR: Final = "comparator"
#: Every request has these headers: a match that asks for both goes before one of the crossing below, which
#: asks for one header at most beside the method.
EVERY: Final = tuple(
    {"name": name, "type": "RegularExpression", "value": ".+"} for name in ("Host", "X-Forwarded-Proto")
)
GET: Final = "GET"
#: The greatest weight of a backend (Gateway API: BackendRef).
MOST: Final = 1_000_000

Match = dict[str, Any]


@dataclass(frozen=True)
class Split:
    """How a route parts its visitors: the new side's percent, the cookies' epoch, whether it mirrors.

    One that is `leaving` takes no request: Envoy may hear that its clusters went before it hears that no
    route leads to them, and answers 500 in between. So the requests go first, then what they went to.
    """

    weight: int
    epoch: int = 0
    comparing: bool = False
    leaving: bool = False


def route(place: Place, name: str, spec: CrossingSpec, split: Split) -> Manifest:
    """Compose a crossing's HTTPRoute (Gateway API v1)."""
    parent = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": place.gateway,
        "sectionName": "https",
    }
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": {
            "name": route_name(name),
            "namespace": place.system,
            "labels": labels(place.system, ROOM, name),
            "annotations": {EPOCH: str(split.epoch)} | ({LEAVING: "true"} if split.leaving else {}),
        },
        "spec": {
            "parentRefs": [parent],
            "hostnames": list(place.hosts),
            "rules": _Composer(place, name, spec, split).rules(),
        },
    }


def split_of(found: Mapping[str, Any]) -> Split:
    """Read how a route parts its visitors; the weight is the share of the last backend of its first rule.

    A route that an earlier version made, or a hand, is read as far as it can be: what it does not say is 0.
    """
    rules = found.get("spec", {}).get("rules") or [{}]
    shares = [int(backend.get("weight", 1)) for backend in rules[0].get("backendRefs") or []]
    whole = sum(shares)
    weight = round(FULL * shares[-1] / whole) if len(shares) > 1 and whole else 0
    told = found.get("metadata", {}).get("annotations") or {}
    epoch = told.get(EPOCH, "")
    mirrors = any(f["type"] == "RequestMirror" for rule in rules for f in rule.get("filters") or [])
    return Split(weight, int(epoch) if epoch.isdigit() else 0, mirrors, LEAVING in told)


def weight_of(found: Mapping[str, Any] | None) -> Weight:
    """Read the new side's share; 0 where there is no route."""
    return Weight(split_of(found).weight if found else 0)


@dataclass(frozen=True)
class _Composer:
    place: Place
    name: str
    spec: CrossingSpec
    split: Split

    @property
    def keeps(self) -> bool:
        """Whether visitors are kept on their side now; at both ends there is but one side."""
        return self.spec.sticky and 0 < self.split.weight < FULL

    @property
    def parked(self) -> bool:
        """Whether it takes no request at all: one that leaves, and a release at 0 %."""
        released = bool(self.place.over) and not self.split.weight and not self.split.comparing
        return self.split.leaving or released

    def rules(self) -> list[dict[str, Any]]:
        """Give the rules, each always at its place: names of Envoy's clusters are made of places."""
        shared = [self._side(side, share) for side, share in zip(Side, self._shares(), strict=True)]
        compare = self.spec.compare if self.split.comparing else None
        mirror = [_mirror(compare)] if compare else []
        methods = compare.methods if compare else ()
        others = [method for method in methods if method != GET]
        new = [*self._testers(), *self._kept(Side.NEW)] or [NEVER]
        old = self._kept(Side.OLD)
        found = {
            Rule.GET: self._rule(shared, self._matches(GET), mirror if GET in methods else []),
            Rule.REST: self._rule(shared, self._matches()),
            Rule.SERVICE: self._rule([_backend(Backend(self.spec.to))], self._never()),
            Rule.NEW_GET: self._rule(self._chosen(Side.NEW), self._matches(GET, *new)),
            Rule.NEW_REST: self._rule(self._chosen(Side.NEW), self._matches(*new)),
            Rule.OLD: self._rule(
                self._chosen(Side.OLD),
                [*self._matches(GET, *old), *self._matches(*old)] if old else self._never(),
            ),
            Rule.COMPARED: self._rule(
                shared, [m for one in others for m in self._matches(one)] or self._never(), mirror
            ),
        }
        return [{"name": rule.word, **found[rule]} for rule in Rule]

    def _shares(self) -> tuple[int, int]:
        return FULL - self.split.weight, self.split.weight

    def _chosen(self, side: Side) -> list[Match]:
        """Give both sides for those who are on one of them.

        The old side has the least share even for the new one's: a rule of which no backend is left would
        answer 503. Its cluster is patched to ask the service first (failover.py).
        """
        shares = (1, MOST) if side is Side.NEW else (1, 0)
        return [self._side(each, share, cookie=False) for each, share in zip(Side, shares, strict=True)]

    def _never(self) -> list[Match]:
        return [{"path": {"type": "PathPrefix", "value": self.spec.routes[0]}, "headers": [NEVER]}]

    def _matches(self, *wanted: str | Match) -> list[Match]:
        """Give a match for each path and each of the `wanted` headers; a text among them is the method."""
        if self.parked:
            return self._never()
        method = next(({"method": w} for w in wanted if isinstance(w, str)), {})
        every = list(EVERY) if self.place.over else []
        plain = {"headers": every} if every else {}
        headers = [{"headers": [w, *every]} for w in wanted if not isinstance(w, str)] or [plain]
        return [
            {"path": {"type": "PathPrefix", "value": path}, **method, **header}
            for path in self.spec.routes
            for header in headers
        ]

    def _testers(self) -> list[Match]:
        return [_mark(self.spec.testers)] if self.spec.testers else []

    def _kept(self, side: Side) -> list[Match]:
        return [_cookie(sticky_pattern(self.name, side, self.split.epoch))] if self.keeps else []

    def _side(self, side: Side, share: int, *, cookie: bool = True) -> dict[str, Any]:
        """Give one side as a backend that tells its name, so that the gateway counts it apart.

        Where visitors are kept, it gives them their cookie.
        """
        backend = self.place.monolith if side is Side.OLD else Backend(self.spec.to)
        named = {"set": [{"name": SIDE_HEADER, "value": side.word}]}
        filters: list[Match] = [{"type": "RequestHeaderModifier", "requestHeaderModifier": named}]
        if cookie and self.keeps:
            kept = {"add": [{"name": "Set-Cookie", "value": set_cookie(self.name, side, self.split.epoch)}]}
            filters.append({"type": "ResponseHeaderModifier", "responseHeaderModifier": kept})
        return {**_backend(backend, share), "filters": filters}

    def _rule(
        self, backends: list[Match], matches: list[Match], filters: Iterable[Match] = ()
    ) -> dict[str, Any]:
        """Compose a rule; the host header of a monolith outside is the business of its filter (room edge)."""
        found = list(filters)
        if self.place.monolith.kind == "Backend":
            own = {"group": ENVOY_GROUP, "kind": "HTTPRouteFilter", "name": self.place.monolith.name}
            found.insert(0, {"type": "ExtensionRef", "extensionRef": own})
        rule = {"matches": matches, "backendRefs": backends, "timeouts": {"request": "0s"}}
        return {**rule, "filters": found} if found else rule


def _backend(backend: Backend, share: int = 1) -> dict[str, Any]:
    group = ENVOY_GROUP if backend.kind == "Backend" else ""
    return {
        "group": group,
        "kind": backend.kind,
        "name": backend.name,
        "port": backend.port,
        "weight": share,
    }


def _mirror(compare: CompareSpec) -> dict[str, Any]:
    """Send a copy of a share of the requests to the comparator, whose answers nobody sees (GEP-3171)."""
    to = {"group": "", "kind": "Service", "name": COMPARATOR, "port": 80}
    share = int(compare.share.rstrip("%"))
    return {"type": "RequestMirror", "requestMirror": {"backendRef": to, "percent": share}}


def _mark(testers: TestersSpec) -> Match:
    if testers.header:
        return {"type": "Exact", "name": testers.header.name, "value": testers.header.value}
    if testers.cookie:
        return _cookie(cookie_pattern(testers.cookie.name, testers.cookie.value))
    raise ValueError("testers are told by a header or by a cookie")


def _cookie(pattern: str) -> Match:
    return {"type": "RegularExpression", "name": "Cookie", "value": pattern}
