"""Crossings by the commands that a team types, with the pilot and without it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml

from seaway.errors import Refused
from seaway.kit.kube import Manifest, Ref
from seaway.rooms.crossing.resource import API, COMMAND, KIND
from tests.cluster.support import until
from tests.cluster.tiny_system import Tiny

FIRST = Ref(API, KIND, "first", "tiny")
ROUTE = Ref("gateway.networking.k8s.io/v1", "HTTPRoute", "crossing-first", "tiny")
#: Seconds within which a way back is over, with the second that it gives a pilot to answer.
SOON = 5.0


@pytest.fixture(scope="module")
def system(common: Tiny) -> Tiny:
    return common.become({"steps": [50, 100], "hold": "6s", "guard": {"minimum": 0}})


@pytest.fixture
def tiny(system: Tiny) -> Tiny:
    """The system up and whole, all traffic at the monolith."""
    system.write()
    system.whole()
    system.seaway("cross", "back", "--all")
    return system


def _seen(tiny: Tiny, name: str = "first") -> dict[str, Any]:
    out, _ = tiny.seaway("cross", "status", "-o", "json")
    return next(view for view in json.loads(out) if view["name"] == name)


def _history(tiny: Tiny, name: str = "first") -> list[dict[str, Any]]:
    out, _ = tiny.seaway("cross", "history", name, "-o", "json")
    found: list[dict[str, Any]] = json.loads(out)
    return found


def _object(tiny: Tiny, ref: Ref) -> Manifest:
    found = tiny.cluster.kube.get(ref)
    assert found is not None
    return found


def test_a_life_is_started_watched_and_told(tiny: Tiny) -> None:
    assert _seen(tiny)["next"] == "seaway cross start first"
    before = len(_history(tiny))
    tiny.seaway("cross", "start")
    out, _ = tiny.seaway("cross", "watch")
    assert "first: 100 %, settled" in out.splitlines()
    assert out.splitlines()[-1] == "second: 100 %, settled"
    told = [(e["what"], e["from"], e["to"]) for e in _history(tiny)[before:]]
    assert told == [("started", 0, 0), ("moved", 0, 50), ("moved", 50, 100), ("settled", 100, 100)]
    text, _ = tiny.seaway("cross", "history", "first")
    assert text.splitlines()[-1].split()[2:4] == ["settled", "pilot"]
    assert tiny.side("/first") == tiny.side("/second") == "app"
    assert tiny.plan() == []


def test_what_is_held_stays_until_it_may_go_on(tiny: Tiny) -> None:
    tiny.seaway("cross", "start", "first")
    tiny.seaway("cross", "hold", "first")
    held = _seen(tiny)
    assert held["held"]
    assert held["next"] == "seaway cross resume first"
    time.sleep(8)
    assert _seen(tiny)["weight"] == held["weight"] == 50
    tiny.seaway("cross", "resume")
    tiny.seaway("cross", "watch", "first")
    assert _seen(tiny)["phase"] == "settled"
    _, story = tiny.seaway("cross", "hold", "first", status=1)
    assert "it is settled: there is nothing to hold" in story


def test_everything_goes_back_by_one_command_without_a_pilot(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "100")
    tiny.seaway("cross", "move", "second", "50")
    _, story = tiny.seaway("cross", "back", "first", status=1)
    assert "--with-dependents" in story
    with tiny.without_pilots():
        began = time.monotonic()
        out, _ = tiny.seaway("cross", "back", "--all")
        assert time.monotonic() - began < SOON
        assert out.splitlines() == ["second: 50 % → 0 %", "first: 100 % → 0 %"]
        until(lambda: tiny.side("/first") == "monolith", "a request at the monolith", 2)
        assert {tiny.side("/first") for _ in range(20)} == {"monolith"}
        assert _seen(tiny)["phase"] == "returned"
    until(lambda: _seen(tiny)["reason"].startswith("taken back by"), "the new pilot's word", 30)
    assert _seen(tiny)["weight"] == 0


def test_an_order_that_no_pilot_answers_is_withdrawn(tiny: Tiny) -> None:
    with tiny.without_pilots():
        _, story = tiny.seaway("cross", "move", "first", "50", status=1)
        assert "the order is withdrawn, nothing was changed" in story
        assert "kubectl -n tiny logs deploy/pilot" in story
        assert COMMAND not in _object(tiny, FIRST)["metadata"]["annotations"]
        out, _ = tiny.seaway("status")
        assert "the pilot does not run" in out
    assert _seen(tiny)["weight"] == 0


def test_a_route_of_an_earlier_version_keeps_its_weight(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "50")
    kube = tiny.cluster.kube
    with tiny.load("/first"):
        with tiny.without_pilots():
            kube.patch(ROUTE, {"metadata": {"ownerReferences": None}})
            kube.patch(FIRST, {"metadata": {"finalizers": None}})
            kube.delete(FIRST, propagation="Orphan")
        tiny.seaway("up")
    found = _seen(tiny)
    assert (found["weight"], found["phase"], found["held"]) == (50, "moving", "the upgrade")
    assert _object(tiny, ROUTE)["metadata"]["ownerReferences"][0]["name"] == "first"
    assert tiny.plan() == []


def test_a_crossing_that_leaves_the_file_brings_its_traffic_back_first(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "100")
    document = yaml.safe_load(tiny.file.read_text())
    del document["crossings"]["first"]
    document["crossings"]["second"]["after"] = []
    tiny.file.write_text(yaml.safe_dump(document))
    with tiny.load("/first"):
        tiny.seaway("up")
        assert tiny.side("/first") == "monolith"
    assert tiny.cluster.kube.get(FIRST) is None
    assert tiny.cluster.kube.get(ROUTE) is None
    assert _history(tiny)[-1]["reason"] == "the crossing was removed"
    assert tiny.plan() == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"steps": [5, 3, 100]}, "steps must rise"),
        ({"steps": [5, 50]}, "the last step must be 100"),
        ({"routes": ["first"]}, "a route begins with /"),
        ({"after": ["wrong"]}, "a crossing cannot come after itself"),
        ({"hold": "2 weeks"}, "spec.hold"),
        ({"guard": {"latency": 0.5}}, "latency is a ratio"),
        ({"testers": {}}, "by a header or by a cookie"),
        ({"to": {"name": "monolith"}}, "it leads to where it comes from"),
    ],
)
def test_the_api_server_refuses_a_crossing_that_cannot_be(
    system: Tiny, change: dict[str, Any], why: str
) -> None:
    spec = {
        "routes": ["/wrong"],
        "domain": "tiny.localhost",
        "gateway": "edge",
        "from": {"name": "monolith"},
        "to": {"name": "app"},
    }
    meta = {"name": "wrong", "namespace": "tiny"}
    with pytest.raises(Refused) as raised:
        system.cluster.kube.apply(
            {"apiVersion": API, "kind": KIND, "metadata": meta, "spec": {**spec, **change}}
        )
    assert why in raised.value.why
