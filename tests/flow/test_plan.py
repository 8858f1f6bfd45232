"""Planning is pure: golden plans, and nothing left to do where all is as the file says."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seaway.flow.load import read
from seaway.flow.status import status_of
from seaway.flow.system import System
from seaway.kit.kube import Ref
from seaway.model.certificate import AUTHORITY, UNTIL
from seaway.model.plan import Plan
from seaway.model.snapshot import Live, Snapshot
from seaway.rooms.edge.steps import AdmitMonolith
from tests.flow import worlds
from tests.flow.worlds import planned
from tests.rooms import golden

CASES = golden.cases(Path(__file__).parent / "plans")
FILE = b"""
system: shop
environments: {rehearsal: {on: local, domain: shop.localhost}}
monolith: http://127.0.0.1:9000
services:
  web: {source: ., run: gunicorn web, database: orders, secrets: [key], env: {STORE_URL: http://store}}
  store: {source: ., run: gunicorn store, scale: {min: 2, max: 5, cpu: 60%}}
databases: {orders: postgres}
crossings:
  login: {routes: [/login], to: web}
  reading: {routes: [/read], to: web, after: [login]}
"""


@pytest.fixture
def system(tmp_path: Path) -> System:
    return read(FILE, "seaway.yaml", tmp_path)


def _lines(plan: Plan) -> list[str]:
    return [
        f"{c.verb.value} {c.thing}{': ' + '; '.join(c.details) if c.details else ''}" for c in plan.changes
    ]


def _changed(seen: Snapshot, ref: Ref, **parts: Any) -> Snapshot:
    objects = dict(seen.live.objects)
    objects[ref] = {**copy.deepcopy(objects[ref]), **parts}
    return replace(seen, live=Live(objects))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.stem)
def test_a_file_and_a_look_give_this_plan(case: Path, tmp_path: Path) -> None:
    given = golden.given(case)
    system = read(given["file"].encode(), "seaway.yaml", tmp_path)
    seen = worlds.everything(read(given["was"].encode(), "seaway.yaml", tmp_path)) if "was" in given else None
    golden.hold(case, _lines(planned(system, seen or worlds.nothing(system))))


def test_where_all_is_as_the_file_says_nothing_is_planned(system: System) -> None:
    assert _lines(planned(system, worlds.everything(system))) == []


def test_a_second_look_at_the_same_gives_the_same_plan(system: System) -> None:
    seen = worlds.nothing(system)
    assert _lines(planned(system, seen)) == _lines(planned(system, seen))


def _with_nodes(seen: Snapshot, *claims: str) -> Snapshot:
    assert seen.cluster
    first = seen.cluster.nodes[0]
    nodes = tuple(
        replace(first, name=f"n{i}", claim=claim, ready=not claim) for i, claim in enumerate(claims)
    )
    return replace(seen, cluster=replace(seen.cluster, nodes=nodes))


def test_nodes_of_the_autoscaler_are_not_the_files_to_count(system: System) -> None:
    seen = worlds.everything(system)
    assert _lines(planned(system, _with_nodes(seen, "", "shop-a", "shop-b", "shop-c"))) == []


def test_a_node_that_a_person_added_leaves_the_autoscaler_one_less(system: System) -> None:
    seen = _with_nodes(worlds.everything(system), "", "")
    assert _lines(planned(system, seen)) == ["update NodePool shop: spec.limits.nodes"]


def test_too_few_standing_nodes_are_added_beside_those_of_the_autoscaler(system: System) -> None:
    seen = _with_nodes(worlds.everything(system), "shop-a", "shop-b")
    assert _lines(planned(system, seen)) == ["update nodes of cluster seaway: 2 → 3"]


def test_a_lost_object_is_made_again(system: System) -> None:
    seen = worlds.everything(system)
    objects = {
        r: m for r, m in seen.live.objects.items() if r.kind != "PodDisruptionBudget" or r.name != "web"
    }
    assert _lines(planned(system, replace(seen, live=Live(objects)))) == [
        "create PodDisruptionBudget shop/web"
    ]


def test_a_field_changed_by_hand_is_put_right_and_named(system: System) -> None:
    seen, ref = worlds.everything(system), Ref("v1", "Service", "web", "shop")
    spec = copy.deepcopy(seen.live.objects[ref]["spec"])
    spec["ports"][0]["targetPort"] = 1
    assert _lines(planned(system, _changed(seen, ref, spec=spec))) == [
        "update Service shop/web: spec.ports[http].targetPort"
    ]


def test_a_field_that_somebody_else_added_is_left_alone(system: System) -> None:
    seen, ref = worlds.everything(system), Ref("v1", "Service", "web", "shop")
    spec = {**seen.live.objects[ref]["spec"], "sessionAffinity": "ClientIP"}
    assert _lines(planned(system, _changed(seen, ref, spec=spec))) == []


def test_a_new_image_rolls_out_its_service_alone(system: System) -> None:
    seen = worlds.everything(system)
    fresh = {**seen.images, "images/web": "127.0.0.1:5055/web@sha256:" + "a" * 64}
    assert _lines(planned(system, replace(seen, images=fresh))) == [
        "update Deployment shop/web: spec.template.spec.containers[web].image",
        "wait Deployment shop/web: until every new pod is available",
    ]


def test_an_image_that_must_be_built_renews_its_deployment(system: System) -> None:
    seen = worlds.everything(system)
    without = {name: ref for name, ref in seen.images.items() if name != "images/web"}
    assert "update Deployment shop/web: new images/web" in _lines(
        planned(system, replace(seen, images=without))
    )


def test_replicas_belong_to_the_autoscaler(system: System) -> None:
    seen, ref = worlds.everything(system), Ref("apps/v1", "Deployment", "store", "shop")
    assert "replicas" not in seen.live.objects[ref]["spec"]
    waits = ["wait Deployment shop/store: until every new pod is available"]
    for available, told in ((4, []), (2, []), (1, waits)):
        status = {
            "observedGeneration": 1,
            "replicas": 4,
            "updatedReplicas": 4,
            "availableReplicas": available,
        }
        spec = {**seen.live.objects[ref]["spec"], "replicas": 4}
        assert _lines(planned(system, _changed(seen, ref, spec=spec, status=status))) == told


def test_replicas_are_set_once_the_autoscaler_is_gone(system: System, tmp_path: Path) -> None:
    fixed = read(FILE.replace(b"{min: 2, max: 5, cpu: 60%}", b"3"), "seaway.yaml", tmp_path)
    things = [change.thing for change in planned(fixed, worlds.everything(system)).changes]
    removed = things.index("HorizontalPodAutoscaler shop/store")
    assert removed < things.index("Deployment shop/store")


def test_no_weight_and_no_route_is_planned(system: System) -> None:
    seen = worlds.everything(system)
    ref = Ref("gateway.networking.k8s.io/v1", "HTTPRoute", "crossing-login", "shop")
    moved = copy.deepcopy(seen.live.objects[ref])
    for backend in moved["spec"]["rules"][0]["backendRefs"]:
        backend["weight"] = 25 if backend["name"] == "web" else 75
    assert _lines(planned(system, _changed(seen, ref, spec=moved["spec"]))) == []


def test_a_route_of_an_earlier_version_is_left_to_the_pilot(system: System) -> None:
    seen = worlds.everything(system)
    old = {
        r: m for r, m in seen.live.objects.items() if r.kind not in {"Crossing", "CustomResourceDefinition"}
    }
    for ref, found in old.items():
        if ref.kind == "HTTPRoute":
            old[ref] = {
                **found,
                "metadata": {k: v for k, v in found["metadata"].items() if k != "ownerReferences"},
            }
    assert _lines(planned(system, replace(seen, live=Live(old)))) == [
        "create CustomResourceDefinition crossings.seaway.dev",
        "create Crossing shop/login",
        "create Crossing shop/reading",
        "wait crossing login: until the gateway has its route",
        "wait crossing reading: until the gateway has its route",
    ]


def test_a_crossing_that_changes_is_waited_for_and_one_that_left_goes_with_its_traffic_first(
    system: System, tmp_path: Path
) -> None:
    other = FILE.replace(
        b"login: {routes: [/login], to: web}", b"login: {routes: [/login], to: web, hold: 5m}"
    )
    other = other.replace(b"  reading: {routes: [/read], to: web, after: [login]}\n", b"")
    plan = planned(read(other, "seaway.yaml", tmp_path), worlds.everything(system))
    assert _lines(plan) == [
        "update Crossing shop/login: spec.hold",
        "delete crossing reading: its traffic goes to the monolith first",
        "wait crossing login: until the gateway has its route",
    ]


def test_a_crossing_that_the_pilot_has_not_dealt_with_is_waited_for(system: System) -> None:
    seen, ref = worlds.everything(system), Ref("seaway.dev/v1alpha1", "Crossing", "login", "shop")
    assert _lines(planned(system, _changed(seen, ref, status={}))) == [
        "wait crossing login: until the gateway has its route"
    ]


def test_the_edge_is_published_after_every_crossing_has_its_route(system: System) -> None:
    steps = {step.id: step for step in planned(system, worlds.nothing(system)).steps}
    assert {"crossing/login/route", "crossing/reading/route"} <= set(steps["edge/gateway/publish"].after)
    assert {"crossing/login/crossing", "crossing/pilot/await"} <= set(steps["crossing/login/route"].after)


def test_the_comparator_is_there_where_a_crossing_compares(system: System, tmp_path: Path) -> None:
    seen = worlds.everything(system)
    compares = FILE.replace(
        b"login: {routes: [/login], to: web}", b"login: {routes: [/login], to: web, compare: {}}"
    )
    lines = _lines(planned(read(compares, "seaway.yaml", tmp_path), seen))
    assert "create Deployment shop/comparator" in lines
    assert "wait Deployment shop/comparator: until every new pod is available" in lines
    assert "update Crossing shop/login: spec.compare" in lines
    later = worlds.everything(read(compares, "seaway.yaml", tmp_path))
    assert "delete Deployment shop/comparator" in _lines(planned(system, later))


def test_the_pilot_goes_after_the_last_crossing(system: System, tmp_path: Path) -> None:
    smaller = b"system: shop\nenvironments: {rehearsal: {on: local, domain: shop.localhost}}\n"
    plan = planned(read(smaller, "seaway.yaml", tmp_path), worlds.everything(system))
    order = [step.id for step in plan.steps]
    assert order.index("crossing/login/remove-crossing") < order.index("crossing/pilot/remove-deployment")
    pilot = next(step for step in plan.steps if step.id == "crossing/pilot/remove-deployment")
    assert "crossing/login/remove-crossing" in pilot.after


def test_a_certificate_is_renewed_in_the_last_third_of_its_life(system: System) -> None:
    seen = worlds.everything(system)
    later = replace(seen, now=worlds.NOW + timedelta(days=51))
    assert _lines(planned(system, later)) == ["update certificate shop.localhost: it ends on 2027-02-12"]


SERVER = "acme:https://ca.example.com/dir"


def _signed_by(seen: Snapshot, issuer: str, until: datetime) -> Snapshot:
    ref = Ref("v1", "Secret", "edge-tls", "shop")
    found = copy.deepcopy(seen.live.objects[ref])
    found["metadata"]["annotations"] |= {AUTHORITY: issuer, UNTIL: until.isoformat()}
    return _changed(seen, ref, metadata=found["metadata"])


@pytest.fixture
def with_server(tmp_path: Path) -> System:
    https = b"domain: shop.localhost, https: {issuer: acme, directory: 'https://ca.example.com/dir'}"
    return read(FILE.replace(b"domain: shop.localhost", https), "seaway.yaml", tmp_path)


def test_a_stand_in_is_shown_from_the_first_moment_and_told_of_until_the_server_has_signed(
    with_server: System,
) -> None:
    first = planned(with_server, worlds.nothing(with_server))
    why = f"there is none yet; a stand-in until {SERVER} signs"
    assert f"create certificate shop.localhost: {why}" in _lines(first)
    seen = worlds.everything(with_server)
    assert _lines(planned(with_server, seen)) == []
    assert (
        "visitors see a stand-in until https://ca.example.com/dir signs"
        in planned(with_server, seen).notes[0]
    )
    signed = _signed_by(seen, SERVER, worlds.NOW + timedelta(days=80))
    assert (_lines(planned(with_server, signed)), planned(with_server, signed).notes) == ([], ())


def test_a_server_is_asked_once_it_can_come_as_a_visitor(with_server: System) -> None:
    """What it finds closed it refuses, and may not be asked again for a while."""
    plan = planned(with_server, worlds.nothing(with_server))
    ids = [step.id for step in plan.steps]
    assert ids.index("edge/gateway/publish") < ids.index("acme/wish")
    assert "edge/gateway/publish" in next(step for step in plan.steps if step.id == "acme/wish").after


@pytest.mark.parametrize("issuer", [SERVER, "acme:https://another.example.com/dir"])
def test_what_a_server_signed_is_left_to_the_pilot_even_when_it_has_ended(
    with_server: System, issuer: str
) -> None:
    seen = _signed_by(worlds.everything(with_server), issuer, worlds.NOW - timedelta(days=1))
    assert _lines(planned(with_server, seen)) == []
    useless = planned(with_server, replace(seen, mistrust="tls.crt in it is no certificate"))
    assert _lines(useless)[0].startswith(
        "update certificate shop.localhost: tls.crt in it is no certificate; a st"
    )


def test_a_stand_in_that_ends_is_renewed_as_any_of_the_local_authority(with_server: System) -> None:
    seen = _signed_by(worlds.everything(with_server), worlds.SIGNER, worlds.NOW + timedelta(days=9))
    assert "a stand-in until" in _lines(planned(with_server, seen))[0]


def test_the_local_authority_signs_again_once_the_pilot_no_longer_puts_the_other_back(
    system: System, with_server: System
) -> None:
    seen = _signed_by(worlds.everything(with_server), SERVER, worlds.NOW + timedelta(days=80))
    plan = planned(system, seen)
    issue = next(step for step in plan.steps if step.id == "edge/certificate/issue")
    ids = [step.id for step in plan.steps]
    assert "acme/acme/remove-configmap" in issue.after
    assert ids.index("acme/acme/remove-configmap") < ids.index(issue.id)
    assert "update certificate shop.localhost: another authority signs now" in _lines(plan)


def test_a_silent_monolith_is_waited_for_before_anything_is_exposed(system: System) -> None:
    seen = worlds.nothing(system)
    assert seen.monolith is not None
    silent = replace(seen, monolith=replace(seen.monolith, answers=False, why="refused"))
    plan = planned(system, silent)
    behind = {s.id for s in plan.steps if "edge/monolith/answers" in s.after}
    assert {"edge/gateway", "edge/default-route", "crossing/login/crossing"} <= behind


def test_a_stopped_cluster_is_started_and_looked_at_again(system: System) -> None:
    seen = worlds.everything(system)
    assert seen.cluster is not None
    plan = planned(system, replace(seen, cluster=replace(seen.cluster, state="stopped"), live=Live()))
    assert _lines(plan) == ["update cluster seaway: it is stopped"]
    assert plan.notes


def test_what_leaves_the_file_goes_last_and_data_stays(system: System, tmp_path: Path) -> None:
    seen = worlds.everything(system)
    smaller = b"system: shop\nenvironments: {rehearsal: {on: local, domain: shop.localhost}}\n"
    plan = planned(read(smaller, "seaway.yaml", tmp_path), seen)
    kinds = [(step.describe().verb.value, step.ref.kind) for step in plan.steps if hasattr(step, "ref")]
    assert ("delete", "Deployment") in kinds
    assert ("delete", "PersistentVolumeClaim") not in kinds
    assert ("delete", "Secret") not in kinds
    assert plan.notes == ("volume orders-db stays: its database is no longer in the file",)


def test_status_of_a_sound_system_finds_nothing_wrong(system: System) -> None:
    found = status_of(system, system.environment()[1], worlds.everything(system), "/ca.crt").as_json()
    assert found["problems"] == []
    assert {s["name"]: s["state"] for s in found["services"]} == {"web": "running", "store": "running"}
    assert {"environment", "nodes", "services", "crossings", "edge"} <= set(found)
    assert found["edge"]["url"] == "https://shop.localhost"


def test_a_monolith_that_moved_is_reached_at_its_old_place_until_the_new_one_answers(system: System) -> None:
    seen = worlds.everything(system)
    assert seen.monolith is not None
    moved = replace(seen, monolith=replace(seen.monolith, port=9001, answers=False, why="refused"))
    steps = {step.id: step for step in planned(system, moved).steps}
    assert "edge/monolith/answers" in steps["edge/monolith/endpoints"].after
    admit = steps["edge/monolith/admit"]
    assert isinstance(admit, AdmitMonolith)
    assert (admit.others, admit.port) == ((9000,), 9001)
    assert "edge/monolith/answers" in admit.after


def test_http3_is_offered_over_tls_only_and_its_datagrams_are_let_in(system: System) -> None:
    seen = worlds.everything(system)
    offers = system.model_copy(update={"edge": system.edge.model_copy(update={"http3": True})})
    steps = planned(offers, seen).steps
    assert [step.id for step in steps] == ["edge/client-policy", "edge/gateway/publish"]
    assert steps[0].manifest["spec"]["http3"] == {}  # type: ignore[attr-defined]
    assert steps[1].describe().details == ("the edge answers at 127.0.0.1:80, 127.0.0.1:443/udp too",)
    assert seen.cluster
    carried = worlds.everything(offers)
    assert carried.cluster
    assert _lines(planned(offers, replace(carried, cluster=replace(carried.cluster, udp=(443,))))) == []
    back = planned(system, replace(seen, cluster=replace(seen.cluster, udp=(443,))))
    assert _lines(back) == ["update cluster seaway: the edge answers at 127.0.0.1:80, 127.0.0.1:443"]
