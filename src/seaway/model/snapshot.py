"""What was seen: the world as it is before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from seaway.kit.kube import Ref
from seaway.model.cluster import ClusterFacts
from seaway.model.manifests import COMPONENT, Manifest
from seaway.model.plan import Change
from seaway.model.secret import Secret


@dataclass(frozen=True)
class Live:
    """Objects in the cluster that carry the system's mark, by reference. Secrets are metadata only."""

    objects: Mapping[Ref, Manifest] = field(default_factory=dict)

    @classmethod
    def of(cls, manifests: list[Manifest]) -> Live:
        return cls({Ref.of(m): m for m in manifests})

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Manifest | None:
        return self.objects.get(Ref(api_version, kind, name, namespace))

    def of_component(self, component: str) -> dict[Ref, Manifest]:
        return {r: m for r, m in self.objects.items() if m["metadata"]["labels"].get(COMPONENT) == component}

    def of_kind(self, kind: str) -> list[Manifest]:
        return [m for r, m in self.objects.items() if r.kind == kind]


@dataclass(frozen=True)
class MonolithFacts:
    """The old system as it is seen from here: where it is, and whether it answers (`why` not).

    `authority` is the certificate (PEM) that vouches for it, where the file names one.
    """

    host: str
    port: int
    loopback: bool
    addresses: tuple[str, ...]
    answers: bool
    why: str = ""
    authority: str = ""


@dataclass(frozen=True)
class CertificateFacts:
    """The certificate that the edge shows."""

    names: tuple[str, ...]
    until: datetime
    issuer: str


@dataclass(frozen=True)
class IssuerFacts:
    """Who signs visitors on, as it says itself: where they log in, get their tokens, and log out.

    `why` says why it says nothing. One that is `private` is vouched for by an authority of the file, whose
    certificate (PEM) is `authority`.
    """

    issuer: str
    authorize: str = ""
    token: str = ""
    leave: str = ""
    why: str = ""
    private: bool = False
    authority: str = ""


@dataclass(frozen=True)
class NameFacts:
    """Where resolvers lead visitors of the public name: gateway, both, old server, nowhere or unknown."""

    name: str
    leads: str
    why: str = ""

    @property
    def unmoved(self) -> bool:
        """Whether no visitor comes to the gateway by it yet, as far as that is known."""
        return self.leads in {"old server", "nowhere"}

    @property
    def arrived(self) -> bool:
        """Whether visitors are known to come to the gateway by it."""
        return self.leads in {"gateway", "both"}


@dataclass(frozen=True)
class RecordFacts:
    """What the zone itself has of a public name: whose it is, and the gateway's share in percent of who asks.

    It `returns` where it leads to the gateway and we know where it led before; it `strayed` where we led it
    there and it does not lead there any more, by somebody else's hand or since the gateway is elsewhere.
    `place` is where the zone is kept, and `why` says why it cannot be read.
    """

    name: str
    place: str = ""
    records: tuple[str, ...] = ()
    owner: str = ""
    ours: bool = False
    share: int = 0
    returns: bool = False
    strayed: bool = False
    why: str = ""

    @property
    def leads(self) -> str:
        """Say for people where it leads."""
        return self.why or "; ".join(self.records) or "nowhere"

    def drift(self) -> list[str]:
        """Say what of it is not as it was made; nothing where that is all well, or not known."""
        if not self.strayed:
            return []
        told = f"{self.name} was led to a gateway, and does not lead to this one ({self.leads})"
        return [f"{told}: seaway domain move leads it here"]

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "records": list(self.records)}


@dataclass(frozen=True)
class Snapshot:
    """One look at an environment.

    `images` holds what the registry has, as outputs (`images/NAME` → reference by digest); a name that is not
    in it must be built first. `pods` are those that were asked for. `chart` names the gateway's chart, and
    `record` is what its last installation left. `authority` identifies who signs certificates now, and
    `registry` is where the environment's images come from. Certificates are issued anew `renewal` before they
    end. `ground` is what must change in the cloud below the cluster, `adopted` says what was there before,
    `certificate` is the one that its load balancer shows, as the cloud knows it. `mistrust` says why the
    Secret that holds the edge's certificate is of no use, whatever its annotations say. `voucher` is the
    certificate (PEM) of who vouches for a private ACME server, where the file names one. `name` is the public
    name, where the file says how it moves, and `issuer` who signs visitors on, where the file names one.
    `zone_key` changes the zone, where the pilot needs that key and has another one, or none. `metrics` names
    who serves custom metrics beside Seaway, where that matters. `records` are what the zone has of the public
    names, where the file knows it.
    """

    environment: str
    now: datetime
    cluster: ClusterFacts | None = None
    live: Live = field(default_factory=Live)
    images: Mapping[str, str] = field(default_factory=dict)
    monolith: MonolithFacts | None = None
    pods: tuple[Manifest, ...] = ()
    chart: str = ""
    record: Manifest | None = None
    authority: str = ""
    registry: str = ""
    mistrust: str = ""
    voucher: str = ""
    name: NameFacts | None = None
    issuer: IssuerFacts | None = None
    renewal: timedelta = timedelta(days=30)
    ground: tuple[Change, ...] = ()
    adopted: tuple[str, ...] = ()
    certificate: str = ""
    zone_key: Secret | None = None
    metrics: str = ""
    records: tuple[RecordFacts, ...] = ()

    @property
    def running(self) -> bool:
        return self.cluster is not None and self.cluster.state == "running"
