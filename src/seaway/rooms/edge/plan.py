"""From the edge of the file to steps. Nothing is exposed before the monolith has answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from seaway.errors import Refused
from seaway.kit.kube import Ref
from seaway.model.gateway import EDGE, ENVOY_API, GATEWAY_API, TLS_SECRET
from seaway.model.manifests import DESIRED, Manifest, Output, stamp
from seaway.model.plan import Verb
from seaway.model.snapshot import CertificateFacts, IssuerFacts, Live, MonolithFacts, Snapshot
from seaway.rooms.edge import controller, login, monolith
from seaway.rooms.edge.certmanager import IssuerRef, certificate
from seaway.rooms.edge.facts import accepted, address_of, certificate_of
from seaway.rooms.edge.login import LOGIN, LoginWish
from seaway.rooms.edge.manifests import (
    HTTPS_PORT,
    ROOM,
    SHOWN,
    Balancer,
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
    AwaitLogin,
    CheckIssuer,
    CheckMonolith,
    CheckPorts,
    IssueCertificate,
    Publish,
    RefuseLogin,
    RemoveRoute,
    Trust,
)
from seaway.steps.objects import Desired, RemoveObject, changes, orphans
from seaway.steps.secrets import BringSecret

NAMESPACE = ("cluster/namespace",)
CONTROLLER = (f"{ROOM}/controller/await", f"{ROOM}/controller/install")
ANSWERS = (f"{ROOM}/monolith/answers", f"{ROOM}/login/answers", CheckIssuer.id)
#: What leads to the monolith, and must be there before a route does.
_PARTS = ("service", "endpoints", "backend", "httproutefilter", "backendtlspolicy")
REACHED = tuple(f"{ROOM}/monolith/{part}" for part in _PARTS)
#: A certificate is renewed when less than this share of its life remains.
LIFE = timedelta(days=90)
RENEW = LIFE / 3
#: Gone before another signs: the pilot, or cert-manager, would put its own certificate back.
NO_OTHER = ("acme/acme/remove-configmap", f"{ROOM}/{EDGE}/remove-certificate")
OUTSIDE = Output("cluster/outside")
#: Seconds until the gateway must take traffic; a cloud takes minutes for a load balancer.
PATIENCE = 180.0
BALANCER = 600.0


@dataclass(frozen=True)
class EdgeWish:
    """What the file asks of the edge in one environment.

    `default_route` tells whether the monolith gets what no crossing takes. `routes` are the ids of the steps
    that make the crossings' routes: the edge is published after them. `closed` are paths that it refuses.
    `signer` is who signs the certificate where the local authority does not; what that gave is the pilot's.
    `manager` is the issuer of cert-manager that does so, if it is one.
    `login` tells where visitors must log in.
    `names` are further public names.
    `balancer` are the annotations for the load balancer of a cluster elsewhere; None is this machine, whose
    ports lead to the edge.
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
    manager: IssuerRef | None = None
    login: LoginWish | None = None
    balancer: Balancer | None = None
    names: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every name under which visitors come, the domain first."""
        return (self.domain, *self.names)


def monolith_addresses(facts: MonolithFacts | None) -> tuple[tuple[str | Output, ...], int]:
    """Tell where pods reach the monolith: beyond the cluster's edge where it is on this very machine."""
    if facts is None:
        return (), 0
    return ((OUTSIDE,) if facts.loopback else facts.addresses), facts.port


