"""Comparison before a single user moves: visitors' requests, mirrored by the gateway, asked of both sides."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from seaway.kit.kube import Ref
from seaway.rooms.crossing.compare.kept import differences_name, report_of
from seaway.rooms.crossing.resource import API, KIND
from tests.cluster.support import until
from tests.cluster.tiny_system import Tiny

COMPARED = 40
CROSSING = {
    "steps": [50, 100],
    "hold": "4s",
    "guard": {"minimum": 0},
    "compare": {"share": "100%", "requests": COMPARED},
}


@pytest.fixture(scope="module")
def tiny(common: Tiny) -> Tiny:
    return common.become(CROSSING)


@contextmanager
def _visited(tiny: Tiny, *paths: str) -> Iterator[set[str]]:
    """Visitors of these paths, about 20 a second; gives the sides that answered them."""
    over, sides = threading.Event(), set[str]()

    def visit() -> None:
        while not over.wait(0.05):
            for path in paths:
                sides.add(tiny.side(path))

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield sides
    finally:
        over.set()
        thread.join()


def _status(tiny: Tiny) -> dict[str, Any]:
    found = tiny.cluster.kube.get(Ref(API, KIND, "first", "tiny")) or {}
    status: dict[str, Any] = found.get("status", {})
    return status


def _report(tiny: Tiny) -> dict[str, Any]:
    found = report_of(tiny.cluster.kube.get(Ref("v1", "ConfigMap", differences_name("first"), "tiny")))
    return found or {}


def test_a_service_that_answers_otherwise_gets_no_visitor(tiny: Tiny) -> None:
    with _visited(tiny, "/first?token=s3cret&at=/bad", "/first/good") as sides:
        tiny.seaway("cross", "start", "first")
        until(lambda: _status(tiny).get("phase") == "returned", "its return", 90)
    assert sides == {"monolith"}
    report, (out, _) = _report(tiny), tiny.seaway("cross", "differences", "first")
    (kind,) = report["routes"]["/first"]["kinds"]
    assert kind["places"] == ["status"]
    assert kind["example"] == {
        "request": "GET /first?token=<...>&at=<...>",
        "place": "status",
        "old": "200",
        "new": "500",
    }
    assert "s3cret" not in json.dumps(report)
    assert "GET /first?token=<...>&at=<...>: status" in out
    assert "/first at status" in _status(tiny)["reason"]


def test_a_service_that_answers_alike_begins_to_move(tiny: Tiny) -> None:
    with _visited(tiny, "/first/good") as sides:
        tiny.seaway("cross", "start", "first")
        until(lambda: _status(tiny).get("phase") == "comparing", "the comparison", 30)
        assert sides == {"monolith"}
        until(lambda: _status(tiny).get("weight") == 50, "its first step", 90)
    report = _report(tiny)
    assert report["compared"] >= COMPARED
    assert (report["different"], report["routes"]["/first"]["equal"]) == (0, report["compared"])
    assert report["leftOut"].keys() <= {"too many in a second", "too many waited"}


def test_what_a_comparator_had_counted_outlives_it(tiny: Tiny) -> None:
    tiny.seaway("cross", "back", "first")
    tiny.crossing = {**CROSSING, "compare": {"share": "100%", "requests": 100_000}}
    tiny.write()
    tiny.seaway("up")
    kube, own = tiny.cluster.kube, "app.kubernetes.io/part-of=tiny,app.kubernetes.io/name=comparator"
    with _visited(tiny, "/first/good"):
        tiny.seaway("cross", "start", "first")
        until(lambda: _report(tiny).get("compared", 0) > COMPARED, "comparisons", 90)
        before = _report(tiny)["compared"]
        for pod in kube.list("v1", "Pod", namespace="tiny", labels=own):
            kube.delete(Ref("v1", "Pod", pod["metadata"]["name"], "tiny"))
        until(lambda: _report(tiny)["compared"] > before + 20, "more comparisons", 90)
    assert _status(tiny)["phase"] == "comparing"
    assert tiny.side("/first/good") == "monolith"
    tiny.seaway("cross", "back", "first")
