"""Where a monolith outside the cluster is asked, by the objects that the room edge writes for it."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from seaway.pilot.outside import KNOWN, OldSides, target_at
from seaway.rooms.crossing.compare.task import Target, target_of
from seaway.rooms.crossing.place import Place, Side
from seaway.rooms.crossing.resource import Crossing
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import State
from seaway.rooms.edge.monolith import outside
from seaway.rooms.edge.spec import MonolithSpec

AUTHORITY = {"data": {"ca.crt": base64.b64encode(b"PEM").decode()}}
CROSSING = Crossing(
    name="login",
    place=Place("shop", "shop.localhost", "edge", Side("monolith", 8080, "Backend")),
    spec=CrossingSpec(routes=("/",), to="web"),
    state=State(),
    command=None,
    uid="u",
    version="1",
    generation=1,
    deleting=False,
)


@pytest.mark.parametrize(
    ("spec", "addresses", "target"),
    [
        (
            {"address": "http://legacy.internal:9000", "also": ["http://legacy-2.internal:9000"]},
            (),
            Target("http://legacy.internal:9000"),
        ),
        (
            {"address": "http://10.0.0.7:9000", "host": "legacy.example.com"},
            ("10.0.0.7",),
            Target("http://10.0.0.7:9000", "legacy.example.com"),
        ),
        (
            {"address": "http://[fd00::7]:9000", "host": "legacy.example.com"},
            ("fd00::7",),
            Target("http://[fd00::7]:9000", "legacy.example.com"),
        ),
        (
            {"address": "https://legacy.internal:8443", "ca": "ca.pem", "name": "old.internal"},
            (),
            Target("https://legacy.internal:8443", ca="PEM", name="old.internal"),
        ),
        (
            {"address": "https://legacy.internal:8443"},
            (),
            Target("https://legacy.internal:8443", name="legacy.internal"),
        ),
    ],
)
def test_a_monolith_is_asked_where_the_gateway_asks_it(
    spec: dict[str, Any], addresses: tuple[str, ...], target: Target
) -> None:
    monolith = MonolithSpec.model_validate(spec)
    found = {each["kind"]: each for each in outside("shop", monolith, addresses)}
    authority = AUTHORITY if monolith.ca else None
    assert target_at(found["Backend"], found.get("BackendTLSPolicy"), authority) == target


def test_it_is_read_seldom_and_whenever_something_of_it_is_new() -> None:
    now, read = 0.0, list[Side]()

    def reading(side: Side) -> Target:
        read.append(side)
        return target_of(side)

    sides = OldSides(reading, lambda: now)
    begun, other = replace(CROSSING, state=State(epoch=1)), replace(CROSSING.place, monolith=Side("other"))
    for crossing, times in [
        (CROSSING, 1),
        (CROSSING, 1),
        (replace(CROSSING, version="2"), 1),
        (begun, 2),
        (begun, 2),
        (replace(begun, place=other), 3),
        (replace(CROSSING, name="reading"), 4),
    ]:
        assert sides.of(crossing) == target_of(crossing.place.monolith)
        assert len(read) == times
    now += KNOWN
    sides.of(replace(begun, place=other))
    assert len(read) == 5


def test_what_could_not_be_read_is_not_kept() -> None:
    away = [True]

    def reading(side: Side) -> Target:
        if away:
            raise ValueError(away.pop())
        return target_of(side)

    sides = OldSides(reading)
    with pytest.raises(ValueError, match="True"):
        sides.of(CROSSING)
    assert sides.of(CROSSING) == target_of(CROSSING.place.monolith)
