"""Environments elsewhere: what is planned for them, and what is not."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from seaway.flow.away import refuse_what_cannot_be
from seaway.flow.leave import leave_cloud
from seaway.flow.load import read
from seaway.flow.system import System
from seaway.kit.kube import Ref
from seaway.model.certificate import kept, mistrust
from seaway.model.plan import Change, Verb
from seaway.model.pools import OWN_CLASS, POOL
from seaway.model.snapshot import Live, Snapshot
from seaway.providers.anywhere.certificates import StandIns
from seaway.rooms.cluster.steps import RaiseGround
from seaway.rooms.edge.manifests import AUTO_BALANCER, NETWORK_BALANCER
from seaway.rooms.edge.steps import AwaitGateway
from seaway.rooms.requests.manifests import ROOM, registration
from seaway.rooms.requests.plan import another
from seaway.rooms.requests.steps import SERVICE
from seaway.steps.objects import ApplyObject, RemoveObject
from tests.flow import worlds
from tests.flow.worlds import planned

EKS = '{on: eks, account: "123456789012", region: us-west-2, domain: shop.example.com, nodes: 3}'
ACM = EKS.replace("nodes", "https: acm, dns: {provider: route53, zone: example.com}, nodes")
PROVED = EKS.replace(
    "nodes", "https: {issuer: acme, challenge: dns-01}, dns: {provider: route53, zone: example.com}, nodes"
)
ANY = "{on: kubeconfig, context: ctx, registry: r.example.com/shop, domain: shop.example.com}"
FOLLOWING = "database: orders, scale: {min: 1, max: 3, requests: 50}"
FILE = """
system: shop
environments: {{production: {on}}}
monolith: http://192.0.2.1:9000
services: {{web: {{source: ., run: gunicorn web, database: orders}}}}
databases: {{orders: postgres}}
crossings: {{login: {{routes: [/login], to: web}}}}
"""


def _system(folder: Path, on: str) -> System:
    return read(FILE.format(on=on).encode(), "seaway.yaml", folder)


def _following(folder: Path, on: str) -> System:
    """The same system with a service whose replicas follow its requests."""
    text = FILE.format(on=on).replace("database: orders", FOLLOWING, 1)
    return read(text.encode(), "seaway.yaml", folder)


def _manifests(system: System) -> dict[Ref, dict[str, object]]:
    steps = planned(system, worlds.nothing(system)).steps
    return {step.ref: step.manifest["spec"] for step in steps
            if isinstance(step, ApplyObject) and "spec" in step.manifest}  # fmt: skip


@pytest.mark.parametrize("on", [EKS, ACM, ANY])
def test_where_all_is_as_the_file_says_nothing_is_planned(tmp_path: Path, on: str) -> None:
    system = _system(tmp_path, on)
    assert planned(system, worlds.everything(system)).changes == ()


def test_a_pilot_with_rights_in_aws_starts_after_it_has_them_and_before_it_is_asked_for_more(
    tmp_path: Path,
) -> None:
    """EKS gives them to a pod when that starts: with the wish, and without it again, another one must."""
    with_, without = _system(tmp_path, PROVED), _system(tmp_path, EKS.replace("nodes", "https: acme, nodes"))
    steps: dict[str, Any] = {step.id: step for step in planned(with_, worlds.nothing(with_)).steps}
    deployed, ref = steps["crossing/pilot/deployment"], Ref("apps/v1", "Deployment", "pilot", "shop")
    assert "cluster/create" in deployed.after
    assert "crossing/pilot/await" in steps["acme/wish"].after
    template = deployed.manifest["spec"]["template"]
    assert template["metadata"]["annotations"] == {"seaway.dev/granted-by": "pod-identity"}
    policy = steps["acme/policy"].manifest["spec"]["egress"]
    assert {"cidr": "169.254.170.23/32"} in [
        to.get("ipBlock") for rule in policy for to in rule.get("to", ())
    ]
    assert "acme/zone-key" not in steps
    for system, seen in ((without, worlds.everything(with_)), (with_, worlds.everything(without))):
        changed = {step.id for step in planned(system, seen).steps}
        assert {"crossing/pilot/deployment", "crossing/pilot/await"} <= changed
    assert "granted-by" not in str(_manifests(without)[ref])


@pytest.mark.parametrize("on", [EKS, ANY])
def test_no_port_of_this_machine_and_no_autoscaler_of_its_own_has_a_part_in_it(
    tmp_path: Path, on: str
) -> None:
    system = _system(tmp_path, on)
    ids = {step.id for step in planned(system, worlds.nothing(system)).steps}
    assert "edge/gateway/await" in ids
    assert not ids & {
        *("edge/ports/free", "edge/gateway/publish", "edge/monolith/admit"),
        *("cluster/autoscaler", "cluster/node-pool", "cluster/requests", "cluster/nodes"),
    }


@pytest.mark.parametrize("on", [EKS, ANY])
def test_requests_are_counted_by_pods_where_a_service_follows_them(tmp_path: Path, on: str) -> None:
    system = _following(tmp_path, on)
    refuse_what_cannot_be(system, system.environment()[1])
    ids = [step.id for step in planned(system, worlds.nothing(system)).steps]
    made = ("requests/binding", "requests/deployment", "requests/await", "requests/registration")
    order = [ids.index(each) for each in ("edge/controller/install", *made, "requests/served")]
    assert order == sorted(order)
    assert planned(system, worlds.everything(system)).changes == ()


def test_one_that_is_not_reached_yet_is_waited_for(tmp_path: Path) -> None:
    system = _following(tmp_path, ANY)
    seen = worlds.everything(system)
    objects = {ref: {**m, "status": {}} if ref == SERVICE else m for ref, m in seen.live.objects.items()}
    plan = planned(system, replace(seen, live=Live(objects)))
    assert [step.id for step in plan.steps] == ["requests/served"]


def test_the_same_image_from_another_systems_registry_is_left_and_another_one_is_not(tmp_path: Path) -> None:
    system = _following(tmp_path, ANY)
    seen = worlds.everything(system)
    place, _, digest = seen.images["images/pilot"].partition("@")
    counter = [step.id for step in planned(system, _with_pilot(seen, f"elsewhere/{place}@{digest}")).steps]
    assert "requests/deployment" not in counter
    counter = [step.id for step in planned(system, _with_pilot(seen, f"{place}@sha256:{7:064}")).steps]
    assert {"requests/deployment", "requests/await"} <= set(counter)


def _with_pilot(seen: Snapshot, image: str) -> Snapshot:
    return replace(seen, images={**seen.images, "images/pilot": image})


def test_metrics_of_somebody_else_are_left_to_them(tmp_path: Path) -> None:
    system = _following(tmp_path, ANY)
    plan = planned(system, replace(worlds.nothing(system), metrics="v1beta1.custom.metrics.k8s.io"))
    assert not [step.id for step in plan.steps if step.id.startswith("requests/")]
    assert any("v1beta1.custom.metrics.k8s.io serves custom metrics already" in note for note in plan.notes)
    theirs = {"metadata": {"name": "v1beta1.custom.metrics.k8s.io"}}
    others = [{"metadata": {"name": f"v1beta1.{group}"}} for group in ("metrics.k8s.io", "apps")]
    assert another([registration(), *others]) == ""
    assert another([registration(), *others, theirs]) == "v1beta1.custom.metrics.k8s.io"


def test_the_last_system_takes_the_counter_with_it_and_has_nothing_passed_on_to_it_before(
    tmp_path: Path,
) -> None:
    system = _following(tmp_path, ANY)
    mine = worlds.everything(system).live.of_component(ROOM)
    steps = {step.id: step for step in leave_cloud("shop", "", mine, autoscaled=False).steps}
    removed = [step for step in steps.values() if isinstance(step, RemoveObject) and step.ref in mine]
    assert len(removed) == len(mine) == 11
    (first,) = (step for step in removed if step.ref == SERVICE)
    assert all(step.after == (first.id,) for step in removed if step != first)
    assert not [
        step for step in leave_cloud("shop", "", [], autoscaled=False).steps if step.id.startswith(f"{ROOM}/")
    ]


def test_on_eks_the_ground_comes_first_and_volumes_are_of_a_class_of_its_own(tmp_path: Path) -> None:
    system = _system(tmp_path, EKS)
    plan = planned(system, worlds.nothing(system))
    first = plan.steps[0]
    assert isinstance(first, RaiseGround)
    assert first.describe().parts == (Change("vpc/main", Verb.CREATE, "vpc"),)
    found = _manifests(system)
    assert found[Ref("v1", "PersistentVolumeClaim", "orders-db", "shop")]["storageClassName"] == "seaway-shop"
    proxy: dict[str, dict[str, dict[str, object]]] = found[
        Ref("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", "edge", "shop")
    ]["provider"]  # type: ignore[assignment]
    service = proxy["kubernetes"]["envoyService"]
    assert service["annotations"] == NETWORK_BALANCER
    assert service["externalTrafficPolicy"] == "Local"
    (wait,) = (step for step in plan.steps if isinstance(step, AwaitGateway))
    assert wait.seconds == 600


def test_with_auto_mode_a_pool_says_how_many_nodes_may_come_and_all_of_it_is_of_its_kind(
    tmp_path: Path,
) -> None:
    system = _system(tmp_path, EKS.replace("nodes: 3", "nodes: {min: 2, max: 6, auto: true}"))
    plan, found = planned(system, worlds.nothing(system)), _manifests(system)
    pool: dict[str, Any] = found[Ref(*POOL, "shop")]
    assert pool["limits"] == {"nodes": "4", "cpu": "8"}
    template = pool["template"]["spec"]
    assert template["nodeClassRef"] == {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": OWN_CLASS}
    assert template["requirements"][1]["values"] == ["m7i.large"]
    assert not {step.id for step in plan.steps} & {"cluster/autoscaler", "cluster/node-class"}
    assert not plan.notes
    (storage,) = (s for s in plan.steps if isinstance(s, ApplyObject) and s.ref.kind == "StorageClass")
    assert storage.manifest["provisioner"] == "ebs.csi.eks.amazonaws.com"
    proxy: dict[str, Any] = found[Ref("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy", "edge", "shop")]
    assert proxy["provider"]["kubernetes"]["envoyService"]["annotations"] == AUTO_BALANCER
    assert planned(system, worlds.everything(system)).changes == ()


def test_where_no_more_nodes_may_come_their_pool_goes(tmp_path: Path) -> None:
    more, fewer = (
        _system(tmp_path, EKS.replace("nodes: 3", f"nodes: {{min: 2, max: {most}, auto: true}}"))
        for most in (6, 2)
    )
    (change,) = planned(fewer, worlds.everything(more)).changes
    assert (change.verb, change.thing) == (Verb.DELETE, "NodePool shop")


def test_nodes_that_came_for_a_system_go_with_it() -> None:
    ids = [step.id for step in leave_cloud("shop", "seaway-shop", [], autoscaled=True).steps]
    assert ids.index("cluster/cloud/gone") < ids.index("cluster/nodepool/remove")
    assert "cluster/localnodeclass/remove" not in ids


def test_on_any_cluster_it_is_left_as_it_is(tmp_path: Path) -> None:
    system = _system(tmp_path, ANY)
    ids = {step.id for step in planned(system, worlds.nothing(system)).steps}
    assert not ids & {"cluster/create", "cluster/storage-class"}
    assert (
        "storageClassName" not in _manifests(system)[Ref("v1", "PersistentVolumeClaim", "orders-db", "shop")]
    )


def test_a_part_that_differs_in_the_cloud_is_mended_and_nothing_else(tmp_path: Path) -> None:
    system = _system(tmp_path, EKS)
    drifted = (Change("role/node", Verb.UPDATE, "role node", ("policy X",)),)
    (change,) = planned(system, replace(worlds.everything(system), ground=drifted)).changes
    assert (change.verb, change.thing, change.parts) == (Verb.UPDATE, "cluster seaway", drifted)


def test_another_certificate_is_shown_before_the_former_one_goes(tmp_path: Path) -> None:
    system = _system(tmp_path, ACM)
    comes = Change("certificate/shop/shop.example.com", Verb.CREATE, "certificate")
    goes = Change("certificate/shop/shop.example.com-1a2b3c4d", Verb.DELETE, "certificate")
    seen = replace(worlds.everything(system), ground=(goes, comes), certificate="")
    plan = planned(system, seen)
    assert [step.id for step in plan.steps] == [
        *("cluster/create", "edge/proxy", "edge/gateway/await", "cluster/let-go")
    ]
    assert [change.parts for change in plan.changes] == [(comes,), (), (), (goes,)]


def test_a_cluster_that_is_being_made_is_waited_for_before_anything_else_is_planned(tmp_path: Path) -> None:
    system = _system(tmp_path, EKS)
    seen = worlds.everything(system)
    assert seen.cluster
    plan = planned(system, replace(seen, cluster=replace(seen.cluster, state="creating")))
    assert [step.id for step in plan.steps] == ["cluster/create"]


def test_a_given_certificate_is_handed_over_when_its_file_is_another_not_when_it_grows_old(
    tmp_path: Path,
) -> None:
    system = _system(tmp_path, EKS)
    seen = replace(worlds.everything(system), now=worlds.NOW + timedelta(days=79), renewal=timedelta())
    assert planned(system, seen).changes == ()
    (change,) = planned(system, replace(seen, authority="another")).changes
    assert (change.step, change.details) == ("edge/certificate/issue", ("it is signed anew",))


def test_where_an_acme_server_signs_there_is_a_stand_in_and_a_pilot_that_asks_for_the_real_one(
    tmp_path: Path,
) -> None:
    system = _system(tmp_path, EKS.replace("nodes: 3", "https: acme"))
    plan = planned(system, worlds.nothing(system))
    (issue,) = (change for change in plan.changes if change.step == "edge/certificate/issue")
    assert issue.details[0].startswith("there is none yet; a stand-in until acme:https://")
    assert "acme/wish" in {change.step for change in plan.changes}
    issued = StandIns().issue("shop.example.com")
    data = {"tls.crt": issued.chain, "tls.key": issued.key.reveal()}
    secret = {"data": {name: b64encode(text.encode()).decode() for name, text in data.items()}}
    assert kept(secret).names == ("shop.example.com",)
    assert mistrust(secret, "shop.example.com") == ""
