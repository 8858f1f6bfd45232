"""Bad days of a crossing under way: whatever fails, traffic flows on, and the pilot knows what to do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from seaway.kit.kube import Ref
from seaway.model.manifests import SYSTEM_NAMESPACE
from seaway.pilot.readings import KNOWN
from seaway.rooms.crossing.state import Phase, What
from tests.cluster.first_crossing import (
    CROSSING,
    LIFE,
    ROUTE,
    STEPS,
    SUCCESSION,
    await_phase,
    ledger_of,
    moves_since_last_start,
    route_of,
    start,
    state_of,
)
from tests.cluster.support import until
from tests.cluster.tiny_system import NAME, SYSTEM, Tiny

SERVICE = Ref("v1", "Service", "app", SYSTEM)
SIGHT = Ref("rbac.authorization.k8s.io/v1", "RoleBinding", f"pilot-{SYSTEM}", SYSTEM_NAMESPACE)
#: Seconds that the API server is away.
AWAY = 60


def test_a_proxy_is_replaced_and_then_both_pilots_die_at_once(tiny: Tiny) -> None:
    with tiny.load("/first"):
        start(tiny)
        tiny.lose_proxy()
        until(lambda: route_of(tiny).weight == STEPS[1], "the second step", LIFE)
        pids = tiny.pilots()
        assert len(pids) == 2
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        await_phase(tiny, Phase.SETTLED, LIFE + SUCCESSION)
        tiny.await_gateway()
    assert moves_since_last_start(tiny) == STEPS


def test_without_metrics_it_holds_and_goes_on_once_they_are_seen(tiny: Tiny) -> None:
    kube = tiny.cluster.kube
    sight = kube.get(SIGHT)
    assert sight
    for key in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        del sight["metadata"][key]
    with tiny.load("/first"):
        kube.delete(SIGHT)
        time.sleep(KNOWN + 1)  # until then the pilot reads the proxies that it listed for an earlier crossing
        try:
            tiny.seaway("cross", "start", "first")
            until(lambda: "metrics are not seen" in state_of(tiny).reason, "that it says so", LIFE)
            time.sleep(3)
            assert route_of(tiny).weight == STEPS[0]
        finally:
            kube.apply(sight)
        await_phase(tiny, Phase.SETTLED)


def test_an_api_server_that_is_away_for_a_minute_ends_nothing(tiny: Tiny) -> None:
    with tiny.load("/first", "/"):
        start(tiny)
        with _stopped(tiny, "kube-apiserver"):
            began = time.monotonic()
            out, story = tiny.seaway("cross", "back", "first", status=1)
            assert time.monotonic() - began < 15
            assert out == ""
            first, *_ = story.splitlines()
            assert first == f"✗ the cluster behind context seaway-{NAME} does not answer"
            time.sleep(AWAY - (time.monotonic() - began))
        until(tiny.cluster.kube.ready, "the API server again")
        assert route_of(tiny).weight >= STEPS[0]
        await_phase(tiny, Phase.SETTLED, LIFE + SUCCESSION)
    assert moves_since_last_start(tiny) == STEPS


def test_a_monolith_that_dies_half_way_costs_its_own_share_and_moves_nothing(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "50")
    with tiny.load("/first", may_fail=True) as load:
        time.sleep(2)
        died = datetime.now(UTC)
        tiny.stop_monolith()
        time.sleep(6)
        tiny.start_monolith()
        until(lambda: {tiny.side("/first") for _ in range(20)} == {"app", "monolith"}, "both sides again")
        healed = datetime.now(UTC)
        time.sleep(2)
    assert load.failed(before=died - timedelta(seconds=1)) == load.failed(after=healed) == []
    meanwhile = [a for a in load.answers if died < datetime.fromisoformat(a["timestamp"]) < healed]
    assert 0.25 * len(meanwhile) < len(load.failed()) < 0.65 * len(meanwhile)
    assert not [a for a in load.failed() if "X-Served-By" in a["headers"]], "the service failed nobody"
    state = state_of(tiny)
    assert (state.phase, state.weight, route_of(tiny).weight) == (Phase.MOVING, 50, 50)


def test_a_route_that_a_hand_deletes_or_edits_is_mended_and_told(tiny: Tiny) -> None:
    kube = tiny.cluster.kube
    tiny.seaway("cross", "move", "first", "60")
    kube.delete(ROUTE)
    there = (60, True)
    until(lambda: (route_of(tiny).weight, state_of(tiny).taken) == there, "the route again", 10)
    found = kube.get(ROUTE)
    assert found
    rules = found["spec"]["rules"]
    for backend, weight in zip(rules[0]["backendRefs"], (23, 77), strict=True):
        backend["weight"] = weight
    kube.patch(ROUTE, {"spec": {"rules": rules}})
    until(lambda: route_of(tiny).weight == 60, "the weight again", 10)
    mended = [entry.reason for entry in state_of(tiny).history if entry.what is What.MENDED][-2:]
    assert "gone" in mended[0]
    assert "77 %" in mended[1]

    def told() -> bool:
        events = kube.list("v1", "Event", namespace=SYSTEM, fields="reason=CrossingMended")
        return any("77 %" in event["message"] for event in events)

    until(told, "the event, which is written after the route", 10)


def test_a_crossing_that_is_deleted_under_way_brings_its_traffic_back_first(tiny: Tiny) -> None:
    kube = tiny.cluster.kube
    with tiny.load("/first"):
        start(tiny)
        kube.delete(CROSSING)
        until(lambda: kube.get(CROSSING) is None, "the end of the crossing", 20)
        assert kube.get(ROUTE) is None
        assert {tiny.side("/first") for _ in range(20)} == {"monolith"}
    assert "the crossing was removed" in {entry.reason for entry in ledger_of(tiny)}
    tiny.seaway("up")
    assert state_of(tiny).phase in {Phase.WAITING, Phase.MONOLITH}


def test_a_service_that_is_deleted_under_way_is_left(tiny: Tiny) -> None:
    with tiny.load("/first", may_fail=True) as load:
        start(tiny)
        tiny.cluster.kube.delete(SERVICE)
        state = await_phase(tiny, Phase.RETURNED, 15)
        left = datetime.now(UTC)
        time.sleep(1)
    assert "no ready pod" in state.reason
    assert load.failed(after=left) == []
    assert {tiny.side("/first") for _ in range(20)} == {"monolith"}
    tiny.seaway("up")
    assert tiny.plan() == []


@contextmanager
def _stopped(tiny: Tiny, part: str) -> Iterator[None]:
    """A part of the control plane stands still for so long, as a machine that hangs would."""
    pid = until(lambda: tiny.cluster.pid(part), part)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
