"""Crossings that move by themselves, on a whole system: good days, and every bad one that was thought of."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seaway.kit.kube import Kube, Ref
from seaway.model.event import silent
from seaway.pilot.comparing import Comparison
from seaway.pilot.desk import Desk
from seaway.pilot.readings import Readings
from seaway.pilot.steering import Steering
from seaway.providers.local import cgroups
from seaway.providers.local.clusters import LocalClusters
from seaway.rooms.crossing.ledger import entries_of, ledger_name
from seaway.rooms.crossing.resource import API, read
from seaway.rooms.crossing.routes import GATEWAY_API, Split, split_of
from seaway.rooms.crossing.sides import route_name
from seaway.rooms.crossing.state import Entry, Phase, State, What
from tests.cluster.support import belongings, until, words
from tests.cluster.tiny_system import DOMAIN, HTTPS, NAME, OK, Load, Tiny

SYSTEM = "tiny"
STEPS = [20, 60, 100]
CROSSING = Ref(API, "Crossing", "first", SYSTEM)
ROUTE = Ref(GATEWAY_API, "HTTPRoute", route_name("first"), SYSTEM)
DEPLOYMENT = Ref("apps/v1", "Deployment", "pilot", SYSTEM)
SERVICE = Ref("v1", "Service", "app", SYSTEM)
SIGHT = Ref("rbac.authorization.k8s.io/v1", "RoleBinding", f"pilot-{SYSTEM}", "envoy-gateway-system")
#: Seconds that a whole life takes at most here, and a change of leaders.
LIFE, SUCCESSION = 40, 30
APART = timedelta(minutes=5)


@pytest.fixture(scope="module")
def system(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:  # noqa: ARG001
    """The system with crossings of short holds; afterwards nothing of it is left on this machine."""
    crossing = {"steps": STEPS, "hold": "2s", "guard": {"minimum": 5}}
    tiny = Tiny(tmp_path_factory.mktemp("tiny"), crossing=crossing)
    tiny.write()
    LocalClusters().delete(NAME, silent)
    try:
        yield tiny.whole()
        tiny.cluster.kube.close()
        tiny.seaway("down", "--yes")
    finally:
        tiny.stop_monolith()
        LocalClusters().delete(NAME, silent)
    assert belongings(NAME) == {key: set() for key in belongings(NAME)}


@pytest.fixture
def tiny(system: Tiny) -> Tiny:
    """The system up and whole, all traffic at the monolith."""
    system.whole()
    if _route(system).weight:
        system.seaway("cross", "back", "first")
        _await(system, Phase.RETURNED)
    return system


def test_a_crossing_goes_its_way_by_itself_and_loses_nothing(tiny: Tiny) -> None:
    with tiny.load("/first", "/"):
        tiny.seaway("cross", "start", "first")
        _await(tiny, Phase.SETTLED)
    told = _since_last_start(tiny)
    assert [entry.what for entry in told] == [What.STARTED, *[What.MOVED] * len(STEPS), What.SETTLED]
    assert [entry.end for entry in told if entry.what is What.MOVED] == STEPS
    assert all(entry.figures for entry in told[2:])
    assert {tiny.side("/first") for _ in range(20)} == {"app"}
    events = tiny.cluster.kube.list("v1", "Event", namespace=SYSTEM)
    ours = {e["reason"] for e in events if e["involvedObject"]["kind"] == "Crossing"}
    assert ours >= {"CrossingStarted", "CrossingMoved", "CrossingSettled"}


def test_a_bad_new_side_is_left_by_itself(tiny: Tiny) -> None:
    with _bad_load(tiny) as load:
        tiny.seaway("cross", "start", "first")
        state = _await(tiny, Phase.RETURNED)
        ended = datetime.now(UTC)
        time.sleep(1)
    assert "failed on the new side" in state.reason
    assert _route(tiny).weight == 0
    failed = [a for a in load.answers if a["code"] not in OK]
    assert failed
    late = [a for a in failed if datetime.fromisoformat(a["timestamp"]) > ended]
    assert late == []


def test_a_pilot_that_dies_after_every_single_write_arrives_all_the_same(tiny: Tiny) -> None:
    """Each writes once and is gone; the next one's clock is five minutes off, ahead or behind in turn."""
    with _without_pilots(tiny), tiny.load("/first"):
        tiny.seaway("cross", "back", "first")
        kube = tiny.cluster.kube
        kube.patch(CROSSING, {"metadata": {"annotations": {"seaway.dev/command": _command("start")}}})
        ends, deaths, began = time.monotonic() + LIFE, 0, time.monotonic()
        while _state(tiny).phase is not Phase.SETTLED:
            assert time.monotonic() < ends, _state(tiny)
            deaths += _one_life(kube, APART * (-1) ** deaths)
        assert time.monotonic() - began > len(STEPS) * 2, "no hold was shortened"
        while _one_life(kube, timedelta()):
            assert time.monotonic() < ends + LIFE, "it never comes to rest"
    assert deaths > 2 * len(STEPS)
    state, told = _state(tiny), _ledger(tiny)
    assert [e for e in state.history if e not in told] == [], "what a death left out of the ledger is there"
    moved = [e.end for e in state.history if e.what is What.MOVED][-len(STEPS) :]
    assert moved == STEPS, "no step was taken twice, none was left out"
    assert _route(tiny).weight == 100