def desired(wish: EdgeWish, facts: MonolithFacts | None, issuer: IssuerFacts | None = None) -> list[Desired]:
    """List every object of the edge; those of the login once the `issuer` is known."""
    first = (*NAMESPACE, *CONTROLLER, *ANSWERS)
    proxied = (*first, "images/envoy/build", "cluster/create")
    policies = ("client-policy", "plain-policy", "security-policy", "backend-policy")
    front = tuple(f"{ROOM}/{part}" for part in ("proxy", "class", "certificate/issue", *policies))
    spec = wish.spec
    closed = security_policy(wish.system, wish.closed, spec.inside)
    found = [
        Desired(f"{ROOM}/class", gateway_class(wish.system), first),
        Desired(f"{ROOM}/proxy", proxy(wish.system, spec, wish.balancer), proxied),
        Desired(f"{ROOM}/client-policy", client_policy(wish.system, spec), first),
        Desired(f"{ROOM}/plain-policy", plain_policy(wish.system, spec), first),
        *([Desired(f"{ROOM}/security-policy", closed, first)] if wish.closed else []),
        Desired(f"{ROOM}/backend-policy", backend_policy(wish.system, spec), first),
        Desired(f"{ROOM}/gateway", gateway(wish.system), (*front, *first)),
        Desired(f"{ROOM}/redirect", redirect(wish.system, wish.hosts, wish.https), first),
    ]
    if wish.manager:
        asked = (f"{ROOM}/certificate/issue", *ANSWERS, *NAMESPACE, *NO_OTHER)
        found.append(
            Desired(f"{ROOM}/certificate/ask", certificate(wish.system, wish.hosts, wish.manager), asked)
        )
    if wish.monolith is None:
        return found
    found += _monolith(wish, wish.monolith, facts)
    return [*found, *_login(wish, wish.login, wish.monolith, issuer)] if wish.login and issuer else found


def _monolith(wish: EdgeWish, spec: MonolithSpec, facts: MonolithFacts | None) -> list[Desired]:
    """List the monolith's objects, and the route by which the gateway knows it."""
    at, first = f"{ROOM}/monolith", (*NAMESPACE, *CONTROLLER, *ANSWERS)
    addresses, port = monolith_addresses(facts)
    slice_ = monolith.endpoints(wish.system, addresses, port)
    reached = (*first, f"{at}/service", f"{at}/endpoints", f"{at}/authority")
    made = monolith.outside(wish.system, spec, addresses) if spec.outside else []
    there = [Desired(f"{at}/{item['kind'].lower()}", item, reached) for item in made]
    also = (LOGIN,) if wish.login else ()
    waits = (*reached, *(item.id for item in there), f"{ROOM}/login/route")
    route = monolith.default_route(wish.system, wish.hosts, spec, crossed=not wish.default_route)
    return [
        Desired(f"{at}/service", monolith.service(wish.system), NAMESPACE),
        Desired(f"{at}/endpoints", slice_, (*NAMESPACE, *ANSWERS, f"{at}/admit")),
        *there,
        Desired(f"{at}/health", monolith.health_policy(wish.system, wish.domain, spec, *also), first),
        Desired(f"{at}/stand-in", monolith.stand_in(wish.system, EDGE), first),
        Desired(f"{ROOM}/default-route", route, waits),
    ]


def _login(wish: EdgeWish, asked: LoginWish, old: MonolithSpec, issuer: IssuerFacts) -> list[Desired]:
    """List what has visitors log in: all of it before the route that it stands before."""
    at, first = f"{ROOM}/login", (*NAMESPACE, *CONTROLLER, *ANSWERS)
    made = login.backend(wish.system, issuer, OUTSIDE) if login.own_backend(issuer) else []
    ways = [Desired(f"{at}/{item['kind'].lower()}", item, (*first, f"{at}/authority")) for item in made]
    before = (*first, f"{at}/secret", f"{at}/admit", *(each.id for each in ways))
    policy = login.policy(wish.system, asked, issuer, wish.closed, wish.spec.inside)
    route = login.route(wish.system, wish.hosts, asked, monolith.rule(old))
    return [
        *ways,
        Desired(f"{at}/policy", policy, before),
        Desired(f"{at}/route", route, (*first, *REACHED, f"{at}/policy")),
    ]


def issuer_of(wish: EdgeWish, seen: Snapshot) -> IssuerFacts | None:
    """Give what is known of who signs visitors on: by itself, or by what it said before."""
    if wish.login is None or (seen.issuer and not seen.issuer.why):
        return seen.issuer if wish.login else None
    private = seen.live.get("v1", "Secret", login.AUTHORITY_SECRET, wish.system) is not None
    known = login.remembered(_policy(wish.system, seen.live), private=private)
    return known if known and known.issuer == wish.login.issuer else None


