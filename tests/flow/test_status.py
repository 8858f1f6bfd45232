"""What `seaway status` asks of a cluster: pods only where they have something to tell."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from seaway.flow.load import read
from seaway.flow.observe import observe_pods
from seaway.flow.status import status_of, unsettled
from seaway.flow.system import System
from seaway.kit.kube import Kube
from seaway.model.event import silent
from seaway.model.manifests import SYSTEM_NAMESPACE
from seaway.model.snapshot import Live, Snapshot
from seaway.ports.world import World
from seaway.providers.local.ca import LocalCertificates
from seaway.providers.local.charts import LocalCharts
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.requests.plan import OWN
from tests.flow import worlds

FILE = b"""
system: shop
environments: {rehearsal: {on: local, domain: shop.localhost}}
services:
  web: {source: ., run: gunicorn web, database: orders}
  store: {source: ., run: gunicorn store}
databases: {orders: postgres}
"""


def _pod(number: int, name: str, *, ready: bool) -> dict[str, Any]:
    own = {"app.kubernetes.io/component": "services", "app.kubernetes.io/name": name}
    condition = {"type": "Ready", "status": str(ready), "message": "probe failed"}
    meta = {"name": f"{name}-{number}", "labels": own}
    return {"metadata": meta, "status": {"conditions": [condition]}}


class Pods(BaseHTTPRequestHandler):
    """Serves pods in two pages, and keeps what it was asked for."""

    asked: list[str]
    pages = (
        [_pod(0, "store", ready=True), _pod(1, "store", ready=False), _pod(2, "store", ready=False)],
        [_pod(3, "web", ready=False), _pod(4, "store", ready=False)],
    )

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
        page = int(query.get("continue", "0"))
        if place.path.endswith("/pods"):
            self.asked += [f"{place.path} {query['labelSelector']}"]
        self.send_response(200)
        self.end_headers()
        kinds = [{"name": "pods", "kind": "Pod", "namespaced": True}]
        answer: dict[str, Any] = {"resources": kinds, "items": self.pages[page]}
        answer |= {"metadata": {"continue": "1"}} if page == 0 else {}
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def world(asked: list[str]) -> Iterator[World]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Listed", (Pods,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def connect() -> Kube:
        return Kube(httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}"), "c")

    made = World(LocalClusters(), LocalRegistry(), LocalCertificates(), LocalCharts(silent), connect, silent)
    yield made
    made.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def system(tmp_path: Path) -> System:
    return read(FILE, "seaway.yaml", tmp_path)


def _with_fewer_ready(seen: Snapshot, *names: str) -> Snapshot:
    objects = copy.deepcopy(dict(seen.live.objects))
    for ref, found in objects.items():
        if ref.kind in {"Deployment", "StatefulSet"} and ref.name in names:
            found["status"] |= {"availableReplicas": 0, "readyReplicas": 0}
    return replace(seen, live=Live(objects))


def test_of_a_system_that_runs_no_pod_is_asked_for(system: System, world: World, asked: list[str]) -> None:
    seen = worlds.everything(system)
    assert observe_pods(system, unsettled(system, system.environment()[1], seen), world) == ()
    assert asked == []


def test_one_pod_in_trouble_is_kept_of_each_part_that_does_not_run(
    system: System, world: World, asked: list[str]
) -> None:
    seen = _with_fewer_ready(worlds.everything(system), "store", "orders-db")
    assert unsettled(system, system.environment()[1], seen) == ("store", "orders")
    found = observe_pods(system, unsettled(system, system.environment()[1], seen), world)
    wanted = "app.kubernetes.io/part-of=shop,app.kubernetes.io/name in (orders,store)"
    assert asked == [f"/api/v1/namespaces/shop/pods {wanted}"] * 2
    assert [pod["metadata"]["name"] for pod in found] == ["store-1", "web-3"]
    told = status_of(system, system.environment()[1], replace(seen, pods=found), "").services[1]
    assert (told.state, told.problem) == ("broken", "running but not ready: probe failed")


def test_pods_of_what_counts_requests_are_asked_for_beside_the_gateway(
    system: System, world: World, asked: list[str]
) -> None:
    observe_pods(system, ["gateway-metrics"], world)
    assert asked[2:] == [f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods {OWN}"] * 2


def test_what_is_absent_has_no_pods(system: System) -> None:
    seen = replace(worlds.everything(system), live=Live())
    assert unsettled(system, system.environment()[1], seen) == ()
    found = status_of(system, system.environment()[1], seen, "")
    assert {each.state for each in found.services} == {"absent"}
