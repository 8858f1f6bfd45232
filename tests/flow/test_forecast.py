"""Which pods and nodes a load would take, from what was seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import NotFound, UsageError
from seaway.flow.forecast import Asked, Forecast, forecast, priced
from seaway.flow.load import read
from seaway.flow.system import System
from seaway.kit.kube import Manifest, Ref
from seaway.model.cluster import Offer
from seaway.model.manifests import labels
from seaway.model.snapshot import Live, Snapshot
from seaway.rooms.services.capacity import Capacity, kept
from tests.flow import worlds

FILE = b"""
system: shop
environments: {rehearsal: {on: local, domain: shop.localhost, nodes: {min: 1, max: 3, size: medium}}}
services:
  web:
    {source: ., run: gunicorn web, scale: {min: 2, max: 20, cpu: 50%}, resources: {cpu: 200m, memory: 100Mi}}
  store: {source: ., run: gunicorn store, scale: 2, resources: {cpu: 100m, memory: 100Mi}}
  log:
    {source: ., run: gunicorn log, scale: {min: 1, max: 4, cpu: 80%}, resources: {cpu: 100m, memory: 100Mi}}
"""
GIB = 1 << 30
OFFERS = (
    Offer("small", 1, 2 * GIB, 0.04),
    Offer("medium", 2, 4 * GIB, 0.07),
    Offer("large", 4, 8 * GIB, 0.15),
)
#: A request to web costs it 4 ms of CPU, and log 1 ms.
PROBED = Capacity(90, 0.2, 0.1, ("/",), {"web": 0.004, "log": 0.001}, True, "image", "now")


@pytest.fixture
def system(tmp_path: Path) -> System:
    return read(FILE, "seaway.yaml", tmp_path)


@pytest.fixture
def seen(system: System) -> Snapshot:
    """Everything as the file says, on a node of 2 CPU of which another pod has 300m."""
    start = worlds.everything(system)
    objects = dict(start.live.objects)
    name = start.cluster.nodes[0].name if start.cluster else ""
    node = {"metadata": {"name": name}, "status": {"allocatable": {"cpu": "2", "memory": "4Gi"}}}
    objects[Ref("v1", "Node", name)] = node
    for service, used, replicas in (("web", "120m", 3), ("log", "5m", 1)):
        ref = Ref("autoscaling/v2", "HorizontalPodAutoscaler", service, "shop")
        current = {"name": "cpu", "current": {"averageUtilization": 1, "averageValue": used}}
        status = {"currentReplicas": replicas, "currentMetrics": [{"type": "Resource", "resource": current}]}
        objects[ref] = {**objects[ref], "status": status}
    probed = kept("shop", "web", PROBED)
    pods = (_pod("other", name, {}), _pod("web-1", name, labels("shop", "services", "web")))
    return replace(start, live=Live({**objects, Ref.of(probed): probed}), pods=pods)


def _pod(name: str, node: str, own: dict[str, str], cpu: str = "300m") -> Manifest:
    container: dict[str, Any] = {"resources": {"requests": {"cpu": cpu, "memory": "100Mi"}}}
    place = {"nodeName": node} if node else {}
    return {"metadata": {"name": name, "labels": own}, "spec": {**place, "containers": [container]}}


def _ahead(system: System, seen: Snapshot, **asked: Any) -> Forecast:
    return forecast(system, system.environments["rehearsal"].nodes, seen, OFFERS, Asked(**asked))


def test_pods_follow_from_the_cpu_that_is_used_now(system: System, seen: Snapshot) -> None:
    web, store, log = _ahead(system, seen, times=2).services
    assert (web.pods, web.wanted, web.why) == (8, 8, "")  # 2 x 3 x 120m, of which a pod takes 100m
    assert (store.pods, store.why) == (2, "its number is fixed")
    assert (log.pods, log.wanted) == (1, 1)


def test_pods_follow_from_what_a_request_was_measured_to_cost(system: System, seen: Snapshot) -> None:
    web, store, log = _ahead(system, seen, requests={"web": 250}).services
    assert (web.pods, log.pods, store.pods) == (10, 4, 2)  # 1 core by 100m, 0.25 by 80m
    assert (web.each, store.each) == (25.0, 0.0)
    assert _ahead(system, seen, requests={"": 250}).services[0] == web


def test_pods_follow_from_the_requests_that_the_file_aims_at(seen: Snapshot, tmp_path: Path) -> None:
    crossing = b"monolith: {address: 'http://127.0.0.1:9000'}\ncrossings: {one: {routes: [/], to: web}}\n"
    by_both = FILE.replace(b"cpu: 50%", b"cpu: 50%, requests: 20") + crossing
    by_one = FILE.replace(b"cpu: 50%", b"requests: 20") + crossing
    assert [_web(text, seen, tmp_path, requests={"web": 250}) for text in (by_both, by_one)] == [
        (13, 20.0, "")
    ] * 2
    assert _web(by_one, seen, tmp_path, times=2) == (0, 20.0, "no requests are measured to go by")
    ref = Ref("autoscaling/v2", "HorizontalPodAutoscaler", "web", "shop")
    counted = {"type": "Object", "object": {"current": {"averageValue": "15500m"}}}
    status = {"currentReplicas": 4, "currentMetrics": [counted]}
    known = replace(seen, live=Live({**seen.live.objects, ref: {**seen.live.objects[ref], "status": status}}))
    assert _web(by_one, known, tmp_path, times=10) == (20, 20.0, "31 would be wanted, and max is 20")


def _web(text: bytes, seen: Snapshot, folder: Path, **asked: Any) -> tuple[int, float, str]:
    web = _ahead(read(text, "seaway.yaml", folder), seen, **asked).services[0]
    return web.pods, web.each, web.why


def test_the_most_replicas_that_may_be_are_told(system: System, seen: Snapshot) -> None:
    web = _ahead(system, seen, requests={"web": 1000}).services[0]
    assert (web.pods, web.wanted, web.why) == (20, 40, "40 would be wanted, and max is 20")


def test_too_few_pods_for_the_latency_that_was_probed_are_told(system: System, seen: Snapshot) -> None:
    light = kept("shop", "store", replace(PROBED, cpu={"store": 0.001}))
    other = replace(seen, live=Live({**seen.live.objects, Ref.of(light): light}))
    assert _ahead(system, other, requests={"store": 180}).services[1].why == "its number is fixed"
    assert (
        _ahead(system, other, requests={"store": 181}).services[1].why == "slower than 200 ms: one bears 90/s"
    )


def test_nodes_come_for_what_has_no_room_and_cost_so_much(system: System, seen: Snapshot) -> None:
    now = _ahead(system, seen, times=0.1)
    assert [(each.size, each.count, each.added) for each in now.nodes] == [("medium", 1, 0)]
    assert now.month == pytest.approx(0.07 * 730)
    # 1.7 of the standing node are free; 10 x 200m, 2 x 100m and 4 x 100m ask for 2.6
    then = _ahead(system, seen, requests={"web": 250})
    assert [(each.size, each.count, each.added) for each in then.nodes] == [("small", 1, 1), ("medium", 1, 0)]
    assert then.month == pytest.approx(0.11 * 730)
    assert then.pending == ()


def test_what_finds_no_node_is_pending_with_its_reason(system: System, seen: Snapshot) -> None:
    narrow = replace(seen, pods=(*seen.pods, *[_pod(f"big-{i}", "", {}, "1900m") for i in range(2)]))
    assert _ahead(system, narrow, requests={"web": 250}).pending == (
        ("log", 1, "no more nodes may be added"),
        ("store", 2, "no more nodes may be added"),
        ("web", 2, "no more nodes may be added"),
    )


def test_a_service_without_figures_stays_as_it_is(system: System, seen: Snapshot) -> None:
    ref = Ref("autoscaling/v2", "HorizontalPodAutoscaler", "web", "shop")
    blind = replace(seen, live=Live({**seen.live.objects, ref: {**seen.live.objects[ref], "status": {}}}))
    web = _ahead(system, blind, times=10).services[0]
    assert (web.pods, web.why) == (web.now, "no CPU is measured to go by")


def test_what_was_not_probed_is_refused_with_what_to_do(system: System, seen: Snapshot) -> None:
    with pytest.raises(NotFound) as unmeasured:
        _ahead(system, seen, requests={"log": 10})
    assert unmeasured.value.remedy == "seaway scale probe log"
    with pytest.raises(UsageError, match="wbe"):
        _ahead(system, seen, requests={"wbe": 10})
    bare = replace(seen, live=Live({r: m for r, m in seen.live.objects.items() if r.kind != "ConfigMap"}))
    with pytest.raises(NotFound):
        _ahead(system, bare, requests={"": 10})


def test_given_prices_stand_in_place_of_ours() -> None:
    assert [each.price for each in priced(OFFERS, {"medium": 0.1})] == [0.04, 0.1, 0.15]
    with pytest.raises(UsageError, match="huge"):
        priced(OFFERS, {"huge": 1.0})
