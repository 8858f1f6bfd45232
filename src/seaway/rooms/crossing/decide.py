"""From a wish of somebody's to the crossings that it moves, or to why not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seaway.errors import Refused
from seaway.kit.near import unknown
from seaway.model.names import Weight
from seaway.rooms.crossing.state import FULL, Phase, Verb
from seaway.rooms.crossing.views import CrossingView


def decide_move(
    seen: Mapping[str, CrossingView], name: str, weight: Weight, ready: Mapping[str, int]
) -> tuple[CrossingView, ...]:
    """Check one move; gives the crossings that change, in order. `ready` counts the services' endpoints.

    Raises UsageError for a name that the file does not have, Refused where a rule says no.
    """
    view = find(seen, name)
    if weight > view.weight:
        behind = [seen[other] for other in view.after if other in seen and seen[other].weight.percent < FULL]
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

    Raises UsageError and Refused as decide_move does.
    """
    view = find(seen, name)
    ahead = dependents(seen, name) if with_dependents else ()
    if not with_dependents:
        _with_room_behind(seen, view, Weight(0))
    return tuple(v for v in (*ahead, view) if may_go_back(v))


def decide_back_all(seen: Mapping[str, CrossingView]) -> tuple[CrossingView, ...]:
    """Give every crossing that is not wholly at the monolith, those that come last first."""
    found: dict[str, CrossingView] = {}
    for name, view in seen.items():
        for each in (*dependents(seen, name), view):
            found.setdefault(each.name, each)
    return tuple(view for view in found.values() if may_go_back(view))


def may_go_back(view: CrossingView) -> bool:
    """Whether traffic, or a mirror of it, is on the new side or may soon be."""
    return bool(view.weight.percent) or view.phase in {Phase.COMPARING, Phase.MOVING, Phase.HOLDING}


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


def fitting(seen: Mapping[str, CrossingView], verb: Verb, names: Sequence[str]) -> tuple[CrossingView, ...]:
    """Give those of these names; where none is named, all that start, hold or resume has a meaning for.

    Raises UsageError.
    """
    if names:
        return tuple(find(seen, name) for name in names)
    return tuple(view for view in seen.values() if _fits(view, verb))


def _fits(view: CrossingView, verb: Verb) -> bool:
    if verb is Verb.RESUME:
        return bool(view.held)
    over = view.phase in {Phase.SETTLED, Phase.RETURNING}
    return not over and (verb is Verb.START or (view.phase is not Phase.RETURNED and not view.held))


def find(seen: Mapping[str, CrossingView], name: str) -> CrossingView:
    """Give one by name. Raises UsageError with the one that was probably meant."""
    if name not in seen:
        raise unknown(f"there is no crossing {name!r} in the file", name, seen, "seaway cross status")
    return seen[name]
