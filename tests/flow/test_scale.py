"""What the autoscalers see and want, from what was seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.flow.load import read
from seaway.flow.scale import Scale, scale_of
from seaway.flow.system import System
from seaway.kit.kube import Manifest, Ref
from seaway.model.snapshot import Live, Snapshot
from tests.flow import worlds

FILE = b"""
system: shop
environments: {rehearsal: {on: local, domain: shop.localhost, nodes: {min: 1, max: 4}}}
services:
  web: {source: ., run: gunicorn web, scale: 3}
  store: {source: ., run: gunicorn store, scale: {min: 2, max: 5, cpu: 60%, memory: 80%}}
"""
HPA = Ref("autoscaling/v2", "HorizontalPodAutoscaler", "store", "shop")


@pytest.fixture
def system(tmp_path: Path) -> System:
    return read(FILE, "seaway.yaml", tmp_path)


def _measured(system: System, status: Manifest) -> Snapshot:
    seen = worlds.everything(system)
    objects = {**seen.live.objects, HPA: {**seen.live.objects[HPA], "status": status}}
    return replace(seen, live=Live(objects))


def _see(system: System, status: Manifest, pods: tuple[Manifest, ...] = (), *events: Manifest) -> Scale:
    seen = replace(_measured(system, status), pods=pods)
    return scale_of(system, system.environment()[1], seen, list(events), "")


def _used(name: str, share: int | None) -> Manifest:
    current: dict[str, Any] = {} if share is None else {"averageUtilization": share}
    return {"type": "Resource", "resource": {"name": name, "current": current}}


def test_load_stands_beside_its_aim(system: System) -> None:
    status = {"desiredReplicas": 4, "currentMetrics": [_used("cpu", 93), _used("memory", None)]}
    web, store = _see(system, status).services
    assert (store.load, store.aim) == ({"cpu": 93}, {"cpu": 60, "memory": 80})
    assert store.why == "nobody tells the memory"
    assert (store.ready, store.desired, store.least, store.most) == (1, 4, 2, 5)
    assert (web.load, web.aim, web.desired) == ({}, {}, 3)


def test_an_autoscaler_without_figures_says_so(system: System) -> None:
    lost = {"type": "ScalingActive", "status": "False", "message": "no metrics returned"}
    full = {"type": "ScalingLimited", "status": "True", "message": "the desired count is more than the max"}
    fine = {"type": "AbleToScale", "status": "True", "message": "ready"}
    assert _see(system, {"conditions": [fine, full, lost]}).services[1].why == "no metrics returned"
    assert _see(system, {"conditions": [fine, full]}).services[1].why.startswith("the desired count")
    assert _see(system, {"conditions": [fine]}).services[1].why == ""


def test_requests_of_each_replica_stand_beside_their_aim(tmp_path: Path) -> None:
    follows = FILE.replace(b"cpu: 60%, memory: 80%", b"requests: 50")
    system = read(
        follows + b"crossings: {one: {routes: [/one], to: store}}\n"
        b"monolith: {address: 'http://127.0.0.1:9000'}\n",
        "seaway.yaml",
        tmp_path,
    )
    current = {"metric": {"name": "requests-per-second"}, "current": {"averageValue": "61500m"}}
    store = _see(system, {"currentMetrics": [{"type": "Object", "object": current}]}).services[1]
    assert (store.load, store.aim) == ({"requests": 62}, {"requests": 50})
    assert _see(system, {"currentMetrics": [{"type": ""}]}).services[1].load == {}


def _pod(name: str, *, placed: bool) -> Manifest:
    condition = {"type": "PodScheduled", "status": str(placed), "lastTransitionTime": f"2026-{name}"}
    told = condition if placed else {**condition, "message": "0/1 nodes are available"}
    return {"metadata": {"name": name, "uid": f"uid-{name}"}, "status": {"conditions": [told]}}


def test_a_pod_that_waits_is_told_with_the_autoscalers_reason(system: System) -> None:
    def event(component: str, message: str) -> Manifest:
        source = {"component": component}
        return {"involvedObject": {"uid": "uid-b"}, "source": source, "message": message}

    pods = (_pod("a", placed=True), _pod("c", placed=False), _pod("b", placed=False))
    events = (event("default-scheduler", "no"), event("karpenter", "node limits have been exhausted"))
    seen = _see(system, {}, pods, *events)
    assert [(each.pod, each.why) for each in seen.waiting] == [
        ("b", "node limits have been exhausted"),
        ("c", "0/1 nodes are available"),
    ]


def test_a_machine_that_is_full_is_told_beside_what_the_autoscaler_knows(system: System) -> None:
    seen = replace(_measured(system, {}), pods=(_pod("a", placed=False),))
    environment = system.environment()[1]
    (waits,) = scale_of(system, environment, seen, [], "this machine has 0.1 GiB left").waiting
    assert waits.why == "0/1 nodes are available; this machine has 0.1 GiB left"
    assert scale_of(system, environment, replace(seen, pods=()), [], "full").waiting == ()


def test_how_many_nodes_may_be_added_is_the_pools_to_say(system: System, tmp_path: Path) -> None:
    assert _see(system, {}).addable == 3
    fixed = read(FILE.replace(b"nodes: {min: 1, max: 4}", b"nodes: 2"), "seaway.yaml", tmp_path)
    assert _see(fixed, {}).addable is None
