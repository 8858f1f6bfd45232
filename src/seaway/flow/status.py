"""Snapshot → what one screen tells of an environment. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

from seaway.flow.system import System
from seaway.kit.kube import Manifest
from seaway.model.gateway import EDGE, ENVOY_API, GATEWAY_API, TLS_SECRET
from seaway.model.manifests import COMPONENT, NAME
from seaway.model.snapshot import RecordFacts, Snapshot
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.crossing.deployment import PILOT
from seaway.rooms.crossing.plan import resources_in, routes_in
from seaway.rooms.crossing.views import CrossingView, views
from seaway.rooms.edge.facts import accepted, address_of, certificate_of, verdicts
from seaway.rooms.edge.login import LOGIN
from seaway.rooms.edge.manifests import HTTPS_PORT
from seaway.rooms.requests.manifests import NAME as COUNTER
from seaway.rooms.requests.manifests import REGISTRATION, SERVED
from seaway.rooms.requests.manifests import ROOM as REQUESTS
from seaway.rooms.requests.steps import trouble
from seaway.rooms.services.spec import next_name
from seaway.steps.rollout import pod_trouble, rolled_out, takes_traffic

#: The state of a program that is not Seaway's, of which no more is known.
THEIRS: Final = "another's"
#: What it means that nobody counts requests.
HELD: Final = "replicas that follow requests stay as they are"


@dataclass(frozen=True)
class Workload:
    """A service, a database or what counts requests; `problem` says why it is not well.

    `state` is running, rolling, broken or absent; what counts requests may be another's, too.
    """

    name: str
    ready: int
    wanted: int
    image: str
    state: str
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Status:
    """One environment, as `seaway status` shows it."""

    system: str
    environment: str
    cluster: Mapping[str, Any]
    nodes: tuple[Mapping[str, Any], ...]
    services: tuple[Workload, ...]
    databases: tuple[Workload, ...]
    counter: Workload | None
    crossings: tuple[CrossingView, ...]
    edge: Mapping[str, Any]
    names: tuple[RecordFacts, ...]
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        parts = {
            name: [x.as_json() for x in getattr(self, name)]
            for name in ("services", "databases", "crossings", "names")
        }
        lists = {"nodes": list(self.nodes), "problems": list(self.problems)}
        return {**vars(self), **parts, **lists, "counter": self.counter.as_json() if self.counter else None}


def status_of(system: System, environment: EnvironmentSpec, seen: Snapshot, ca: str) -> Status:
    """Bring together what was seen; `ca` is where the authority's certificate lies."""
    cluster = seen.cluster
    services, databases, pilot, counter = _workloads(system, environment, seen)
    found = crossings_of(system, seen)
    edge = _edge(system, environment, seen, ca)
    return Status(
        system=system.system,
        environment=seen.environment,
        cluster={
            "name": cluster.name if cluster else "",
            "state": cluster.state if cluster else "absent",
            "context": cluster.context if cluster else "",
        },
        nodes=tuple(
            {"name": n.name, "size": n.size, "ready": n.ready, "address": n.address, "claim": n.claim}
            for n in (cluster.nodes if cluster else ())
        ),
        services=services,
        databases=databases,
        counter=next(iter(counter), None),
        crossings=tuple(found.values()),
        edge=edge,
        names=seen.records,
        problems=(
            *_problems(seen, (*services, *databases, *pilot, *counter), edge),
            *_login_problems(system, environment, seen),
            *(text for each in seen.records for text in each.drift()),
        ),
    )


def unsettled(system: System, environment: EnvironmentSpec, seen: Snapshot) -> tuple[str, ...]:
    """Name the workloads that do not run as asked: only their pods have something to tell."""
    parts = chain(*_workloads(system, environment, seen))
    return tuple(w.name for w in parts if w.state in {"rolling", "broken"})


def _workloads(
    system: System, environment: EnvironmentSpec, seen: Snapshot
) -> tuple[tuple[Workload, ...], ...]:
    """See the services, the databases, the pilot and what counts requests, where there are such."""
    counter = counter_of(system, environment, seen)
    return (
        tuple(workload(seen, "Deployment", name, name, "services") for name in system.services),
        tuple(workload(seen, "StatefulSet", f"{name}-db", name, "data") for name in system.databases),
        (workload(seen, "Deployment", PILOT, PILOT, "crossing"),) if system.piloted(environment) else (),
        (counter,) if counter else (),
    )


def counter_of(system: System, environment: EnvironmentSpec, seen: Snapshot) -> Workload | None:
    """See what counts requests, where pods do it: Seaway's, or whose else serves custom metrics."""
    if not (system.counted(environment) and seen.running):
        return None
    if seen.metrics:
        return Workload(seen.metrics, 0, 0, "", THEIRS)
    found = workload(seen, "Deployment", COUNTER, COUNTER, REQUESTS)
    unserved = trouble(seen.live.get(REGISTRATION, "APIService", SERVED))
    if found.ready and not unserved:
        return found
    if found.ready:
        found = replace(found, state="broken", problem=f"the API server does not reach it: {unserved}")
    return replace(found, problem="; ".join(filter(None, (found.problem, HELD))))


