"""What the edge shows to visitors, when that ends, and what is wrong with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from seaway.flow.status import edge_urls
from seaway.kit import moments
from seaway.kit.kube import Manifest
from seaway.model.certificate import Certificate, kept, mistrust
from seaway.model.names import covers
from seaway.rooms.acme.facts import AcmeFacts, good
from seaway.rooms.acme.life import Ask, Failure, Wait, renewal, turn
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.edge.certificates import EdgeFacts
from seaway.rooms.edge.certmanager import Managed
from seaway.rooms.edge.plan import RENEW


@dataclass(frozen=True)
class AcmeStatus:
    """How it stands with an ACME server: what is done `next` and why, and the last failure, if there is one.

    `signed` tells whether the certificate before the gateway is of this server and for all that is wished;
    one for the domain, but not for all, `stays` until then.
    """

    directory: str
    signed: bool
    does: str
    next: datetime
    failures: int
    last: Failure | None
    stays: bool = False

    def as_json(self) -> dict[str, Any]:
        last = self.last
        return {
            "directory": self.directory,
            "signed": self.signed,
            "stays": self.stays,
            "does": self.does,
            "next": moments.written(self.next),
            "failures": self.failures,
            "last_failure": last.why if last else "",
            "last_failure_at": moments.written(last.at) if last else "",
        }


@dataclass(frozen=True)
class EdgeStatus:
    """The edge of one environment; `failure` says why the certificate is of no use, or is not shown.

    `urls` are where visitors reach it, by the domain first.

    `renewal` is the moment from which `up` renews it, and none for one from files; it is `due` 30 days before
    its end. A certificate of an ACME server is renewed by the pilot, that of ACM by AWS, and neither is ever
    due for `up`; `acme` tells how far that has come. So it is with cert-manager and what it has `managed`.
    """

    urls: tuple[str, ...]
    certificate: Certificate | None
    days: int
    renewal: datetime | None
    failure: str
    due: bool
    acme: AcmeStatus | None = None
    managed: Managed | None = None

    def as_json(self) -> dict[str, Any]:
        found = self.certificate
        return {
            "url": self.urls[0],
            "urls": list(self.urls),
            "names": list(found.names) if found else [],
            "issuer": found.issuer if found else "",
            "until": moments.written(found.until) if found else "",
            "days": self.days,
            "renewal": moments.written(self.renewal) if self.renewal else "",
            "due": self.due,
            "failure": self.failure,
            "acme": self.acme.as_json() if self.acme else None,
            "cert_manager": _told(self.managed) if self.managed else None,
        }


def edge_of(
    environment: EnvironmentSpec,
    seen: EdgeFacts,
    acme: AcmeFacts | None,
    now: datetime,
    managed: Managed | None = None,
) -> EdgeStatus:
    """Bring together what was seen; the certificate is the one that visitors are shown, if they are any."""
    lent = environment.https.issuer == "acm"
    found = seen.shown or (None if lent else _kept(seen.secret))
    held = good(seen.secret, acme.wish, now) if acme else None
    stays = good(seen.secret, acme.wish.least, now) if acme else None
    renewed = found.until - RENEW if found and environment.here else None
    if acme:
        renewed = renewal(held, acme.life.window) if held else None
    if managed:
        renewed = managed.renewal
    return EdgeStatus(
        urls=edge_urls(environment),
        certificate=found,
        days=max(0, (found.until - now) // timedelta(days=1)) if found else 0,
        renewal=renewed,
        failure=_failure(seen, environment, now),
        due=bool(found and not (lent or stays or managed) and found.until - now < RENEW),
        acme=_acme(acme, held, stays, now) if acme else None,
        managed=managed,
    )


def _told(managed: Managed) -> dict[str, Any]:
    return {
        "issuer": str(managed.issuer),
        "ready": managed.ready,
        "says": managed.why,
        "failures": managed.failures,
    }


def _acme(seen: AcmeFacts, held: Certificate | None, stays: Certificate | None, now: datetime) -> AcmeStatus:
    does = turn(seen.life, seen.wish, held, now)
    if isinstance(does, Wait):
        what, at = does.why, does.until
    else:
        what, at = "is asked when to renew" if isinstance(does, Ask) else f"is asked to sign: {does.why}", now
    life, kept_on = seen.life, held is None and stays is not None
    return AcmeStatus(seen.wish.directory, held is not None, what, at, life.failures, life.last, kept_on)


def _kept(secret: Manifest | None) -> Certificate | None:
    try:
        return kept(secret) if secret else None
    except ValueError:
        return None


def _failure(seen: EdgeFacts, environment: EnvironmentSpec, now: datetime) -> str:
    names = environment.hosts
    if seen.secret is None:
        return "there is no certificate yet"
    if wrong := mistrust(seen.secret, *names):
        no_use = mistrust(seen.secret, names[0])
        return f"the Secret of the certificate is of no use: {no_use}" if no_use else wrong
    if seen.shown is None:
        return "; ".join(filter(None, (f"the gateway shows none: {seen.silence}", _complaints(seen.gateway))))
    if seen.shown.until < now:
        return f"it ended on {seen.shown.until:%Y-%m-%d}"
    return _another(environment, kept(seen.secret), seen.shown, seen.gateway)


def _another(
    environment: EnvironmentSpec, own: Certificate, shown: Certificate, gateway: Manifest | None
) -> str:
    """Say what is wrong with the one that is shown: the gateway's own, or that of a load balancer."""
    if environment.https.issuer == "acm":
        lacking = ", ".join(name for name in environment.hosts if not covers(shown.names, name))
        return f"the load balancer shows one that is not for {lacking}" if lacking else ""
    if shown.serial != own.serial:
        return "; ".join(filter(None, ("the gateway shows another one than it has", _complaints(gateway))))
    return ""


def _complaints(gateway: Manifest | None) -> str:
    """Give what Envoy Gateway says against the listeners (Gateway API: ListenerStatus)."""
    listeners = (gateway or {}).get("status", {}).get("listeners", [])
    said = (c for each in listeners for c in each.get("conditions", []) if c["status"] == "False")
    return "; ".join(dict.fromkeys(c.get("message", "") for c in said if c["type"] != "Conflicted"))
