"""Snapshots for planning: nothing yet, or all as the file says, made from the plan itself."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from seaway.flow.plan import crossing_place, make_plan
from seaway.flow.system import System
from seaway.kit.kube import Ref
from seaway.model.certificate import AUTHORITY, DOMAIN, UNTIL
from seaway.model.cluster import ClusterFacts, NodeFacts
from seaway.model.gateway import TLS_SECRET
from seaway.model.manifests import SYSTEM_NAMESPACE, Manifest, fill, stamp
from seaway.model.plan import Change, Plan, Verb
from seaway.model.snapshot import IssuerFacts, Live, MonolithFacts, Snapshot
from seaway.rooms.cluster.steps import AutoscaleCluster, CountRequests
from seaway.rooms.crossing.resource import KIND
from seaway.rooms.crossing.routes import Split, route
from seaway.rooms.crossing.state import Phase, State
from seaway.rooms.crossing.steps import AwaitCrossing
from seaway.rooms.edge.controller import InstallGateway, identity
from seaway.rooms.edge.steps import AdmitMonolith, IssueCertificate
from seaway.steps.objects import ApplyObject
from seaway.steps.secrets import BringSecret, GenerateSecret

NOW = datetime(2026, 11, 24, tzinfo=UTC)
CHART = "gateway-helm-v1.9.0"
SIGNER = "f" * 32
CERTIFICATE = "arn:aws:acm:us-west-2:123456789012:certificate/1"


def images(system: System) -> dict[str, str]:
    names = [*system.services, "envoy", "envoy-gateway", "pilot", "postgres"]
    return {f"images/{n}": f"127.0.0.1:5055/{n}@sha256:{i:064}" for i, n in enumerate(names)}


def nothing(system: System) -> Snapshot:
    _, environment = system.environment()
    host = "127.0.0.1" if environment.here else "192.0.2.1"
    facts = MonolithFacts(host, 9000, loopback=environment.here, addresses=(host,), answers=True)
    rented = (Change("vpc/main", Verb.CREATE, "vpc"),) if environment.on == "eks" else ()
    return Snapshot(
        "rehearsal",
        NOW,
        images=images(system),
        monolith=facts if system.monolith else None,
        chart=CHART,
        authority=SIGNER,
        registry="127.0.0.1:5055",
        issuer=issuer(system),
        ground=rented,
    )


def issuer(system: System) -> IssuerFacts | None:
    """What the issuer of the first environment says of itself."""
    if (spec := system.environment()[1].login) is None:
        return None
    return IssuerFacts(spec.issuer, f"{spec.issuer}/authorize", f"{spec.issuer}/token")


def planned(system: System, seen: Snapshot) -> Plan:
    """Plan for the first environment, without builds."""
    return make_plan(system, system.environment()[1], seen, [])


def everything(system: System) -> Snapshot:
    """Carry the plan from nothing out on paper, and see what a cluster would show then."""
    _, environment = system.environment()
    start = nothing(system)
    plan = make_plan(system, environment, start, [])
    outputs = {**start.images, "cluster/outside": "10.200.255.1", "edge/address": "10.200.144.7"}
    outputs["cluster/certificate"] = shown = CERTIFICATE if environment.https.issuer == "acm" else ""
    live: list[Manifest] = []
    for step in plan.steps:
        if isinstance(step, ApplyObject):
            live.append(_running(stamp(fill(step.manifest, outputs))))
        if isinstance(step, AwaitCrossing):
            live.append(_route(system, step.name))
        if isinstance(step, (GenerateSecret, BringSecret)):
            live.append(step.manifest)
        if isinstance(step, IssueCertificate):
            live.append(_certificate(system, " ".join(step.names)))
        if isinstance(step, InstallGateway):
            live.append(_running(_controller()))
    ports = environment.ports
    admitted = {9000} if system.monolith and environment.here else set()
    admitted |= {step.port for step in plan.steps if isinstance(step, AdmitMonolith)}
    published = {ports.https: ("10.200.144.7", 443), ports.http: ("10.200.144.7", 80)}
    published = published if environment.here else {}
    node = NodeFacts("seaway-seaway-1", "10.200.0.2", "medium", ready=True, running=True)
    address = "https://10.200.0.1:6443"
    cluster = ClusterFacts(
        "seaway",
        "seaway-seaway",
        address,
        "running",
        (node,),
        "10.200.255.1",
        published,
        tuple(sorted(admitted)),
        autoscaled=any(isinstance(step, AutoscaleCluster) for step in plan.steps),
        counted=any(isinstance(step, CountRequests) for step in plan.steps),
    )
    data = {"identity": identity(CHART, outputs), "objects": json.dumps([list(Ref.of(_controller()))])}
    seen = replace(start, cluster=cluster, live=Live.of(live), record={"data": data}, ground=())
    return replace(seen, certificate=shown)


def _controller() -> Manifest:
    meta = {
        "name": "envoy-gateway",
        "namespace": SYSTEM_NAMESPACE,
        "labels": {"app.kubernetes.io/component": "gateway"},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": 1}}


def _certificate(system: System, names: str) -> Manifest:
    notes = {DOMAIN: names, UNTIL: (NOW + timedelta(days=80)).isoformat(), AUTHORITY: SIGNER}
    labels = {"app.kubernetes.io/component": "edge"}
    meta = {"name": TLS_SECRET, "namespace": system.system, "annotations": notes, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta}


def _route(system: System, name: str) -> Manifest:
    """What the pilot makes of a crossing."""
    place, owner = crossing_place(system, system.environment()[1]), {"kind": KIND, "name": name, "uid": "u"}
    found = route(place, name, system.crossings[name], Split(0))
    return {**found, "metadata": {**found["metadata"], "ownerReferences": [owner], "generation": 1}}


def _running(manifest: Manifest) -> Manifest:
    """Add what the cluster's own controllers would say of it once it runs."""
    meta = {**manifest["metadata"], "generation": 1, "uid": "u"}
    status: dict[str, Any] = {}
    if manifest["kind"] in {"Deployment", "StatefulSet"}:
        wanted = manifest["spec"].get("replicas", 1)
        counts = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")
        status = {"observedGeneration": 1, **dict.fromkeys(counts, wanted)}
    if manifest["kind"] == "Gateway":
        programmed = {"type": "Programmed", "status": "True", "observedGeneration": 1}
        status = {"addresses": [{"value": "10.200.144.7"}], "conditions": [programmed]}
    if manifest["kind"] == "SecurityPolicy":
        taken = {"type": "Accepted", "status": "True", "observedGeneration": 1}
        status = {"ancestors": [{"conditions": [taken]}]}
    if manifest["kind"] == "APIService":
        manifest = {**manifest, "spec": {**manifest["spec"], "caBundle": "UEVN"}}
        status = {"conditions": [{"type": "Available", "status": "True"}]}
    if manifest["kind"] == KIND:
        state = State(Phase.MONOLITH, 0, NOW, taken=True).saying("Ready", "True", "Taken", "", NOW)
        status = state.as_status((100,), 1)
    return {**manifest, "metadata": meta, "status": status}
