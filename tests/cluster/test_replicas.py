"""Replicas follow the load, and not one request fails on the way."""

from __future__ import annotations

import json

import pytest

from seaway.kit.kube import Ref
from seaway.model.manifests import differences
from seaway.rooms.services.manifests import Surroundings, autoscaler, budget
from seaway.rooms.services.spec import ServiceSpec
from tests.cluster.support import until
from tests.cluster.tiny_system import SYSTEM, Tiny

SCALE = {"min": 1, "max": 3, "cpu": "60%", "calm": "5s"}
#: A tenth of the requests go to the service.
QUIET = ("/first", *["/"] * 9)


@pytest.fixture(scope="module")
def system(common: Tiny) -> Tiny:
    """The system with a service whose replicas come and go; a request costs it much of what it asks for."""
    return common.become({}, scale=SCALE)


def test_replicas_come_with_the_load_and_go_with_it(tiny: Tiny) -> None:
    tiny.seaway("cross", "move", "first", "100")
    with tiny.load("/first"):
        until(lambda: _ready(tiny) > 1, "another replica")
        (seen,) = json.loads(tiny.seaway("scale", "status", "-o", "json")[0])["services"]
        assert seen["ready"] > 1
        assert seen["aim"] == {"cpu": 60}
        assert seen["load"]["cpu"] > 0
        assert tiny.plan() == []  # their number is nobody's but the autoscaler's
    with tiny.load(*QUIET):
        until(lambda: _ready(tiny) == 1, "one replica again")
    tiny.seaway("cross", "back", "first")


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("release", ["rolling", "crossing"])
def test_the_api_server_keeps_all_that_is_said_of_replicas(tiny: Tiny, release: str, keep: bool) -> None:
    scale = {"min": 1, "max": 5, "cpu": "60%", "memory": "80%", "calm": "1m"}
    given = {"source": ".", "run": "serve", "scale": scale, "release": release}
    spec, around, kube = ServiceSpec.model_validate(given), Surroundings(SYSTEM), tiny.cluster.kube
    for manifest in (autoscaler(around, "probe", spec, keep=keep), budget(around, "probe", spec)):
        kube.apply(manifest)
        found = kube.get(Ref.of(manifest)) or {}
        kube.delete(Ref.of(manifest))
        assert differences(manifest, found) == []


def _ready(tiny: Tiny) -> int:
    found = tiny.cluster.kube.get(Ref("apps/v1", "Deployment", "app", SYSTEM)) or {}
    return int(found.get("status", {}).get("readyReplicas", 0))
