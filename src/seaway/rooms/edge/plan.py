"""From the edge of the file to steps. Nothing is exposed before the monolith has answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from seaway.model.gateway import EDGE, GATEWAY_API, TLS_SECRET
from seaway.model.manifests import DESIRED, Output, stamp
from seaway.model.plan import Verb
from seaway.model.snapshot import CertificateFacts, MonolithFacts, Snapshot
from seaway.rooms.edge import controller, monolith
from seaway.rooms.edge.facts import address_of, certificate_of
from seaway.rooms.edge.manifests import (
    HTTPS_PORT,
    ROOM,
    backend_policy,
    client_policy,
    gateway,
    gateway_class,
    plain_policy,
    proxy,
    redirect,
    security_policy,
)
from seaway.rooms.edge.spec import EdgeSpec, MonolithSpec
from seaway.rooms.edge.steps import (
    AdmitMonolith,
    AwaitGateway,
    CheckMonolith,
    CheckPorts,
    IssueCertificate,
    Publish,
    TrustMonolith,
)
from seaway.steps.objects import Desired, changes, orphans

NAMESPACE = ("cluster/namespace",)
CONTROLLER = (f"{ROOM}/controller/await", f"{ROOM}/controller/install")
ANSWERS = (f"{ROOM}/monolith/answers",)
#: A certificate is renewed when less than this share of its life remains.
LIFE = timedelta(days=90)
RENEW = LIFE / 3
#: Gone before the local authority signs again: the pilot would put the other's certificate back.
NO_OTHER = ("acme/acme/remove-configmap",)
OUTSIDE = Output("cluster/outside")


@dataclass(frozen=True)
class EdgeWish:
    """What the file asks of the edge in one environment.

    `default_route` tells whether the monolith gets what no crossing takes. `routes` are the ids of the steps
    that make the crossings' routes: the edge is published after them. `closed` are paths that it refuses.
    `signer` is who signs the certificate where the local authority does not; what that gave is the pilot's.
    """

    system: str
    domain: str
    cluster: str
    http: int
    https: int
    spec: EdgeSpec
    monolith: MonolithSpec | None = None
    default_route: bool = True
    routes: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    signer: str = ""


def monolith_addresses(facts: MonolithFacts | None) -> tuple[tuple[str | Output, ...], int]:
    """Tell where pods reach the monolith: beyond the cluster's edge where it is on this very machine."""
    if facts is None:
        return (), 0
    return ((OUTSIDE,) if facts.loopback else facts.addresses), facts.port


def desired(wish: EdgeWish, facts: MonolithFacts | None) -> list[Desired]:
    """List every object of the edge."""
    first = (*NAMESPACE, *CONTROLLER, *ANSWERS)
    proxied = (*first, "images/envoy/build")
    policies = ("client-policy", "plain-policy", "security-policy", "backend-policy")
    front = tuple(f"{ROOM}/{part}" for part in ("proxy", "class", "certificate/issue", *policies))
    spec = wish.spec
    closed = security_policy(wish.system, wish.closed, spec.inside)
    found = [
        Desired(f"{ROOM}/class", gateway_class(wish.system), first),
        Desired(f"{ROOM}/proxy", proxy(wish.system, spec), proxied),
        Desired(f"{ROOM}/client-policy", client_policy(wish.system, spec), first),
        Desired(f"{ROOM}/plain-policy", plain_policy(wish.system, spec), first),
        *([Desired(f"{ROOM}/security-policy", closed, first)] if wish.closed else []),
        Desired(f"{ROOM}/backend-policy", backend_policy(wish.system, spec), first),
        Desired(f"{ROOM}/gateway", gateway(wish.system), (*front, *first)),
        Desired(f"{ROOM}/redirect", redirect(wish.system, wish.domain, wish.https), first),
    ]
    return [*found, *_monolith(wish, wish.monolith, facts)] if wish.monolith else found


def _monolith(wish: EdgeWish, spec: MonolithSpec, facts: MonolithFacts | None) -> list[Desired]:
    """List the monolith's objects, and the route by which the gateway knows it."""
    at, first = f"{ROOM}/monolith", (*NAMESPACE, *CONTROLLER, *ANSWERS)
    addresses, port = monolith_addresses(facts)
    slice_ = monolith.endpoints(wish.system, addresses, port)
    reached = (*first, f"{at}/service", f"{at}/endpoints", f"{at}/authority")
    made = monolith.outside(wish.system, spec, addresses) if spec.outside else []
    there = [Desired(f"{at}/{item['kind'].lower()}", item, reached) for item in made]
    waits = (*reached, *(item.id for item in there))
    route = monolith.default_route(wish.system, wish.domain, spec, crossed=not wish.default_route)
    return [
        Desired(f"{at}/service", monolith.service(wish.system), NAMESPACE),
        Desired(f"{at}/endpoints", slice_, (*NAMESPACE, *ANSWERS, f"{at}/admit")),
        *there,
        Desired(f"{at}/health", monolith.health_policy(wish.system, spec), first),
        Desired(f"{at}/stand-in", monolith.stand_in(wish.system, EDGE), first),
        Desired(f"{ROOM}/default-route", route, waits),
    ]


