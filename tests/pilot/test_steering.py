"""A fault of the pilot's own at one crossing: the others are steered, and it is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2 as httpx
import pytest

from seaway.kit.kube import Kube
from seaway.pilot import steering as module
from seaway.pilot.comparing import Comparison
from seaway.pilot.desk import CROSSING, Desk
from seaway.pilot.hands import Hands
from seaway.pilot.readings import Readings
from seaway.pilot.steering import FAULT, Steering
from seaway.rooms.crossing.life import Advance, advance
from seaway.rooms.crossing.place import Place, Side
from seaway.rooms.crossing.resource import manifest
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.turn import Emit

PLACE = Place("shop", "shop.localhost", "edge", Side("monolith", 80, "Backend"))


@pytest.fixture
def helm() -> Iterator[Steering]:
    """Steers two crossings of a cluster whose API server is away."""
    desk = Desk()
    for name in ("bad", "good"):
        found = manifest(PLACE, name, CrossingSpec(routes=(f"/{name}",), to="web"))
        meta = {**found["metadata"], "uid": name, "resourceVersion": "1", "generation": 1}
        desk.put(CROSSING, {**found, "metadata": meta})
    kube = Kube(httpx.Client(base_url="http://127.0.0.1:1", trust_env=False), "nowhere")
    readings, comparison = Readings(kube, "shop", desk), Comparison(kube, "shop", desk, lambda: True)
    steering = Steering(kube, "shop", desk, lambda: True, readings, comparison)
    with closing(steering), closing(kube):
        yield steering


def test_a_fault_at_one_crossing_leaves_the_others_steered(
    helm: Steering, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[tuple[str, Emit]] = []
    looked: list[str] = []

    def fails(spec: CrossingSpec, *rest: Any) -> Advance:
        name = spec.routes[0].strip("/")
        looked.append(name)
        if name == "bad":
            raise ZeroDivisionError
        return advance(spec, *rest)

    now = 1000.0
    helm.clock = lambda: now
    monkeypatch.setattr(module, "advance", fails)
    monkeypatch.setattr(Hands, "tell", lambda _, crossing, event: told.append((crossing.name, event)))
    helm.look()
    assert looked == ["bad", "good"]
    assert "bad: a fault of the pilot's own" in caplog.text
    assert "ZeroDivisionError" in caplog.text

    now += FAULT / 2
    helm.look()
    assert looked.count("bad") == 1, "it rests"
    now += FAULT
    helm.look()
    assert looked.count("bad") == 2, "it is tried again"
    assert looked.count("good") == 3
    assert [(name, event.reason) for name, event in told] == [("bad", "CrossingFault")]

    monkeypatch.setattr(module, "advance", advance)
    now += FAULT + 1
    helm.look()
    assert helm.courses["bad"].rests == 0.0
