"""System, Snapshot → Plan. Pure: the same look gives the same plan; where all is as it shall be, none.

The rooms are asked in walking order; what is no longer wanted goes last, in the opposite order, unless a step
waits for its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from seaway.flow.arrival import moves_first, unhurried
from seaway.flow.login import protected
from seaway.flow.releases import decide_releases
from seaway.flow.status import edge_url
from seaway.flow.system import System
from seaway.model.gateway import EDGE, REQUESTS, TLS_SECRET
from seaway.model.plan import Plan
from seaway.model.snapshot import Live, Snapshot
from seaway.rooms.acme import plan as acme
from seaway.rooms.acme.wish import Wish
from seaway.rooms.cluster.plan import (
    name_of,
    plan_autoscaler,
    plan_cluster,
    plan_ground,
    plan_namespace,
    plan_pool_on_eks,
    plan_requests,
    plan_storage,
    storage_class_of,
)
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.crossing import plan as crossing
from seaway.rooms.crossing.place import Place, Side
from seaway.rooms.crossing.resource import ROOM as CROSSING
from seaway.rooms.crossing.sides import route_name
from seaway.rooms.data import plan as data
from seaway.rooms.data.manifests import object_name
from seaway.rooms.edge import plan as edge
from seaway.rooms.edge.certmanager import IssuerRef
from seaway.rooms.edge.facts import certificate_of
from seaway.rooms.edge.login import LoginWish
from seaway.rooms.edge.manifests import AUTO_BALANCER, NETWORK_BALANCER, Balancer, ending_tls
from seaway.rooms.edge.monolith import MONOLITH
from seaway.rooms.requests import plan as requests
from seaway.rooms.services import plan as services
from seaway.rooms.services.manifests import Surroundings
from seaway.rooms.services.spec import next_name
from seaway.steps.objects import RemoveObject
from seaway.steps.secrets import given_variable

#: Where visitors are, by the name under which they came (Envoy: access log, command operators).
ASKED: Final = "https://%REQ(:authority)%"
#: What each kind of environment says of its load balancer: None where ports of this machine are the way in.
BALANCERS: Final[Mapping[str, Balancer | None]] = {
    "local": None,
    "eks": NETWORK_BALANCER,
    "kubeconfig": {},
}


def make_plan(system: System, environment: EnvironmentSpec, seen: Snapshot, builds: Sequence[Any]) -> Plan:
    """Decide all that must be done. `builds` are the steps that make the images which the registry lacks."""
    steps = _cluster(environment, seen)
    if seen.cluster and not seen.running:
        return Plan.ordered(steps, ["what else must change is seen once the cluster runs"])
    known = dict(seen.images)
    if seen.cluster:
        known["cluster/outside"] = seen.cluster.outside
    if seen.certificate:
        known["cluster/certificate"] = seen.certificate
    steps += _scaling(system, environment, seen)
    storage = storage_class_of(system.system, environment)
    steps += plan_storage(system.system, storage, seen.live, auto=environment.nodes.auto)
    steps += plan_namespace(system.system, seen.live, known, seen.registry)
    steps += builds
    place, live = crossing_place(system, environment), seen.live
    course = decide_releases(system, place, _surroundings(system, environment, seen), live, known)
    around = _surroundings(system, environment, seen, course.beside)
    users = _users(system, live, course.beside)
    steps += data.plan(system.system, system.databases, users, live, known, storage_class=storage)
    steps += services.plan(system.services, around, live, known, course.beside)
    wish = acme_wish(environment, seen)
    front = edge_wish(system, environment, wish)
    steps += edge.plan(front, seen, known)
    steps += acme.plan(system.system, wish, live, known, seen.zone_key)
    piloted = system.piloted(environment)
    crossings = unhurried(system, seen)
    granted = wish is not None and wish.granted
    steps += crossing.plan(place, crossings, live, known, course.releases, piloted=piloted, granted=granted)
    signs = wish.directory if wish else str(front.manager)
    notes = [*course.notes, *_notes(system, environment, seen), *_stand_in(front, seen, signs)]
    waiting = [name for name, spec in crossings.items() if spec.start != system.crossings[name].start]
    notes += moves_first(seen.name, waiting) if crossings else []
    notes += [text for each in seen.records for text in each.drift()]
    return Plan.ordered(_removals_last(steps), notes)


def _cluster(environment: EnvironmentSpec, seen: Snapshot) -> list[Any]:
    """Decide what must change about the cluster itself; one that somebody else keeps is left alone."""
    name = name_of(environment)
    if environment.on == "kubeconfig":
        return []
    if environment.on == "eks":
        return [*plan_ground(name, seen.cluster, seen.ground)]
    return plan_cluster(name, environment.nodes, seen.cluster)


def _scaling(system: System, environment: EnvironmentSpec, seen: Snapshot) -> list[Any]:
    """Decide about what a cluster is given for autoscalers."""
    if not environment.here:
        counted, live = system.counted(environment), seen.live
        pools = (
            plan_pool_on_eks(system.system, environment, seen.cluster, live)
            if environment.on == "eks"
            else []
        )
        return [*pools, *(requests.plan(live, seen.metrics, seen.images) if counted else ())]
    name = name_of(environment)
    followed = any(spec.scale.requests for spec in system.services.values())
    return [
        *plan_autoscaler(name, system.system, environment.nodes, seen.cluster, seen.live),
        *plan_requests(name, seen.cluster, wanted=followed),
    ]


def edge_wish(system: System, environment: EnvironmentSpec, wish: Wish | None) -> edge.EdgeWish:
    """Bring together what the file asks of the edge."""
    everything = any("/" in spec.routes for spec in system.crossings.values())
    manager = manager_of(environment)
    return edge.EdgeWish(
        system=system.system,
        domain=environment.domain,
        cluster=name_of(environment),
        http=environment.web.http,
        https=environment.web.https,
        spec=system.edge,
        monolith=system.monolith_in(environment),
        default_route=not everything,
        routes=tuple(f"{CROSSING}/{name}/route" for name in system.crossings),
        closed=system.closed,
        signer=wish.authority if wish else manager.authority if manager else "",
        manager=manager,
        balancer=_balancer(system, environment),
        login=login_wish(system, environment),
        names=environment.names,
    )


def _balancer(system: System, environment: EnvironmentSpec) -> Balancer | None:
    """Say how the load balancer shall be, which ends TLS itself where the cloud signs."""
    found = AUTO_BALANCER if environment.nodes.auto else BALANCERS[environment.on]
    if found is None or environment.https.issuer != "acm":
        return found
    return {**found, **ending_tls(system.edge.tls)}


def login_wish(system: System, environment: EnvironmentSpec) -> LoginWish | None:
    """Bring together on which routes visitors must log in; contradictions were refused before."""
    if (spec := environment.login) is None:
        return None
    asked = protected(system, spec.paths)
    own = tuple(path for path in spec.paths if path != "/" and path.rstrip("/") not in asked.taken)
    whole = [MONOLITH] if "/" in spec.paths else []
    return LoginWish(
        issuer=spec.issuer,
        client=spec.client,
        given=given_variable(spec.secret),
        url=edge_url(environment) if not environment.names else ASKED,
        own=own,
        routes=(*whole, *(route_name(name) for name in asked.crossings)),
        scopes=spec.scopes,
    )


def acme_wish(environment: EnvironmentSpec, seen: Snapshot) -> Wish | None:
    """Say what is wished of an ACME server, if anything is."""
    https = environment.https
    if https.issuer != "acme":
        return None
    found = Wish.of(environment.domain, https.directory, https.email, seen.voucher, environment.names)
    if https.challenge == "http-01" or environment.dns is None:
        return found
    return found.by_record(environment.dns.zone, environment.dns.server, wildcard=https.wildcard)


def manager_of(environment: EnvironmentSpec) -> IssuerRef | None:
    """Say which issuer of cert-manager signs, if one does."""
    https = environment.https
    return IssuerRef(https.name, https.kind, https.group) if https.issuer == "cert-manager" else None


def _stand_in(wish: edge.EdgeWish, seen: Snapshot, who: str) -> list[str]:
    """Tell that visitors are not shown the wished certificate yet; `who` is for people."""
    found = certificate_of(seen.live.get("v1", "Secret", TLS_SECRET, wish.system))
    if not wish.signer:
        return []
    if found and found.issuer == wish.signer:
        lacking = ", ".join(name for name in wish.hosts if name not in found.names)
        return [f"the certificate is not for {lacking} until {who} signs"] if lacking else []
    return [f"visitors see a stand-in until {who} signs: seaway edge status tells how far that is"]


def crossing_place(system: System, environment: EnvironmentSpec) -> Place:
    monolith = system.monolith_in(environment)
    old = Side(MONOLITH, monolith.port, "Backend") if monolith and monolith.outside else Side(MONOLITH)
    return Place(system.system, environment.domain, EDGE, old, names=environment.names)


def _surroundings(
    system: System, environment: EnvironmentSpec, seen: Snapshot, beside: Sequence[str] = ()
) -> Surroundings:
    addresses, port = edge.monolith_addresses(seen.monolith)
    return Surroundings(
        system=system.system,
        monolith_url=_monolith_url(system, environment),
        monolith=tuple((address, port) for address in addresses),
        callers=services.callers(system.services, beside, seen.live),
    )


def _monolith_url(system: System, environment: EnvironmentSpec) -> str:
    """Give the monolith's address as a pod sees it: over TLS by its own name, which its certificate knows."""
    monolith = system.monolith_in(environment)
    if monolith is None:
        return ""
    return monolith.address if monolith.tls and not monolith.loopback else f"http://{MONOLITH}"


