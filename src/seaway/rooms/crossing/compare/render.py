"""What `seaway cross differences` shows of a report: lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from seaway.rooms.crossing.compare.tally import Kind, RouteTally, Tally

#: Kinds of difference of a route that are shown, and places of one of them.
SHOWN: Final = 10
NAMED: Final = 4


def render(report: Mapping[str, Any]) -> list[str]:
    """Give the lines for a report of one crossing, as Tally.as_json gives it.

    Raises KeyError, TypeError or ValueError where it is none.
    """
    tally = Tally.from_json(report)
    if not tally.compared:
        lines = ["nothing was compared yet"]
    else:
        share, most = _percent(tally.unexplained / tally.compared), _percent(float(report["bound"]))
        said = f"{_count(tally.compared, 'answer')} compared, {tally.different} different"
        lines = [f"{said}, {tally.unexplained} unexplained: {share}, 95 % sure at most {most}"]
    for name, route in tally.routes.items():
        lines += ["", *_route(name, route)]
    if tally.left_out:
        left = sorted(tally.left_out.items(), key=lambda each: -each[1])
        lines += ["", "not compared:", *(f"  {count} x {why}" for why, count in left)]
    return lines


def _route(name: str, route: RouteTally) -> list[str]:
    if not route.compared:
        return [f"{name}: nobody asked for it"]
    lines = [f"{name}: {route.compared} compared, {route.equal} equal, {route.unexplained} unexplained"]
    top = route.top()
    for places, kind in top[:SHOWN]:
        lines += _kind(places, kind)
    more = sum(kind.count for _, kind in top[SHOWN:]) + route.beyond
    if more:
        lines.append(f"  {more} x at other places")
    if noise := sorted(route.noise.items(), key=lambda each: -each[1]):
        named = ", ".join(f"{place} ({count})" for place, count in noise[:SHOWN])
        rest = f", {len(noise) - SHOWN} more" if len(noise) > SHOWN else ""
        lines.append(f"  differs by itself: {named}{rest}")
    return lines


def _kind(places: tuple[str, ...], kind: Kind) -> list[str]:
    named = ", ".join(places[:NAMED]) + (f", {len(places) - NAMED} more" if len(places) > NAMED else "")
    shown = kind.example
    return [
        f"  {kind.count} x {named}",
        f"      {shown.request}: {shown.place}",
        f"      monolith: {shown.old}",
        f"      service:  {shown.new}",
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _percent(value: float) -> str:
    return f"{100 * value:.2g} %" if value < 1 else "100 %"
