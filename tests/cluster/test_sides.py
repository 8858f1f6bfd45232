"""Who crosses, and what becomes of visitors whose side dies: on a whole system, through the real gateway."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import httpx2 as httpx
import pytest

from seaway.kit.kube import Ref
from seaway.providers.local import cgroups
from seaway.rooms.crossing.gauges import parse, query, since
from seaway.rooms.crossing.guards import Seen
from seaway.rooms.crossing.resource import API
from seaway.rooms.crossing.sides import cookie_name
from tests.cluster.support import until, words
from tests.cluster.tiny_system import NAME, PROXIES, SYSTEM, Tiny

CROSSING = Ref(API, "Crossing", "first", SYSTEM)
DEPLOYMENT = Ref("apps/v1", "Deployment", "app", SYSTEM)
PODS = f"app.kubernetes.io/name=app,app.kubernetes.io/part-of={SYSTEM}"
STATISTICS = 19001
TESTER = {"X-Tester": "yes"}


@pytest.fixture(scope="module")
def system(common: Tiny) -> Tiny:
    """The system with visitors who stay and testers; no guard takes anything back."""
    unguarded = {"errors": "100%", "worse": False, "latency": 0}
    crossing = {"sticky": True, "testers": {"header": "X-Tester=yes"}, "guard": unguarded}
    return common.become(crossing, scale=2)


@pytest.fixture
def tiny(system: Tiny) -> Iterator[Tiny]:
    """The system up, all traffic at the monolith; meanwhile no proxy refuses a route it is given."""
    until(lambda: _whole(system), "the pods of the service")
    system.seaway("cross", "back", "first")
    before = _rejected(system)
    yield system
    assert _rejected(system) == before


def test_testers_see_the_new_side_before_everybody(tiny: Tiny) -> None:
    assert {_ask(tiny, TESTER)[0] for _ in range(20)} == {"app"}
    assert {_ask(tiny, {})[0] for _ in range(20)} == {"monolith"}


def test_visitors_stay_until_all_are_taken_back(tiny: Tiny) -> None:
    cookies: list[str] = []
    sides: list[str] = []
    for weight in (20, 60, 90):
        tiny.seaway("cross", "move", "first", str(weight))
        time.sleep(1)
        assert [_ask(tiny, {"Cookie": cookie})[0] for cookie in cookies] == sides
        for _ in range(40):
            side, cookie = _ask(tiny, {})
            cookies.append(cookie)
            sides.append(side)
    assert {"app", "monolith"} == set(sides)
    assert all(cookie.startswith(f"{cookie_name('first')}=") for cookie in cookies)
    tiny.seaway("cross", "back", "first")
    until(lambda: _sides(tiny, cookies).keys() == {"monolith"}, "all of them at the monolith", 10)
    tiny.seaway("cross", "move", "first", "50")
    until(lambda: _sides(tiny, cookies)["app"], "visitors at the new side again", 10)
    assert _sides(tiny, cookies)["monolith"] > len(cookies) // 4


@pytest.mark.parametrize("how", ["killed", "deleted", "gone"])
def test_a_new_side_that_dies_costs_no_get(tiny: Tiny, how: str) -> None:
    tiny.seaway("cross", "move", "first", "50")
    with tiny.load("/first") as load:
        time.sleep(2)
        if how == "killed":
            assert _kill() >= 2
        else:
            if how == "gone":
                tiny.cluster.kube.patch(DEPLOYMENT, {"spec": {"replicas": 0}})
            for pod in tiny.cluster.kube.list("v1", "Pod", namespace=SYSTEM, labels=PODS):
                tiny.cluster.kube.delete(Ref.of(pod), grace=0)
        time.sleep(5)
        if how == "gone":
            assert {_ask(tiny, TESTER)[0] for _ in range(10)} == {"monolith"}
            tiny.cluster.kube.patch(DEPLOYMENT, {"spec": {"replicas": 2}})
    assert {a["headers"]["X-Served-By"][0] for a in load.answers} == {"app", "monolith"}


def test_weights_move_to_both_ends_and_back_without_a_loss(tiny: Tiny) -> None:
    with tiny.load("/first"):
        for weight in (100, 0, 100, 1, 99, 0, 50, 100, 0):
            tiny.seaway("cross", "move", "first", str(weight))


def test_the_statistics_tell_the_sides_apart(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "50")
    until(lambda: set(_sides(tiny, [""] * 20)) == {"app", "monolith"}, "both sides", 10)
    time.sleep(3)  # what was counted is told once a second
    before = {pod: parse(text) for pod, text in _statistics(tiny).items()}
    seen = _sides(tiny, [""] * 200)

    def counted() -> tuple[Seen, Seen] | None:
        sides = since(before, {pod: parse(text) for pod, text in _statistics(tiny).items()})["first"]
        told = [sum(count for _, count in side.latency) for side in sides]  # later than the requests
        return sides if min(sum(side.requests for side in sides), sum(told)) >= seen.total() else None

    old, new = until(counted, "that all are counted", 10)
    assert (old.requests, new.requests) == (seen["monolith"], seen["app"])
    assert (old.errors, new.errors) == (0, 0)
    assert sum(count for _, count in new.latency) == new.requests


def _sides(tiny: Tiny, cookies: list[str]) -> Counter[str]:
    """Who answers visitors with these cookies, or without one where it is empty."""
    return Counter(_ask(tiny, {"Cookie": each} if each else {})[0] for each in cookies)


def _ask(tiny: Tiny, headers: dict[str, str]) -> tuple[str, str]:
    """One visit: who answered, and the cookie that was set."""
    with closing(tiny.connect()) as visit:
        visit.request("GET", "/first", headers=headers)
        answer = visit.getresponse()
        answer.read()
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        return answer.getheader("X-Served-By") or "", cookie


def _whole(tiny: Tiny) -> bool:
    found = tiny.cluster.kube.get(DEPLOYMENT) or {}
    return bool(found.get("status", {}).get("readyReplicas") == found["spec"]["replicas"] == 2)


def _kill() -> int:
    """SIGKILL the servers of the new side; gives how many there were."""
    pids = [pid for pid in cgroups.processes(f"seaway/{NAME}") if words(pid)[:3] == ["python3", "-m", "tiny"]]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return len(pids)


def _statistics(tiny: Tiny, asked: str = "") -> dict[str, str]:
    """What each proxy says."""
    pods = tiny.cluster.kube.list("v1", "Pod", namespace="envoy-gateway-system", labels=PROXIES)
    found = {}
    for pod in pods:
        url = f"http://{pod['status']['podIP']}:{STATISTICS}{asked or query(['first'])}"
        found[pod["metadata"]["name"]] = httpx.get(url, trust_env=False).raise_for_status().text
    return found


def _rejected(tiny: Tiny) -> int:
    """How many configurations the proxies have refused: what a route says must be what they do."""
    asked = "/stats/prometheus?filter=(rds|cds|lds).*update_rejected"
    lines = [line for text in _statistics(tiny, asked).values() for line in text.splitlines()]
    counts = [int(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")]
    assert counts
    return sum(counts)