def crossings_of(system: System, seen: Snapshot) -> dict[str, CrossingView]:
    """See every crossing of the file, by name."""
    live, name, wanted = seen.live, system.system, system.crossings
    return views(wanted, resources_in(live, name, wanted), routes_in(live, name, wanted))


def ready_pods(system: System, seen: Snapshot) -> dict[str, int]:
    """Count the pods of each service, and of its new version, that may get traffic."""
    names = [each for name in system.services for each in (name, next_name(name))]
    return {name: sum(map(takes_traffic, _pods(seen, "services", name))) for name in names}


def edge_url(environment: EnvironmentSpec) -> str:
    """Give the address under which people reach the system, by its domain."""
    return edge_urls(environment)[0]


def edge_urls(environment: EnvironmentSpec) -> tuple[str, ...]:
    """Give every address under which people reach the system, that of its domain first."""
    port = "" if environment.web.https == HTTPS_PORT else f":{environment.web.https}"
    return tuple(f"https://{name}{port}" for name in environment.hosts)


def _edge(system: System, environment: EnvironmentSpec, seen: Snapshot, ca: str) -> dict[str, Any]:
    secret = seen.live.get("v1", "Secret", TLS_SECRET, system.system)
    certificate = certificate_of(secret) if environment.https.issuer != "acm" else None
    return {
        "url": edge_url(environment),
        "urls": list(edge_urls(environment)),
        "ca": ca,
        "address": address_of(seen.live.get(GATEWAY_API, "Gateway", EDGE, system.system)),
        "published": sorted(seen.cluster.published) if seen.cluster else [],
        "certificate_until": certificate.until.isoformat() if certificate else "",
        "monolith": system.monolith_address(environment),
        "monolith_answers": bool(seen.monolith and seen.monolith.answers),
    }


def workload(seen: Snapshot, kind: str, object_name: str, name: str, component: str) -> Workload:
    """See how a Deployment or StatefulSet runs, as the part of the file called `name`."""
    named = (m for m in seen.live.of_kind(kind) if m["metadata"]["name"] == object_name)
    found = next((m for m in named if m["metadata"].get("labels", {}).get(COMPONENT) == component), None)
    if found is None:
        return Workload(name, 0, 0, "", "absent")
    wanted, status = found["spec"].get("replicas", 1), found.get("status", {})
    image = found["spec"]["template"]["spec"]["containers"][0]["image"]
    ready = status.get("readyReplicas", 0)
    if rolled_out(found) and ready >= wanted:
        return Workload(name, ready, wanted, image, "running")
    pods = [p for p in _pods(seen, component, name) if not takes_traffic(p)]
    trouble = next((t for p in pods if (t := pod_trouble(p))), "")
    return Workload(name, ready, wanted, image, "rolling" if ready else "broken", trouble)


def _pods(seen: Snapshot, component: str, name: str) -> list[Manifest]:
    def mine(pod: Manifest) -> bool:
        labels = pod["metadata"].get("labels", {})
        return bool(labels.get(COMPONENT) == component and labels.get(NAME) == name)

    return [pod for pod in seen.pods if mine(pod)]


def _login_problems(system: System, environment: EnvironmentSpec, seen: Snapshot) -> Iterator[str]:
    """Say why visitors cannot log in where they must."""
    if environment.login is None or not seen.running:
        return
    if seen.issuer and seen.issuer.why:
        yield f"nobody can log in: {seen.issuer.why}"
    policy = seen.live.get(ENVOY_API, "SecurityPolicy", LOGIN, system.system)
    if policy and not accepted(policy):
        said = "; ".join(c.get("message", "") for c in verdicts(policy) if c["status"] != "True")
        yield f"the gateway refuses the paths on which visitors log in: {said or 'it says nothing of them'}"


def _problems(seen: Snapshot, workloads: tuple[Workload, ...], edge: Mapping[str, Any]) -> list[str]:
    if seen.cluster is None:
        return ["there is no cluster yet"]
    if not seen.running:
        return [f"the cluster is {seen.cluster.state}"]
    found = [f"node {n.name} is not ready" for n in seen.cluster.standing if not n.ready]
    found += [
        f"{w.name} is {w.state}: {w.ready} of {w.wanted} ready{f'; {w.problem}' if w.problem else ''}"
        for w in workloads
        if w.state not in {"running", THEIRS}
    ]
    if seen.monolith and not seen.monolith.answers:
        found.append(f"the monolith does not answer: {seen.monolith.why}")
    if any(w.name == PILOT and not w.ready and w.state == "running" for w in workloads):
        found.append("the pilot does not run: crossings stay where they are, and so does the certificate")
    if not edge["address"]:
        found.append("the gateway takes no traffic yet")
    return found