def _policy(system: str, live: Live) -> Manifest | None:
    return live.get(ENVOY_API, "SecurityPolicy", LOGIN, system)


def _gate(wish: EdgeWish, seen: Snapshot, issuer: IssuerFacts | None) -> list[Any]:
    """Decide what must be done for the login beside its objects."""
    at, system = f"{ROOM}/login", wish.system
    if wish.login is None:
        return []
    if issuer is None:
        return [RefuseLogin(wish.login.issuer, seen.issuer.why if seen.issuer else "it was not asked")]
    steps = _trusted(f"{at}/authority", login.authority(system, issuer.authority), "login.ca", seen.live)
    if Ref.of(login.secret(system)) not in seen.live.objects:
        made = login.secret(system)
        steps.append(BringSecret(f"{at}/secret", NAMESPACE, made, login.KEY, wish.login.given))
    monolith_port = (seen.monolith.port,) if seen.monolith and seen.monolith.loopback else ()
    admitted = seen.cluster.admitted if seen.cluster else ()
    if (port := login.door(issuer)) and port not in (*admitted, *monolith_port):
        after = ("cluster/create", *ANSWERS, f"{ROOM}/monolith/admit")
        others = tuple(dict.fromkeys((*admitted, *monolith_port)))
        steps.append(AdmitMonolith(wish.cluster, port, others, after, f"{at}/admit"))
    return steps


def _trusted(step: str, secret: Manifest, why: str, live: Live) -> list[Any]:
    """Decide whether the gateway must be handed who vouches for a server, if the file names anybody."""
    if not secret["stringData"]["ca.crt"]:
        return []
    wanted = stamp(secret)["metadata"]["annotations"][DESIRED]
    found = live.objects.get(Ref.of(secret))
    if found and (found["metadata"].get("annotations") or {}).get(DESIRED) == wanted:
        return []
    return [Trust(step, secret, why, Verb.UPDATE if found else Verb.CREATE, NAMESPACE)]


def refuse_another_end(wish: EdgeWish, live: Live) -> None:
    """See that TLS ends where it did. Raises Refused.

    What makes load balancers for EKS adds the new listener of a port before it takes the old one away, which
    AWS refuses: visitors would see the old certificate for good (cloud-provider-aws, aws_loadbalancer.go).
    """
    found = live.get(ENVOY_API, "EnvoyProxy", EDGE, wish.system)
    if not (found and wish.balancer):
        return
    told = found["spec"]["provider"]["kubernetes"]["envoyService"].get("annotations", {})
    if (SHOWN in told) != (SHOWN in wish.balancer):
        ends = "the load balancer" if SHOWN in told else "the gateway"
        raise Refused(
            f"TLS ends at {ends}, and cannot move while that serves",
            why="a load balancer of EKS does not change how it listens at a port",
            remedy="leave https: as it was; or add an environment beside this one, with the new https: and a "
            "cluster: of its own: seaway up --on it, bring the data there, seaway domain move --on it, and "
            "then seaway down --on this one; until that the way back is seaway domain move --on this one",
        )


def plan(wish: EdgeWish, seen: Snapshot, known: Mapping[str, str]) -> list[Any]:
    """Decide what must change at the edge; pure. Raises Refused where TLS would have to end elsewhere."""
    refuse_another_end(wish, seen.live)
    steps: list[Any] = []
    facts, live = seen.monolith, seen.live
    if wish.monolith and not (facts and facts.answers):
        steps.append(CheckMonolith(wish.monolith))
    admitted = seen.cluster.admitted if seen.cluster else ()
    if facts and facts.loopback and facts.port not in admitted:
        steps.append(AdmitMonolith(wish.cluster, facts.port, admitted, ("cluster/create", *ANSWERS)))
    steps += controller.plan(wish.system, seen.chart, live, seen.record, known)
    pem = monolith.authority(wish.system, facts.authority if facts else "")
    steps += [*_certificate(wish, seen), *_trusted(f"{ROOM}/monolith/authority", pem, "monolith.ca", live)]
    issuer = issuer_of(wish, seen)
    steps += _gate(wish, seen, issuer)
    objects = desired(wish, facts, issuer)
    changed = changes(objects, live, known)
    steps += changed
    if wish.manager and f"{ROOM}/certificate/ask" in {step.id for step in changed}:
        steps.append(CheckIssuer(wish.system, wish.manager, ("cluster/create",)))
    steps += _taken_up(wish, live, {step.id for step in changed})
    steps += _front(wish, seen, touched={step.id for step in changed})
    gone = orphans(ROOM, objects, live.of_component(ROOM))
    return [*steps, *(_leaving(step) for step in gone)]


