"""From the crossings of the file to routes, and from a wish to move one to the routes that change. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from seaway.errors import NotFound, Refused
from seaway.kit.near import did_you_mean
from seaway.model.manifests import Manifest
from seaway.model.names import Weight
from seaway.model.snapshot import Live
from seaway.rooms.crossing.facts import (
    GATEWAY_API,
    CrossingView,
    moves_of,
    route_name,
    views,
    weight_of,
)
from seaway.rooms.crossing.routes import ROOM, Place, route
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import FULL
from seaway.rooms.crossing.steps import ApplyRoute
from seaway.steps.objects import Desired, changes, orphans

WAITS: Final = (
    "cluster/namespace",
    "edge/controller/await",
    "edge/monolith/answers",
    "edge/monolith/service",
    "edge/monolith/endpoints",
)


def routes_in(live: Live, system: str, crossings: Mapping[str, CrossingSpec]) -> dict[str, Manifest | None]:
    """Find each crossing's route among what was seen."""
    return {name: live.get(GATEWAY_API, "HTTPRoute", route_name(name), system) for name in crossings}


def plan(
    place: Place, crossings: Mapping[str, CrossingSpec], live: Live, known: Mapping[str, str]
) -> list[Any]:
    """Decide which routes must change; the weight of a route that is there stays as it is."""
    found = routes_in(live, place.system, crossings)
    objects = [
        Desired(
            f"{ROOM}/{name}/route",
            route(place, name, spec, weight_of(found[name], spec.to), moves_of(found[name])),
            (*WAITS, f"services/{spec.to}/service", f"services/{spec.to}/await"),
        )
        for name, spec in crossings.items()
    ]
    by_id = {f"{ROOM}/{name}/route": (name, spec) for name, spec in crossings.items()}
    steps = [ApplyRoute(step, place, *by_id[step.id]) for step in changes(objects, live, known)]
    return [*steps, *orphans(ROOM, objects, live.of_component(ROOM))]


def decide_move(
    seen: Mapping[str, CrossingView], name: str, weight: Weight, ready: Mapping[str, int]
) -> tuple[CrossingView, ...]:
    """Check one move; gives the crossings that change, in order. `ready` counts the services' endpoints.

    Raises NotFound for a name that the file does not have, Refused where a rule says no.
    """
    view = find(seen, name)
    if weight > view.weight:
        behind = [seen[other] for other in view.after if seen[other].weight.percent < FULL]
        if behind:
            first = behind[0]
            raise Refused(
                f"crossing {name} cannot start yet",
                where=f"crossings.{name}.after",
                why="; ".join(f"{b.name} is at {b.weight}, not at 100 %" for b in behind),
                remedy=f"seaway cross move {first.name} 100",
            )
        if not ready.get(view.to):
            raise Refused(
                f"service {view.to} has no ready pod; the weight of {name} stays at {view.weight}",
                where=f"services.{view.to}",
                remedy="seaway status tells what is wrong with it",
            )
    return () if view.weight == weight else _with_room_behind(seen, view, weight)


def _with_room_behind(
    seen: Mapping[str, CrossingView], view: CrossingView, weight: Weight
) -> tuple[CrossingView, ...]:
    """See that no crossing that builds on this one is under way before this one leaves 100 %."""
    if weight.percent < FULL and (ahead := dependents(seen, view.name)):
        names = ", ".join(f"{d.name} ({d.weight})" for d in ahead)
        raise Refused(
            f"crossing {view.name} cannot leave 100 % before those that come after it",
            where=f"crossings.{view.name}",
            why=f"under way: {names}",
            remedy=f"seaway cross back {view.name} --with-dependents takes them all back, the last first",
        )
    return (view,)


def decide_back(
    seen: Mapping[str, CrossingView], name: str, *, with_dependents: bool
) -> tuple[CrossingView, ...]:
    """Check the way back; gives the crossings that return to 0, those that come last first.

    Raises NotFound and Refused as decide_move does.
    """
    view = find(seen, name)
    ahead = dependents(seen, name) if with_dependents else ()
    if not with_dependents:
        _with_room_behind(seen, view, Weight(0))
    return tuple(v for v in (*ahead, view) if v.weight.percent)


def dependents(seen: Mapping[str, CrossingView], name: str) -> tuple[CrossingView, ...]:
    """List what comes after a crossing, however far, and is above 0; the last first."""
    found: dict[str, CrossingView] = {}

    def visit(current: str) -> None:
        for view in seen.values():
            if current in view.after and view.name not in found:
                visit(view.name)
                found[view.name] = view

    visit(name)
    return tuple(view for view in found.values() if view.weight.percent)


def find(seen: Mapping[str, CrossingView], name: str) -> CrossingView:
    if name not in seen:
        raise NotFound(
            f"there is no crossing {name!r} in the file",
            why=f"there are: {', '.join(seen)}" if seen else "there is none",
            remedy=did_you_mean(name, seen) or "seaway cross status",
        )
    return seen[name]


__all__ = ["ROOM", "Place", "decide_back", "decide_move", "plan", "route", "routes_in", "views"]
