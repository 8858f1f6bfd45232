"""What `seaway status` and `seaway scale status` tell of the pods that count requests."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.flow.load import read
from seaway.flow.scale import scale_of
from seaway.flow.status import HELD, status_of, unsettled
from seaway.flow.system import System
from seaway.kit.kube import Ref
from seaway.model.manifests import SYSTEM_NAMESPACE
from seaway.model.snapshot import Live, Snapshot
from seaway.rooms.requests.steps import SERVICE
from tests.flow import worlds

ANY = "{on: kubeconfig, context: ctx, registry: r.example.com/shop, domain: shop.example.com}"
LOCAL = "{on: local, domain: shop.localhost}"
FILE = """
system: shop
environments: {{production: {on}}}
monolith: http://192.0.2.1:9000
services: {{web: {{source: ., run: gunicorn web, scale: {{min: 1, max: 3, {follows}}}}}}}
crossings: {{login: {{routes: [/login], to: web}}}}
"""
PROGRAM = Ref("apps/v1", "Deployment", "gateway-metrics", SYSTEM_NAMESPACE)
REFUSED = "failing or missing response from https://10.0.0.9:10250"
UNREACHED = f"the API server does not reach it: {REFUSED}; {HELD}"


def _system(folder: Path, on: str = ANY, follows: str = "requests: 50") -> System:
    return read(FILE.format(on=on, follows=follows).encode(), "seaway.yaml", folder)


def _with(seen: Snapshot, ref: Ref, **differing: Any) -> Snapshot:
    """See one object differently, or not at all."""
    objects = copy.deepcopy(dict(seen.live.objects))
    if differing:
        objects[ref] |= differing
    else:
        del objects[ref]
    return replace(seen, live=Live(objects))


def _told(system: System, seen: Snapshot) -> tuple[str, str, tuple[str, ...]]:
    """What both commands tell: state and problem, and what `status` calls wrong with it."""
    environment = system.environment()[1]
    found = status_of(system, environment, seen, "")
    assert found.counter
    assert scale_of(system, environment, seen, [], "").counter == found.counter
    assert found.as_json()["counter"] == found.counter.as_json()
    return found.counter.state, found.counter.problem, found.problems


def test_what_counts_requests_is_listed_with_its_release(tmp_path: Path) -> None:
    system = _system(tmp_path)
    seen = worlds.everything(system)
    assert _told(system, seen) == ("running", "", ())
    found = status_of(system, system.environment()[1], seen, "").counter
    assert found
    assert (found.name, found.ready, found.wanted) == ("gateway-metrics", 2, 2)
    assert found.image == seen.images["images/pilot"]


def test_where_it_is_gone_replicas_are_told_to_stay(tmp_path: Path) -> None:
    system = _system(tmp_path)
    gone = _with(worlds.everything(system), PROGRAM)
    assert _told(system, gone) == ("absent", HELD, (f"gateway-metrics is absent: 0 of 0 ready; {HELD}",))


def test_one_of_two_pods_still_counts(tmp_path: Path) -> None:
    system = _system(tmp_path)
    status = {"readyReplicas": 1, "availableReplicas": 1, "observedGeneration": 1}
    seen = _with(worlds.everything(system), PROGRAM, status=status)
    assert _told(system, seen) == ("rolling", "", ("gateway-metrics is rolling: 1 of 2 ready",))
    assert unsettled(system, system.environment()[1], seen) == ("gateway-metrics",)


@pytest.mark.parametrize(
    ("differing", "why"),
    [
        ({}, "it does not know of it"),
        ({"spec": {}}, "it is not told whom to trust in that"),
        ({"status": {"conditions": [{"type": "Available", "status": "False", "message": REFUSED}]}}, REFUSED),
    ],
)
def test_pods_that_the_api_server_does_not_reach_count_for_nobody(
    tmp_path: Path, differing: dict[str, Any], why: str
) -> None:
    system = _system(tmp_path)
    state, problem, problems = _told(system, _with(worlds.everything(system), SERVICE, **differing))
    assert (state, problem) == ("broken", UNREACHED.replace(REFUSED, why))
    assert problems == (f"gateway-metrics is broken: 2 of 2 ready; {problem}",)


def test_a_program_that_is_not_ours_is_named_and_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    system = _system(tmp_path)
    seen = replace(_with(worlds.everything(system), PROGRAM), metrics="v1beta1.custom.metrics.k8s.io")
    assert _told(system, seen) == ("another's", "", ())


@pytest.mark.parametrize(("on", "follows"), [(ANY, "cpu: 60%"), (LOCAL, "requests: 50")])
def test_where_no_pods_count_there_is_nothing_to_tell(tmp_path: Path, on: str, follows: str) -> None:
    system = _system(tmp_path, on, follows)
    seen, environment = worlds.everything(system), system.environment()[1]
    assert status_of(system, environment, seen, "").counter is None
    assert scale_of(system, environment, seen, [], "").counter is None


def test_a_service_of_the_same_name_is_another(tmp_path: Path) -> None:
    text = FILE.format(on=ANY, follows="requests: 50").replace("web", "gateway-metrics")
    system = read(text.encode(), "seaway.yaml", tmp_path)
    gone = _with(worlds.everything(system), PROGRAM)
    found = status_of(system, system.environment()[1], gone, "")
    assert found.counter
    assert ([each.state for each in found.services], found.counter.state) == (["running"], "absent")