def _authority(wish: EdgeWish, seen: Snapshot) -> list[TrustMonolith]:
    pem = seen.monolith.authority if seen.monolith else ""
    if not pem:
        return []
    wanted = stamp(monolith.authority(wish.system, pem))["metadata"]["annotations"][DESIRED]
    found = seen.live.get("v1", "Secret", monolith.AUTHORITY_SECRET, wish.system)
    if found and (found["metadata"].get("annotations") or {}).get(DESIRED) == wanted:
        return []
    return [TrustMonolith(wish.system, pem, Verb.UPDATE if found else Verb.CREATE, NAMESPACE)]


def plan(wish: EdgeWish, seen: Snapshot, known: Mapping[str, str]) -> list[Any]:
    """Decide what must change at the edge; pure."""
    steps: list[Any] = []
    facts, live = seen.monolith, seen.live
    if wish.monolith and not (facts and facts.answers):
        steps.append(CheckMonolith(wish.monolith))
    admitted = seen.cluster.admitted if seen.cluster else ()
    if facts and facts.loopback and facts.port not in admitted:
        steps.append(AdmitMonolith(wish.cluster, facts.port, admitted, ("cluster/create", *ANSWERS)))
    steps += controller.plan(wish.system, seen.chart, live, seen.record, known)
    steps += [*_certificate(wish, seen), *_authority(wish, seen)]
    objects = desired(wish, facts)
    changed = changes(objects, live, known)
    steps += changed
    steps += _front(wish, seen, touched={step.id for step in changed})
    gone = orphans(ROOM, objects, live.of_component(ROOM))
    return [*steps, *gone]


def _certificate(wish: EdgeWish, seen: Snapshot) -> list[IssueCertificate]:
    found = certificate_of(seen.live.get("v1", "Secret", TLS_SECRET, wish.system))
    why = _lack(wish, seen, found)
    if not why:
        return []
    why = f"{why}; a stand-in until {wish.signer} signs" if wish.signer else why
    verb = Verb.UPDATE if found else Verb.CREATE
    return [IssueCertificate(wish.system, wish.domain, why, verb, (*NAMESPACE, *NO_OTHER))]


def _lack(wish: EdgeWish, seen: Snapshot, found: CertificateFacts | None) -> str:
    """Say why the local authority must sign now; where another does, it only sees that there is one."""
    if found is None:
        return "there is none yet"
    if found.domain != wish.domain:
        return f"it was for {found.domain}"
    if seen.mistrust:
        return seen.mistrust
    if not wish.signer and seen.authority and found.issuer != seen.authority:
        return "another authority signs now"
    ours = not wish.signer or found.issuer == seen.authority
    return f"it ends on {found.until:%Y-%m-%d}" if ours and found.until - seen.now < RENEW else ""


def _front(wish: EdgeWish, seen: Snapshot, touched: set[str]) -> list[Any]:
    steps: list[Any] = []
    address = address_of(seen.live.get(GATEWAY_API, "Gateway", EDGE, wish.system))
    if not address or touched & {f"{ROOM}/gateway", f"{ROOM}/proxy"}:
        steps.append(AwaitGateway(wish.system, (f"{ROOM}/gateway", f"{ROOM}/proxy")))
    wanted = {wish.https: (address, HTTPS_PORT), wish.http: (address, 80)}
    published = dict(seen.cluster.published) if seen.cluster else {}
    udp = (wish.https,) if wish.spec.http3 else ()
    carried = seen.cluster.udp if seen.cluster else ()
    if fresh := tuple(sorted(wanted.keys() - published)):
        steps.append(CheckPorts(wish.cluster, fresh))
    if not address or wanted != published or udp != carried:
        after = (f"{ROOM}/gateway/await", f"{ROOM}/default-route", f"{ROOM}/redirect", *wish.routes)
        steps.append(Publish(wish.cluster, {wish.https: HTTPS_PORT, wish.http: 80}, address, after, udp))
    return steps
