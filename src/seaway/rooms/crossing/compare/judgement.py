"""Whether both sides answer alike: what a tally says, for who decides on the start of a crossing."""

from __future__ import annotations

from typing import Final

from seaway.rooms.crossing.compare.bounds import lower, upper
from seaway.rooms.crossing.compare.spec import CompareSpec
from seaway.rooms.crossing.compare.tally import RouteTally, Tally
from seaway.rooms.crossing.facts import Compared

#: How sure it must be that the limit is passed before all requests were compared.
SURE: Final = 0.99
#: Unexplained differences before which nothing is said early: a place may yet turn out to be noise.
FEW: Final = 5


def judge(tally: Tally, spec: CompareSpec) -> Compared:
    """Give whether enough was compared, and whether too much differs.

    Too much differs where, of all that was enough, the share of unexplained differences is over the limit;
    and before that, on any one route, where it surely is.
    """
    enough = tally.compared >= spec.requests
    early = [name for name, route in tally.routes.items() if _surely(route, spec.limit)]
    over = enough and tally.unexplained > spec.limit * tally.compared
    return Compared(enough, over or bool(early), _reason(tally, spec, over, early), _figures(tally))


def _surely(route: RouteTally, limit: float) -> bool:
    found = route.unexplained
    return found >= FEW and lower(found, route.compared, SURE) > limit


def _reason(tally: Tally, spec: CompareSpec, over: bool, early: list[str]) -> str:
    said = f"{tally.unexplained} of {tally.compared} compared answers differ unexplained"
    if over or early:
        where = early or [name for name, route in tally.routes.items() if route.unexplained]
        worst = "; ".join(_worst(name, tally.routes[name]) for name in where[:3])
        return f"{said}, over the limit of {spec.differences}: {worst}"
    if tally.compared < spec.requests:
        return f"{said}; {spec.requests} are to be compared"
    most = f"{100 * upper(tally.unexplained, tally.compared):.2g} %"
    unasked = [name for name, route in tally.routes.items() if not route.compared]
    silent = f"; nobody asked for {', '.join(unasked)}" if unasked else ""
    return f"{said} (95 % sure: at most {most}){silent}"


def _worst(name: str, route: RouteTally) -> str:
    """Name a route, and where it differs most often."""
    top = route.top()
    return f"{name} at {', '.join(top[0][0][:3])}" if top else name


def _figures(tally: Tally) -> dict[str, object]:
    return {
        "compared": tally.compared,
        "different": tally.different,
        "unexplained": tally.unexplained,
        "bound": round(upper(tally.unexplained, tally.compared), 4),
        "leftOut": sum(tally.left_out.values()),
    }
