"""Replicas follow the load, and not one request fails on the way."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from seaway.kit.kube import Ref
from seaway.model.manifests import differences
from seaway.rooms.services.manifests import Surroundings, autoscaler, budget
from seaway.rooms.services.spec import ServiceSpec
from tests.cluster.support import until
from tests.cluster.tiny_system import SYSTEM, Tiny, ended

SCALE = {"min": 1, "max": 3, "calm": "5s"}
BY_CPU, BY_REQUESTS = SCALE | {"cpu": "60%"}, SCALE | {"requests": 5}
#: A tenth of the requests go to the service.
QUIET = ("/first", *["/"] * 9)
DEPLOYMENT = Ref("apps/v1", "Deployment", "app", SYSTEM)


@pytest.fixture(scope="module")
def system(common: Tiny) -> Tiny:
    """The system with a service whose replicas come and go; a request costs it much of what it asks for."""
    return common.become({}, scale=BY_REQUESTS)


def test_replicas_come_with_the_load_and_go_with_it(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "100")
    with tiny.load("/first"):
        until(lambda: _ready(tiny) > 1, "another replica")
        seen = _scaled(tiny)
        assert seen["ready"] > 1
        assert seen["aim"] == {"requests": 5}
        assert seen["load"]["requests"] > 0
        assert tiny.plan() == []  # their number is nobody's but the autoscaler's
        _holds_without(tiny, "gateway-metrics", "custom metrics")
        tiny.write(scale=SCALE | {"cpu": "20%"})  # so little that also a quick machine needs several
        tiny.seaway("up")
        until(lambda: _scaled(tiny)["load"].get("cpu", 0) > 0 and _ready(tiny) > 1, "replicas by the CPU")
        _holds_without(tiny, "metrics-server", "resource metrics")
    tiny.write(scale=SCALE | {"cpu": "100%"})  # so much that a pod at rest on a busy machine needs less
    tiny.seaway("up")
    with tiny.load(*QUIET):
        until(lambda: _ready(tiny) == 1, "one replica again")
    tiny.seaway("cross", "back", "first")


def test_up_ends_well_while_a_person_scales_by_hand(tiny: Tiny) -> None:
    """The release is out though replicas come and go; then their number is the autoscaler's again."""
    tiny.write(scale=SCALE | {"cpu": "100%"})
    tiny.whole()
    tiny.seaway("cross", "move", "first", "100")
    version = tiny.release_anew()
    with tiny.load(*QUIET):
        up = tiny.start("up")
        for replicas in (4, 1, 3, 5, 2):
            time.sleep(1)
            tiny.cluster.kube.patch(DEPLOYMENT, {"spec": {"replicas": replicas}})
        ended(up)
    assert tiny.ask("/first").headers["x-version"] == version
    until(lambda: _ready(tiny) == 1, "as few as are enough")
    assert tiny.plan() == []
    tiny.seaway("cross", "back", "first")


def test_a_probe_finds_what_a_pod_bears_and_a_plan_goes_by_it(tiny: Tiny) -> None:
    tiny.write(scale=BY_CPU)
    tiny.whole()
    argv = ("scale", "probe", "app", "--path", "/first", "--limit", "10", "--latency", "1000", "-o", "json")
    found = json.loads(tiny.seaway(*argv)[0])
    assert (found["requests"], found["whole"], found["paths"]) == (10, False, ["/first"])
    assert 0.0002 < found["cpu"]["app"] < 0.05
    assert tiny.cluster.kube.get(Ref("v1", "Pod", "app-probe", SYSTEM)) is None
    assert tiny.plan() == []  # what was found is nothing of the file
    plan = json.loads(tiny.seaway("scale", "plan", "--requests", "100", "-o", "json")[0])
    (app,) = plan["services"]
    assert app["wanted"] == math.ceil(100 * found["cpu"]["app"] / (0.02 * 0.6))
    assert app["pods"] == min(3, app["wanted"])
    assert [(each["size"], each["count"]) for each in plan["nodes"]] == [("medium", 1)]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("release", ["rolling", "crossing"])
def test_the_api_server_keeps_all_that_is_said_of_replicas(tiny: Tiny, release: str, keep: bool) -> None:
    scale = {"min": 1, "max": 5, "cpu": "60%", "memory": "80%", "requests": 50, "calm": "1m"}
    given = {"source": ".", "run": "serve", "scale": scale, "release": release}
    spec, around, kube = ServiceSpec.model_validate(given), Surroundings(SYSTEM), tiny.cluster.kube
    for manifest in (autoscaler(around, "probe", spec, keep=keep), budget(around, "probe", spec)):
        kube.apply(manifest)
        found = kube.get(Ref.of(manifest)) or {}
        kube.delete(Ref.of(manifest))
        assert differences(manifest, found) == []


def _holds_without(tiny: Tiny, server: str, what: str) -> None:
    with _without(tiny, server):
        until(lambda: what in _scaled(tiny)["why"], "the reason")
        lost = _scaled(tiny)
        assert lost["desired"] == lost["ready"] == _ready(tiny) > 1


@contextmanager
def _without(tiny: Tiny, server: str) -> Iterator[None]:
    """For so long nobody answers for the metrics that this program serves."""
    kube = tiny.cluster.kube
    ref = Ref("discovery.k8s.io/v1", "EndpointSlice", f"{server}-control", "kube-system")
    kept = kube.get(ref) or {}
    for key in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
        del kept["metadata"][key]
    kube.delete(ref)
    try:
        yield
    finally:
        kube.apply(kept)


def _scaled(tiny: Tiny) -> dict[str, Any]:
    (seen,) = json.loads(tiny.seaway("scale", "status", "-o", "json")[0])["services"]
    return dict(seen)


def _ready(tiny: Tiny) -> int:
    found = tiny.cluster.kube.get(DEPLOYMENT) or {}
    return int(found.get("status", {}).get("readyReplicas", 0))