def _leaving(step: RemoveObject) -> RemoveObject:
    """Have visitors leave a route before it goes."""
    route = step.ref.kind == "HTTPRoute"
    return RemoveRoute(step.id, step.after, step.ref, step.seconds) if route else step


def _taken_up(wish: EdgeWish, live: Live, touched: set[str]) -> list[AwaitLogin]:
    """Decide whether to wait for the gateway to take the login up."""
    at, found = f"{ROOM}/login", _policy(wish.system, live)
    if wish.login is None or not (f"{at}/policy" in touched or (found and not accepted(found))):
        return []
    ref = Ref(ENVOY_API, "SecurityPolicy", LOGIN, wish.system)
    return [AwaitLogin(ref, (f"{at}/policy", f"{at}/route", f"{at}/secret", f"{ROOM}/gateway"))]


def _certificate(wish: EdgeWish, seen: Snapshot) -> list[IssueCertificate]:
    found = certificate_of(seen.live.get("v1", "Secret", TLS_SECRET, wish.system))
    why = _lack(wish, seen, found)
    if not why:
        return []
    why = f"{why}; a stand-in until {wish.signer} signs" if wish.signer else why
    verb = Verb.UPDATE if found else Verb.CREATE
    return [IssueCertificate(wish.system, wish.hosts, why, verb, (*NAMESPACE, CheckIssuer.id, *NO_OTHER))]


def _lack(wish: EdgeWish, seen: Snapshot, found: CertificateFacts | None) -> str:
    """Say why the local authority must sign now; where another does, it only sees that there is one."""
    if found is None:
        return "there is none yet"
    # What the other signed for fewer names is better than a stand-in for all of them.
    kept = found.issuer == wish.signer and wish.domain in found.names
    if set(found.names) != set(wish.hosts) and not kept:
        return f"it was for {', '.join(found.names)}"
    if seen.mistrust:
        return seen.mistrust
    if not wish.signer and seen.authority and found.issuer != seen.authority:
        return "it is signed anew" if wish.balancer is not None else "another authority signs now"
    ours = not wish.signer or found.issuer == seen.authority
    return f"it ends on {found.until:%Y-%m-%d}" if ours and found.until - seen.now < seen.renewal else ""


def _front(wish: EdgeWish, seen: Snapshot, touched: set[str]) -> list[Any]:
    steps: list[Any] = []
    address = address_of(seen.live.get(GATEWAY_API, "Gateway", EDGE, wish.system))
    if not address or touched & {f"{ROOM}/gateway", f"{ROOM}/proxy"}:
        patience = PATIENCE if wish.balancer is None else BALANCER
        first = (f"{ROOM}/gateway", f"{ROOM}/proxy")
        steps.append(AwaitGateway(wish.system, first, seconds=patience))
    if wish.balancer is not None:
        return steps
    wanted = {wish.https: (address, HTTPS_PORT), wish.http: (address, 80)}
    published = dict(seen.cluster.published) if seen.cluster else {}
    udp = (wish.https,) if wish.spec.http3 else ()
    carried = seen.cluster.udp if seen.cluster else ()
    if fresh := tuple(sorted(wanted.keys() - published)):
        steps.append(CheckPorts(wish.cluster, fresh))
    if not address or wanted != published or udp != carried:
        after = (f"{ROOM}/gateway/await", f"{ROOM}/default-route", f"{ROOM}/redirect", *wish.routes)
        after = (*after, f"{ROOM}/login/await")
        steps.append(Publish(wish.cluster, {wish.https: HTTPS_PORT, wish.http: 80}, address, after, udp))
    return steps
