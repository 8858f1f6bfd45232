"""A route that the file no longer asks for: no request must meet a gateway that knows half of its end."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmark.api_server import Store, api_server
from seaway.flow.load import read
from seaway.kit.kube import Kube, Ref
from seaway.model.event import silent
from seaway.model.gateway import GATEWAY_API, NEVER
from seaway.ports.world import World
from seaway.rooms.edge.steps import RemoveRoute
from tests.flow import worlds

LOGIN = Ref(GATEWAY_API, "HTTPRoute", "login", "shop")
FILE = b"""
system: shop
monolith: http://127.0.0.1:9000
services: {web: {source: ., run: gunicorn web}}
environments:
  rehearsal:
    on: local
    login: {issuer: "https://id.localhost", client: shop, secret: key, paths: [/admin]}
"""


def route(observed: int) -> dict[str, Any]:
    """The route of its second generation, as its controller has seen it so far."""
    seen = {"type": "Accepted", "status": "True", "observedGeneration": observed}
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": {"name": "login", "namespace": "shop", "generation": 2},
        "spec": {"rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/admin"}}]}]},
        "status": {"parents": [{"conditions": [seen]}]},
    }


def world(kube: Kube) -> World:
    nothing: Any = None
    return World(nothing, nothing, nothing, nothing, lambda: kube, silent)


def matches(store: Store) -> Any:
    found = store.of("httproutes", "login")
    return found and found["spec"]["rules"][0]["matches"]


def test_a_route_takes_no_more_requests_before_it_goes() -> None:
    with api_server() as (kube, store):
        kube.create(route(observed=1))
        removal = threading.Thread(target=RemoveRoute("r", (), LOGIN).run, args=(world(kube),))
        removal.start()
        while matches(store) != [{"headers": [NEVER]}]:
            time.sleep(0.01)
        removal.join(0.3)
        assert removal.is_alive(), "it waits for the gateway"
        kube.patch(LOGIN, {"status": route(observed=2)["status"]})
        removal.join(5)
        assert store.of("httproutes", "login") is None


@pytest.mark.parametrize("there", [True, False])
def test_a_gateway_that_says_nothing_keeps_no_route(there: bool) -> None:
    with api_server() as (kube, store):
        if there:
            kube.create(route(observed=1))
        RemoveRoute("r", (), LOGIN, heard=0.1).run(world(kube))
        assert store.of("httproutes", "login") is None


def test_the_route_of_a_login_that_ends_leaves_so(tmp_path: Path) -> None:
    system, without = (read(text, "seaway.yaml", tmp_path) for text in (FILE, FILE.partition(b"environ")[0]))
    steps = worlds.planned(without, worlds.everything(system)).steps
    assert [step.ref for step in steps if isinstance(step, RemoveRoute)] == [LOGIN]