def test_both_pilots_die_at_once_under_way(tiny: Tiny) -> None:
    with tiny.load("/first"):
        tiny.seaway("cross", "start", "first")
        until(lambda: _route(tiny).weight == STEPS[0], "the first step")
        pids = _pilots(tiny)
        assert len(pids) == 2
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        _await(tiny, Phase.SETTLED, LIFE + SUCCESSION)
    moved = [entry.end for entry in _since_last_start(tiny) if entry.what is What.MOVED]
    assert moved == STEPS


def test_without_metrics_it_holds_and_goes_on_once_they_are_seen(tiny: Tiny) -> None:
    kube = tiny.cluster.kube
    sight = kube.get(SIGHT)
    assert sight
    for key in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        del sight["metadata"][key]
    with tiny.load("/first"):
        kube.delete(SIGHT)
        try:
            tiny.seaway("cross", "start", "first")
            until(lambda: "metrics are not seen" in _state(tiny).reason, "that it says so", LIFE)
            time.sleep(3)
            assert _route(tiny).weight == STEPS[0]
        finally:
            kube.apply(sight)
        _await(tiny, Phase.SETTLED)


def test_a_route_that_a_hand_deletes_or_edits_is_mended_and_told(tiny: Tiny) -> None:
    kube = tiny.cluster.kube
    tiny.seaway("cross", "move", "first", "60")
    kube.delete(ROUTE)
    until(lambda: kube.get(ROUTE) and _route(tiny).weight == 60 and _state(tiny).taken, "the route again", 10)
    found = kube.get(ROUTE)
    assert found
    rules = found["spec"]["rules"]
    for backend, weight in zip(rules[0]["backendRefs"], (23, 77), strict=True):
        backend["weight"] = weight
    kube.patch(ROUTE, {"spec": {"rules": rules}})
    until(lambda: _route(tiny).weight == 60, "the weight again", 10)
    mended = [entry.reason for entry in _state(tiny).history if entry.what is What.MENDED][-2:]
    assert "gone" in mended[0]
    assert "77 %" in mended[1]

    def told() -> bool:
        events = kube.list("v1", "Event", namespace=SYSTEM, fields="reason=CrossingMended")
        return any("77 %" in event["message"] for event in events)

    until(told, "the event, which is written after the route", 10)


def test_a_crossing_that_is_deleted_under_way_brings_its_traffic_back_first(tiny: Tiny) -> None:
    kube = tiny.cluster.kube
    with tiny.load("/first"):
        tiny.seaway("cross", "start", "first")
        until(lambda: _route(tiny).weight == STEPS[0], "the first step")
        kube.delete(CROSSING)
        until(lambda: kube.get(CROSSING) is None, "the end of the crossing", 20)
        assert kube.get(ROUTE) is None
        assert {tiny.side("/first") for _ in range(20)} == {"monolith"}
    assert "the crossing was removed" in {entry.reason for entry in _ledger(tiny)}
    tiny.seaway("up")
    assert _state(tiny).phase in {Phase.WAITING, Phase.MONOLITH}