def _users(system: System, live: Live, beside: Sequence[str]) -> dict[str, list[str]]:
    """Tell for each database which services use it, those `beside` which a new version runs in both."""
    found: dict[str, list[str]] = {name: [] for name in system.databases}
    for name, spec in system.services.items():
        if spec.database in found:
            found[spec.database].append(name)
            found[spec.database] += [next_name(name)] if name in beside else []
    for database, by in found.items():
        before = (name for name in beside if name not in by)
        by += [name for name in before if services.lets_in(live, object_name(database), name)]
    return found


def _removals_last(steps: list[Any]) -> list[Any]:
    waited_for = {name for step in steps for name in step.after}
    gone, kept = list[Any](), list[Any]()
    for step in steps:
        last = isinstance(step, RemoveObject) and step.id not in waited_for
        (gone if last else kept).append(step)
    before = tuple(s.id for s in kept)
    ordered = []
    for _, steps_of_room in groupby(reversed(gone), key=lambda step: step.id.split("/")[0]):
        group = [replace(step, after=before) for step in steps_of_room]
        ordered += group
        before = (*before, *(step.id for step in group))
    return [*kept, *ordered]


def _notes(system: System, environment: EnvironmentSpec, seen: Snapshot) -> list[str]:
    """Tell what stays although the file no longer names it, and what is not done everywhere.

    Data is never deleted by `up`.
    """
    wanted = {f"{name}-db" for name in system.databases}
    claims = [m["metadata"]["name"] for m in seen.live.of_kind("PersistentVolumeClaim")]
    nodes = environment.nodes
    still = f"nodes do not come and go with the load: {nodes.min} run, as the file does not say auto: true"
    theirs = environment.adopt and environment.adopt.cluster
    served = f"{seen.metrics} serves custom metrics already, and must serve {REQUESTS} of Services"
    fixed = environment.on == "eks" and nodes.max > nodes.min and not (theirs or nodes.auto)
    return [
        *seen.adopted,
        *([served] if seen.metrics else ()),
        *([still] if fixed else ()),
        *(
            f"volume {name} stays: its database is no longer in the file"
            for name in claims
            if name not in wanted
        ),
    ]
