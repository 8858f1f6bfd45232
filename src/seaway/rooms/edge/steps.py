"""What the edge does that is more than applying one object."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from seaway.errors import Unready
from seaway.kit.kube import Ref
from seaway.model.certificate import AUTHORITY, DOMAIN, UNTIL
from seaway.model.event import Event, Outcome
from seaway.model.gateway import EDGE, GATEWAY_API, NEVER, TLS_SECRET
from seaway.model.manifests import Manifest, labels, stamp
from seaway.model.plan import Change, Outputs, Verb
from seaway.ports.world import World
from seaway.rooms.edge.certmanager import API as CERT_MANAGER
from seaway.rooms.edge.certmanager import CERTIFICATE, GROUP, IssuerRef
from seaway.rooms.edge.facts import accepted, address_of, look_at_monolith, verdicts
from seaway.rooms.edge.manifests import ROOM
from seaway.rooms.edge.spec import MonolithSpec
from seaway.steps.objects import RemoveObject
from seaway.steps.rollout import AwaitRollout


@dataclass(frozen=True)
class CheckMonolith:
    """See that the monolith answers before anything is exposed that leads to it.

    Raises Unready where it does not.
    """

    spec: MonolithSpec
    id: str = f"{ROOM}/monolith/answers"
    after: tuple[str, ...] = ()
    seconds: float = 10.0

    def describe(self) -> Change:
        return Change(self.id, Verb.WAIT, f"monolith {self.spec.address}", ("until it answers",))

    def run(self, world: World) -> Outputs:
        ends = time.monotonic() + self.seconds
        while True:
            facts = look_at_monolith(self.spec)
            if facts.answers:
                return {}
            if time.monotonic() > ends:
                raise Unready(
                    "the monolith does not answer; nothing was exposed",
                    where=self.spec.address,
                    why=facts.why,
                    remedy="start it, or mend monolith.address or monolith.health, and run seaway up again",
                )
            world.report(Event(self.id, Outcome.PROGRESS, f"waiting for {self.spec.address}"))
            world.pause(0.5)


@dataclass(frozen=True)
class CheckPorts:
    """See that the ports on which the edge shall answer are free, before anything is made for them.

    Raises Busy where a program listens on one, Refused where one leads to another cluster.
    """

    cluster: str
    ports: tuple[int, ...]
    after: tuple[str, ...] = ()
    id: str = f"{ROOM}/ports/free"

    def describe(self) -> Change:
        told = ", ".join(f"127.0.0.1:{port}" for port in self.ports)
        return Change(self.id, Verb.WAIT, f"ports {told}", ("they must be free",))

    def run(self, world: World) -> Outputs:
        world.clusters.check_ports(self.cluster, self.ports)
        return {}


@dataclass(frozen=True)
class AdmitMonolith:
    """Let pods reach the monolith's port on this machine's loopback, beside those that they reach already.

    An earlier address is in use until the endpoints have changed, and another system may use its own.
    """

    cluster: str
    port: int
    others: tuple[int, ...] = ()
    after: tuple[str, ...] = ()
    id: str = f"{ROOM}/monolith/admit"

    def describe(self) -> Change:
        return Change(
            self.id, Verb.UPDATE, f"cluster {self.cluster}", (f"pods may reach 127.0.0.1:{self.port}",)
        )

    def run(self, world: World) -> Outputs:
        world.clusters.admit(self.cluster, (*self.others, self.port), world.report)
        return {}


@dataclass(frozen=True)
class Trust:
    """Hand the gateway the certificate that vouches for a server; `why` is its name in the file."""

    id: str
    manifest: Manifest = field(hash=False)
    why: str
    verb: Verb
    after: tuple[str, ...] = ()

    def describe(self) -> Change:
        return Change(self.id, self.verb, str(Ref.of(self.manifest)), (self.why,))

    def run(self, world: World) -> Outputs:
        world.kube.apply(stamp(self.manifest))
        return {}


@dataclass(frozen=True)
class RefuseLogin:
    """Expose nothing that visitors must log in for while the issuer does not say where. Raises Unready."""

    issuer: str
    why: str
    id: str = f"{ROOM}/login/answers"
    after: tuple[str, ...] = ()

    def describe(self) -> Change:
        return Change(self.id, Verb.WAIT, f"issuer {self.issuer}", (f"it must answer first: {self.why}",))

    def run(self, world: World) -> Outputs:  # noqa: ARG002  (it was asked before the plan)
        raise Unready(
            "the issuer does not say where visitors log in; nothing was exposed",
            where=self.issuer,
            why=self.why,
            remedy="see to it, or mend environments.NAME.login, and run seaway up again",
        )


@dataclass(frozen=True)
class CheckIssuer:
    """See that cert-manager is there and its issuer ready, before it is asked. Raises Unready where not."""

    system: str
    issuer: IssuerRef
    after: tuple[str, ...] = ()
    id: str = f"{ROOM}/issuer/ready"
    seconds: float = 10.0

    def describe(self) -> Change:
        return Change(self.id, Verb.WAIT, str(self.issuer), ("it must be ready",))

    def run(self, world: World) -> Outputs:
        ends = time.monotonic() + self.seconds
        while wrong := self._wrong(world):
            if time.monotonic() > ends or not world.kube.serves(CERT_MANAGER, CERTIFICATE):
                raise Unready(
                    "cert-manager cannot be asked for the certificate; nothing was exposed",
                    where=str(self.issuer),
                    why=wrong,
                    remedy="see to it, or mend environments.NAME.https, and run seaway up again",
                )
            world.pause(0.5)
        return {}

    def _wrong(self, world: World) -> str:
        if not world.kube.serves(CERT_MANAGER, CERTIFICATE):
            return f"the cluster does not know {CERTIFICATE} ({CERT_MANAGER}): cert-manager is not there"
        if self.issuer.group != GROUP:
            return ""  # another's kind: how it is stands in the Certificate
        found = world.kube.get(Ref(CERT_MANAGER, self.issuer.kind, self.issuer.name, self.system))
        if found is None:
            return "there is none of this name"
        said = (found.get("status") or {}).get("conditions") or []
        ready: Manifest = next((each for each in said if each["type"] == "Ready"), {})
        return "" if ready.get("status") == "True" else ready.get("message") or "it is not ready"


@dataclass(frozen=True)
class AwaitLogin:
    """Wait until Envoy Gateway has taken the policy up; where it cannot, it answers 500 on these paths."""

    ref: Ref
    after: tuple[str, ...] = ()
    id: str = f"{ROOM}/login/await"
    seconds: float = 30.0

    def describe(self) -> Change:
        return Change(self.id, Verb.WAIT, str(self.ref), ("until the gateway has taken it up",))

    def run(self, world: World) -> Outputs:
        ends = time.monotonic() + self.seconds
        while not accepted(found := world.kube.get(self.ref)):
            if time.monotonic() > ends:
                said = [c.get("message", "") for c in verdicts(found) if c["status"] != "True"]
                raise Unready(
                    "the gateway does not take up that visitors log in; it refuses these paths",
                    where=str(self.ref),
                    why="; ".join(dict.fromkeys(said)) or "it says nothing of it",
                    remedy="mend environments.NAME.login, or give its secret anew, and run seaway up again",
                )
            world.pause(0.2)
        return {}


@dataclass(frozen=True)
class RemoveRoute(RemoveObject):
    """Have a route take no more requests, and delete it once the gateway has taken that up.

    Deleted at once, its clusters and its routes go in one step, and Envoy may hear of the clusters first: a
    request in between is answered with 503. A gateway that says nothing is waited for as long as `heard`.
    """

    heard: float = 10.0

    def run(self, world: World) -> Outputs:
        ends, found = time.monotonic() + self.heard, world.kube.get(self.ref)
        if found is not None:
            rules = [{**rule, "matches": [{"headers": [NEVER]}]} for rule in found["spec"]["rules"]]
            found = world.kube.patch(self.ref, {"spec": {"rules": rules}})
        while found is not None and not accepted(found) and time.monotonic() < ends:
            world.pause(0.1)
            found = world.kube.get(self.ref)
        return super().run(world)


@dataclass(frozen=True)
class IssueCertificate:
    """Sign a certificate and hand it to the gateway, which takes it up without closing a connection."""

    system: str
    names: tuple[str, ...]
    why: str
    verb: Verb
    after: tuple[str, ...] = ()
    id: str = f"{ROOM}/certificate/issue"

    def describe(self) -> Change:
        return Change(self.id, self.verb, f"certificate {' '.join(self.names)}", (self.why,))

    def run(self, world: World) -> Outputs:
        issued = world.certificates.issue(*self.names)
        notes = {
            DOMAIN: " ".join(self.names),
            UNTIL: issued.until.isoformat(),
            AUTHORITY: world.certificates.authority,
        }
        world.kube.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "kubernetes.io/tls",
                "metadata": {
                    "name": TLS_SECRET,
                    "namespace": self.system,
                    "labels": labels(self.system, ROOM, TLS_SECRET),
                    "annotations": notes,
                },
                "stringData": {"tls.crt": issued.chain, "tls.key": issued.key.reveal()},
            }
        )
        return {}


@dataclass(frozen=True)
class AwaitGateway:
    """Wait until the gateway has an address and its proxies run as asked; gives `edge/address`."""

    system: str
    after: tuple[str, ...] = ()
    id: str = f"{ROOM}/gateway/await"
    seconds: float = 180.0

    def describe(self) -> Change:
        return Change(self.id, Verb.WAIT, f"Gateway {self.system}/{EDGE}", ("until it takes traffic",))

    def run(self, world: World) -> Outputs:
        ends = time.monotonic() + self.seconds
        self._await_proxies(world, ends)
        while not (address := address_of(gateway := self._gateway(world))):
            if time.monotonic() > ends:
                raise Unready(
                    f"the gateway did not become ready within {self.seconds:.0f} s",
                    where=f"Gateway {self.system}/{EDGE}",
                    why=_complaints(gateway),
                    remedy="kubectl logs -n envoy-gateway-system deploy/envoy-gateway tells more",
                )
            world.pause(0.2)
        return {"edge/address": address}

    def _await_proxies(self, world: World, ends: float) -> None:
        """Find the Deployment that Envoy Gateway made for this gateway, and see it rolled out."""
        owner = "gateway.envoyproxy.io/owning-gateway"
        wanted = f"{owner}-name={EDGE},{owner}-namespace={self.system}"
        while True:
            found = world.kube.list("apps/v1", "Deployment", labels=wanted)
            if found:
                rollout = AwaitRollout(self.id, (), Ref.of(found[0]), max(1.0, ends - time.monotonic()))
                rollout.run(world)
                return
            if time.monotonic() > ends:
                return
            world.pause(0.2)

    def _gateway(self, world: World) -> Manifest | None:
        return world.kube.get(Ref(GATEWAY_API, "Gateway", EDGE, self.system))


@dataclass(frozen=True)
class Publish:
    """Let this machine's loopback ports lead to the gateway, those of `udp` for datagrams too."""

    cluster: str
    ports: Mapping[int, int] = field(hash=False)
    address: str = ""
    after: tuple[str, ...] = ()
    udp: tuple[int, ...] = ()
    id: str = f"{ROOM}/gateway/publish"

    def describe(self) -> Change:
        told = ", ".join(f"127.0.0.1:{here}{'/udp too' * (here in self.udp)}" for here in sorted(self.ports))
        return Change(self.id, Verb.UPDATE, f"cluster {self.cluster}", (f"the edge answers at {told}",))

    def run(self, world: World) -> Outputs:
        address = world.outputs.get("edge/address") or self.address
        ports = {here: (address, there) for here, there in self.ports.items()}
        world.clusters.publish(self.cluster, ports, world.report, self.udp)
        return {}


def _complaints(gateway: Manifest | None) -> str:
    if gateway is None:
        return "it does not exist"
    found = gateway.get("status", {}).get("conditions", [])
    return "; ".join(c.get("message", "") for c in found if c["status"] != "True") or "it has no address"
