"""What can be seen of crossings: their weights live in their routes, in the cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from seaway.model.manifests import Manifest
from seaway.model.names import Weight
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import FULL, Command, Phase

GATEWAY_API: Final = "gateway.networking.k8s.io/v1"
MOVES: Final = "seaway.dev/moves"
KEPT: Final = 20


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


@dataclass(frozen=True)
class RouteFacts:
    """A crossing's HTTPRoute as it was found.

    `weight` and `epoch` are what it says, `comparing` whether it mirrors to the comparator. `ours` tells
    whether all the rest is what Seaway would write now, `accepted` whether the gateway has taken up this very
    generation, `why` what the gateway says where it has not. `by` names who wrote it last, if that is told.
    """

    weight: int
    epoch: int = 0
    comparing: bool = False
    ours: bool = True
    accepted: bool = True
    why: str = ""
    by: str = ""


@dataclass(frozen=True)
class Other:
    """Another crossing of the same system, as it is after the pilot's last decision about it."""

    phase: Phase
    weight: int
    after: tuple[str, ...] = ()
    alone: bool = True
    held: str = ""

    @property
    def moves(self) -> bool:
        """Whether traffic of it is on the way, so that one that wants to be alone waits."""
        return self.phase in {Phase.MOVING, Phase.HOLDING} or (
            self.phase is Phase.RETURNING and self.weight > 0
        )


@dataclass(frozen=True)
class Compared:
    """What the comparator says: whether it has seen `enough`, whether too much `differs`, in one sentence."""

    enough: bool
    differs: bool
    reason: str
    figures: Mapping[str, Any] = field(default_factory=dict)


class Verdict(Protocol):
    """What the guards say: whether one is `broken`, whether the step has seen `enough`, in one sentence."""

    @property
    def broken(self) -> bool: ...
    @property
    def enough(self) -> bool: ...
    @property
    def reason(self) -> str: ...
    @property
    def figures(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Facts:
    """All that a decision about one crossing needs, seen at one moment.

    `route` is None where there is none. `others` are the other crossings of the system by name. `verdict` is
    what the guards say of the evidence of this step, None where the gateway's metrics are not seen. `ready`
    counts the new side's endpoints that may get traffic, None where they are not seen. `compared` is None
    where the comparator gives no report. `elapsed` is the seconds since this very pilot's last look, 0 at its
    first, by a clock that only goes forward. `deleting` tells that the resource is to go.
    """

    name: str
    route: RouteFacts | None = None
    command: Command | None = None
    others: Mapping[str, Other] = field(default_factory=dict)
    verdict: Verdict | None = None
    ready: int | None = None
    compared: Compared | None = None
    elapsed: float = 0.0
    deleting: bool = False
