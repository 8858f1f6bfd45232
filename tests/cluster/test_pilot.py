"""Crossings that move by themselves, on a whole system, also where pilots die one after the other."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from seaway.kit.kube import Kube
from seaway.pilot.comparing import Comparison
from seaway.pilot.desk import Desk
from seaway.pilot.readings import Readings
from seaway.pilot.steering import Steering
from seaway.rooms.crossing.state import Phase, What
from tests.cluster.first_crossing import (
    CROSSING,
    LIFE,
    STEPS,
    SUCCESSION,
    await_phase,
    ledger_of,
    moves_since_last_start,
    route_of,
    since_last_start,
    state_of,
)
from tests.cluster.tiny_system import SYSTEM, Tiny

APART = timedelta(minutes=5)


def test_a_crossing_goes_its_way_by_itself_and_loses_nothing(tiny: Tiny) -> None:
    with tiny.load("/first", "/"):
        tiny.seaway("cross", "start", "first")
        await_phase(tiny, Phase.SETTLED)
    told = since_last_start(tiny)
    assert [entry.what for entry in told] == [What.STARTED, *[What.MOVED] * len(STEPS), What.SETTLED]
    assert moves_since_last_start(tiny) == STEPS
    assert all(entry.figures for entry in told[2:])
    assert {tiny.side("/first") for _ in range(20)} == {"app"}
    events = tiny.cluster.kube.list("v1", "Event", namespace=SYSTEM)
    ours = {e["reason"] for e in events if e["involvedObject"]["kind"] == "Crossing"}
    assert ours >= {"CrossingStarted", "CrossingMoved", "CrossingSettled"}


def test_a_bad_new_side_is_left_by_itself(tiny: Tiny) -> None:
    with tiny.load("/first/bad", may_fail=True) as load:
        tiny.seaway("cross", "start", "first")
        state = await_phase(tiny, Phase.RETURNED)
        ended = datetime.now(UTC)
        time.sleep(1)
    assert "failed on the new side" in state.reason
    assert route_of(tiny).weight == 0
    assert load.failed()
    assert load.failed(after=ended) == []


def test_a_pilot_that_dies_after_every_single_write_arrives_all_the_same(tiny: Tiny) -> None:
    """Each writes once and is gone; the next one's clock is five minutes off, ahead or behind in turn."""
    with tiny.without_pilots(), tiny.load("/first"):
        tiny.seaway("cross", "back", "first")
        kube = tiny.cluster.kube
        kube.patch(CROSSING, {"metadata": {"annotations": {"seaway.dev/command": _command("start")}}})
        ends, deaths, began = time.monotonic() + LIFE, 0, time.monotonic()
        while state_of(tiny).phase is not Phase.SETTLED:
            assert time.monotonic() < ends, state_of(tiny)
            deaths += _one_life(kube, APART * (-1) ** deaths)
        assert time.monotonic() - began > len(STEPS) * 2, "no hold was shortened"
        while _one_life(kube, timedelta()):
            assert time.monotonic() < ends + LIFE, "it never comes to rest"
    assert deaths > 2 * len(STEPS)
    state, told = state_of(tiny), ledger_of(tiny)
    assert [e for e in state.history if e not in told] == [], "what a death left out of the ledger is there"
    moved = [e.end for e in state.history if e.what is What.MOVED][-len(STEPS) :]
    assert moved == STEPS, "no step was taken twice, none was left out"
    assert route_of(tiny).weight == 100


def test_the_way_back_needs_no_pilot_and_a_pilot_respects_it(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "60")
    epoch = route_of(tiny).epoch
    with tiny.load("/first"):
        with tiny.without_pilots():
            began = time.monotonic()
            tiny.seaway("cross", "back", "first")
            took = time.monotonic() - began
            assert {tiny.side("/first") for _ in range(20)} == {"monolith"}
        await_phase(tiny, Phase.RETURNED, SUCCESSION)
    assert took < 5
    assert (route_of(tiny).weight, route_of(tiny).epoch > epoch) == (0, True)


class Killed(BaseException):
    """SIGKILL: nobody can catch it, nothing after it is done."""


class Mortal(Kube):
    """A connection whose first write is the last thing that its process does."""

    def _send(self, method: str, *given: Any, **more: Any) -> Any:
        answer = super()._send(method, *given, **more)
        if method != "GET":
            raise Killed
        return answer


def _one_life(kube: Kube, apart: timedelta) -> bool:
    """Steer until the first write, or for two seconds; gives whether it died."""
    mortal, desk, stop = Mortal(kube._http, kube.context), Desk(), threading.Event()
    readings, comparison = Readings(kube, SYSTEM, desk), Comparison(kube, SYSTEM, desk, lambda: True)
    steering = Steering(mortal, SYSTEM, desk, lambda: True, readings, comparison)
    steering.wall = lambda: datetime.now(UTC) + apart

    def end() -> None:
        stop.set()
        desk.changed.set()

    timer = threading.Timer(2.5, end)
    timer.start()
    try:
        steering.run(stop)
    except Killed:
        return True
    finally:
        timer.cancel()
        steering.close()
    return False


def _command(verb: str) -> str:
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return f'{{"id": "{time.monotonic_ns()}", "verb": "{verb}", "by": "a test", "at": "{at}"}}'
