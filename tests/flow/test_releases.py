"""A new version of a service beside the old one: what is planned in each phase of its crossing."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import Refused
from seaway.flow.load import read
from seaway.flow.plan import crossing_place
from seaway.flow.releases import leading_to, release_crossing, releases_in
from seaway.flow.rollouts import releases_before, rollout, take_back
from seaway.flow.system import System
from seaway.kit.kube import Ref
from seaway.model.manifests import fill, stamp
from seaway.model.plan import Plan
from seaway.model.snapshot import Live, Snapshot
from seaway.rooms.crossing.resource import API, KIND, manifest
from seaway.rooms.crossing.routes import Split, route
from seaway.rooms.crossing.state import Phase, State
from seaway.steps.objects import ApplyObject
from tests.flow import worlds
from tests.flow.worlds import planned

FILE = b"""
system: shop
environments: {rehearsal: {on: local, domain: shop.localhost}}
monolith: http://127.0.0.1:9000
services:
  web:
    source: .
    run: gunicorn web
    database: orders
    env: {STORE_URL: http://store}
    release: crossing
    scale: {min: 2, max: 5, cpu: 60%}
  store: {source: ., run: gunicorn store}
databases: {orders: postgres}
crossings:
  login: {routes: [/login], to: web, steps: [5, 100], hold: 1m}
  reading: {routes: [/read, /search], to: web, after: [login]}
"""
NEW = "127.0.0.1:5055/web@sha256:" + "a" * 64
THIRD = "127.0.0.1:5055/web@sha256:" + "b" * 64
WEB, NEXT = (Ref("apps/v1", "Deployment", name, "shop") for name in ("web", "web-next"))
CROSSING = Ref(API, KIND, "web-next", "shop")


@pytest.fixture
def system(tmp_path: Path) -> System:
    return read(FILE, "seaway.yaml", tmp_path)


def _lines(plan: Plan) -> list[str]:
    return [f"{c.verb.value} {c.thing}" for c in plan.changes]


def _put(seen: Snapshot, *objects: dict[str, Any]) -> Snapshot:
    return replace(seen, live=Live({**seen.live.objects, **{Ref.of(each): each for each in objects}}))


def _at(found: dict[str, Any], phase: Phase, weight: int, reason: str = "") -> dict[str, Any]:
    state = State(phase, weight, worlds.NOW, taken=True, reason=reason)
    said = state.saying("Ready", "True", "Taken", "", worlds.NOW).as_status((100,), 1)
    return {**copy.deepcopy(found), "status": said}


def _settled(system: System, *names: str) -> Snapshot:
    """All as the file says, with these crossings settled."""
    seen = worlds.everything(system)
    there = [seen.live.objects[Ref(API, KIND, name, "shop")] for name in names]
    return _put(seen, *(_at(each, Phase.SETTLED, 100) for each in there))


def _with(seen: Snapshot, image: str) -> Snapshot:
    return replace(seen, images={**seen.images, "images/web": image})


def _released(system: System, phase: Phase, weight: int, reason: str = "") -> Snapshot:
    """The new version beside the old one, its crossing in this phase."""
    seen = _with(_settled(system, "login", "reading"), NEW)
    outputs = {**seen.images, "cluster/outside": "10.200.255.1"}
    steps = [step for step in planned(system, seen).steps if isinstance(step, ApplyObject)]
    made = [worlds._running(stamp(fill(step.manifest, outputs))) for step in steps]
    there = [_at(each, phase, weight, reason) if Ref.of(each) == CROSSING else each for each in made]
    place, spec = release_crossing(
        crossing_place(system, system.environment()[1]), "web", leading_to(system, "web")
    )
    made_by_pilot = route(place, "web-next", spec, Split(weight))
    made_by_pilot["metadata"]["ownerReferences"] = [{"kind": KIND, "name": "web-next", "uid": "u"}]
    return _put(seen, *there, made_by_pilot)


def test_a_new_version_comes_beside_the_old_one_which_stays_as_it_is(system: System) -> None:
    plan = planned(system, _with(_settled(system, "login", "reading"), NEW))
    made = [line for line in _lines(plan) if "web" in line]
    assert {f"create {kind} shop/web-next" for kind in (
        "Deployment", "Service", "ServiceAccount", "NetworkPolicy", "PodDisruptionBudget",
        "HorizontalPodAutoscaler", "Crossing",
    )} <= set(made)  # fmt: skip
    assert [line for line in made if line.endswith("shop/web")] == ["update HorizontalPodAutoscaler shop/web"]
    objects = {step.ref: step.manifest for step in plan.steps if isinstance(step, ApplyObject)}
    assert objects[NEXT]["spec"]["template"]["spec"]["containers"][0]["image"] == NEW
    spec = objects[CROSSING]["spec"]
    assert (spec["from"]["name"], spec["to"]["name"], spec["over"]) == ("web", "web-next", "login")
    assert (spec["routes"], spec["after"]) == (["/login", "/read", "/search"], ["login", "reading"])
    assert (spec["start"], spec["steps"], spec["hold"]) == ("automatic", [5, 100], "1m")


def test_both_versions_are_let_in_where_the_service_is(system: System) -> None:
    plan = planned(system, _with(_settled(system, "login", "reading"), NEW))
    objects = {step.ref: step.manifest for step in plan.steps if isinstance(step, ApplyObject)}
    for callee in ("store", "orders-db"):
        text = str(objects[Ref("networking.k8s.io/v1", "NetworkPolicy", callee, "shop")]["spec"]["ingress"])
        assert "'web'" in text
        assert "'web-next'" in text


def test_what_the_old_version_reached_stays_open_though_the_new_one_does_not_name_it(tmp_path: Path) -> None:
    seen = _settled(read(FILE, "seaway.yaml", tmp_path), "login", "reading")
    fewer = read(FILE.replace(b"    env: {STORE_URL: http://store}\n", b""), "seaway.yaml", tmp_path)
    plan = planned(fewer, _with(seen, NEW))
    assert "update NetworkPolicy shop/store" not in _lines(plan)
    assert "create Deployment shop/web-next" in _lines(plan)


def test_while_a_crossing_to_it_is_not_settled_a_version_rolls(system: System) -> None:
    plan = planned(system, _with(_settled(system, "login"), NEW))
    assert "update Deployment shop/web" in _lines(plan)
    assert not any("web-next" in line for line in _lines(plan))
    assert any("reading is not settled" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("phase", "weight"),
    [(Phase.WAITING, 0), (Phase.MOVING, 5), (Phase.HOLDING, 100), (Phase.RETURNING, 5), (Phase.RETURNED, 0)],
)
def test_a_release_under_way_is_left_to_the_pilot(system: System, phase: Phase, weight: int) -> None:
    plan = planned(system, _released(system, phase, weight, "too many errors"))
    assert _lines(plan) == []
    told = "too many errors" if phase is Phase.RETURNED else f"{phase.value} at {weight} %"
    assert any(told in note for note in plan.notes)


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.MOVING, Phase.RETURNING, Phase.SETTLED])
def test_a_third_version_is_refused_while_a_release_is_under_way(system: System, phase: Phase) -> None:
    with pytest.raises(Refused) as error:
        planned(system, _with(_released(system, phase, 5), THIRD))
    assert error.value.remedy.startswith("seaway rollout undo web")


def test_after_a_return_another_version_begins_anew(system: System) -> None:
    plan = planned(system, _with(_released(system, Phase.RETURNED, 0), THIRD))
    lines = [line for line in _lines(plan) if "web-next" in line]
    order = [
        "delete crossing web-next", "update Deployment shop/web-next",
        "wait Deployment shop/web-next", "create Crossing shop/web-next",
    ]  # fmt: skip
    assert [line for line in lines if line in order] == order


def test_what_has_settled_becomes_the_service_itself_and_then_goes(system: System) -> None:
    plan = planned(system, _released(system, Phase.SETTLED, 100))
    lines = _lines(plan)
    order = [
        "update Deployment shop/web", "wait Deployment shop/web", "update crossing web-next",
        "delete crossing web-next", "delete Deployment shop/web-next",
    ]  # fmt: skip
    assert [line for line in lines if line in order] == order
    assert lines.index("update HorizontalPodAutoscaler shop/web") > lines.index("delete crossing web-next")
    assert "create Crossing shop/web-next" not in lines


def test_where_the_file_goes_back_to_the_old_version_the_new_one_goes(system: System) -> None:
    seen = _released(system, Phase.MOVING, 5)
    plan = planned(system, _with(seen, worlds.images(system)["images/web"]))
    lines = _lines(plan)
    assert "update Deployment shop/web" not in lines
    order = ["update crossing web-next", "delete crossing web-next", "delete Deployment shop/web-next"]
    assert [line for line in lines if line in order] == order


def test_a_release_goes_back_before_the_crossings_below_it(system: System) -> None:
    seen = _released(system, Phase.SETTLED, 100)
    assert [view.name for view in releases_before(seen, ["reading"])] == ["web-next"]
    assert releases_before(seen, ["other"]) == ()
    step = take_back(system, seen, "web-next", "ann")
    assert (step.place.over, step.place.monolith.name, step.spec.to) == ("login", "web", "web-next")
    assert releases_before(_released(system, Phase.RETURNED, 0), ["login"]) == ()


def test_a_release_is_seen_beside_its_service(system: System) -> None:
    found = rollout(system, _released(system, Phase.MOVING, 5), "web")
    assert found.crossing
    assert (found.crossing.weight.percent, found.crossing.phase) == (5, Phase.MOVING)
    assert found.beside
    assert found.beside.image == NEW
    assert releases_in(worlds.everything(system).live) == {}


def test_a_crossing_of_a_release_says_the_same_as_the_one_that_was_written(system: System) -> None:
    place, spec = release_crossing(
        crossing_place(system, system.environment()[1]), "web", leading_to(system, "web")
    )
    assert manifest(place, "web-next", spec) == manifest(
        place, "web-next", spec.model_validate(spec.model_dump())
    )