def test_a_service_that_is_deleted_under_way_is_left(tiny: Tiny) -> None:
    with _bad_load(tiny, "/first"):
        tiny.seaway("cross", "start", "first")
        until(lambda: _route(tiny).weight == STEPS[0], "the first step")
        tiny.cluster.kube.delete(SERVICE)
        state = _await(tiny, Phase.RETURNED, 15)
    assert "no ready pod" in state.reason
    assert {tiny.side("/first") for _ in range(20)} == {"monolith"}
    tiny.seaway("up")
    assert tiny.plan() == []


def test_an_api_server_that_does_not_answer_for_a_while_ends_nothing(tiny: Tiny) -> None:
    with tiny.load("/first"):
        tiny.seaway("cross", "start", "first")
        until(lambda: _route(tiny).weight == STEPS[0], "the first step")
        pid = until(lambda: tiny.cluster.pid("kube-apiserver"), "the API server")
        os.kill(pid, signal.SIGSTOP)
        time.sleep(10)
        os.kill(pid, signal.SIGCONT)
        _await(tiny, Phase.SETTLED, LIFE + SUCCESSION)


def test_the_way_back_needs_no_pilot_and_a_pilot_respects_it(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "60")
    epoch = _route(tiny).epoch
    with tiny.load("/first"):
        with _without_pilots(tiny):
            began = time.monotonic()
            tiny.seaway("cross", "back", "first")
            took = time.monotonic() - began
            assert {tiny.side("/first") for _ in range(20)} == {"monolith"}
        _await(tiny, Phase.RETURNED, SUCCESSION)
    assert took < 5
    assert (_route(tiny).weight, _route(tiny).epoch > epoch) == (0, True)


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


@contextmanager
def _without_pilots(tiny: Tiny) -> Iterator[None]:
    """No pilot runs for so long."""
    kube = tiny.cluster.kube
    kube.patch(DEPLOYMENT, {"spec": {"replicas": 0}})
    until(lambda: not _pilots(tiny), "the end of both pilots")
    try:
        yield
    finally:
        kube.patch(DEPLOYMENT, {"spec": {"replicas": 2}})


@contextmanager
def _bad_load(tiny: Tiny, path: str = "/first/bad") -> Iterator[Load]:
    """A load that may fail; its answers are known afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        load = Load(folder, [f"https://{DOMAIN}:{HTTPS}{path}"], tiny.certificate)
        try:
            yield load
        finally:
            load.stop()


def _command(verb: str) -> str:
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return f'{{"id": "{time.monotonic_ns()}", "verb": "{verb}", "by": "a test", "at": "{at}"}}'


def _state(tiny: Tiny) -> State:
    found = tiny.cluster.kube.get(CROSSING)
    assert found
    return read(found).state


def _route(tiny: Tiny) -> Split:
    return split_of(tiny.cluster.kube.get(ROUTE) or {})


def _await(tiny: Tiny, phase: Phase, patience: float = LIFE) -> State:
    until(lambda: _state(tiny).phase is phase, f"phase {phase}", patience)
    return _state(tiny)


def _ledger(tiny: Tiny) -> tuple[Entry, ...]:
    return entries_of(tiny.cluster.kube.get(Ref("v1", "ConfigMap", ledger_name("first"), SYSTEM)))


def _since_last_start(tiny: Tiny) -> list[Entry]:
    """What happened since, in its order; all of it is in the ledger too."""
    told = list(_state(tiny).history)
    until(lambda: all(entry in _ledger(tiny) for entry in told), "the ledger of all that", 5)
    starts = [i for i, entry in enumerate(told) if entry.what is What.STARTED]
    return told[starts[-1] :]


def _pilots(tiny: Tiny) -> list[int]:
    """The processes of the pilots, as this machine sees them."""
    found = cgroups.processes(tiny.cluster.home.cgroup)
    return [pid for pid in found if words(pid)[1:3] == ["-m", "seaway.pilot"]]
