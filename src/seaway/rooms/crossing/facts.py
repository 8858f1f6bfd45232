"""What can be seen of crossings: their weights live in their routes, in the cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from seaway.model.manifests import Manifest
from seaway.model.names import Weight
from seaway.rooms.crossing.spec import CrossingSpec

GATEWAY_API: Final = "gateway.networking.k8s.io/v1"
MOVES: Final = "seaway.dev/moves"
KEPT: Final = 20
FULL: Final = 100


class Phase(StrEnum):
    """Where a crossing stands: it may not start yet, has not started, is on its way, or is over."""

    WAITING = "waiting"
    MONOLITH = "monolith"
    MOVING = "moving"
    SETTLED = "settled"


@dataclass(frozen=True)
class Move:
    """One change of a weight: when (ISO 8601), by whom, from and to which percent."""

    at: str
    by: str
    start: int
    end: int


@dataclass(frozen=True)
class CrossingView:
    """One crossing as it is. `there` tells whether its route exists in the cluster."""

    name: str
    routes: tuple[str, ...]
    to: str
    weight: Weight
    phase: Phase
    after: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    there: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "routes": list(self.routes),
            "to": self.to,
            "weight": self.weight.percent,
            "phase": self.phase.value,
            "after": list(self.after),
            "moves": [{"at": m.at, "by": m.by, "from": m.start, "to": m.end} for m in self.moves],
        }


def route_name(crossing: str) -> str:
    """Name a crossing's HTTPRoute."""
    return f"crossing-{crossing}"


def weight_of(route: Mapping[str, Any] | None, service: str) -> Weight:
    """Read the service's share from the route's backends; 0 where there is no such route."""
    rules = (route or {}).get("spec", {}).get("rules") or [{}]
    backends = rules[0].get("backendRefs") or []
    shares = {str(b["name"]): int(b.get("weight", 1)) for b in backends}
    whole = sum(shares.values())
    return Weight(round(FULL * shares.get(service, 0) / whole)) if whole else Weight(0)


def moves_of(route: Mapping[str, Any] | None) -> tuple[Move, ...]:
    """Read the recorded moves, the oldest first."""
    text = (route or {}).get("metadata", {}).get("annotations", {}).get(MOVES, "[]")
    try:
        return tuple(Move(m["at"], m["by"], int(m["from"]), int(m["to"])) for m in json.loads(text))
    except (ValueError, KeyError, TypeError):
        return ()


def moves_text(moves: tuple[Move, ...]) -> str:
    """Write moves as they are kept on the route: the last twenty."""
    return json.dumps([{"at": m.at, "by": m.by, "from": m.start, "to": m.end} for m in moves[-KEPT:]])


def views(
    crossings: Mapping[str, CrossingSpec], routes: Mapping[str, Manifest | None]
) -> dict[str, CrossingView]:
    """See every crossing of the file as its route (by crossing's name) shows it."""
    found = {}
    for name, spec in crossings.items():
        route = routes.get(name)
        weight = weight_of(route, spec.to)
        phase = (
            Phase.SETTLED if weight.percent == FULL else Phase.MOVING if weight.percent else Phase.MONOLITH
        )
        found[name] = CrossingView(
            name, spec.routes, spec.to, weight, phase, spec.after, moves_of(route), route is not None
        )
    for name, view in found.items():
        behind = any(found[other].weight.percent < FULL for other in view.after if other in found)
        if view.phase is Phase.MONOLITH and behind:
            found[name] = replace(view, phase=Phase.WAITING)
    return found
