"""What the edge shows to visitors, when that ends, and what is wrong with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from seaway.flow.status import edge_url
from seaway.kit import moments
from seaway.kit.kube import Manifest
from seaway.model.certificate import Certificate, kept, mistrust
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.edge.certificates import EdgeFacts
from seaway.rooms.edge.plan import RENEW


@dataclass(frozen=True)
class EdgeStatus:
    """The edge of one environment; `failure` says why the certificate is of no use, or is not shown.

    `renewal` is the moment from which `up` renews it, which is `due` once that has come.
    """

    url: str
    certificate: Certificate | None
    days: int
    renewal: datetime | None
    failure: str
    due: bool

    def as_json(self) -> dict[str, Any]:
        found = self.certificate
        return {
            "url": self.url,
            "names": list(found.names) if found else [],
            "issuer": found.issuer if found else "",
            "until": moments.written(found.until) if found else "",
            "days": self.days,
            "renewal": moments.written(self.renewal) if self.renewal else "",
            "due": self.due,
            "failure": self.failure,
        }


def edge_of(environment: EnvironmentSpec, seen: EdgeFacts, now: datetime) -> EdgeStatus:
    """Bring together what was seen; the certificate is the one that visitors are shown, if they are any."""
    found = seen.shown or _kept(seen.secret)
    return EdgeStatus(
        url=edge_url(environment),
        certificate=found,
        days=max(0, (found.until - now) // timedelta(days=1)) if found else 0,
        renewal=found.until - RENEW if found else None,
        failure=_failure(seen, environment.domain, now),
        due=bool(found and found.until - now < RENEW),
    )


def _kept(secret: Manifest | None) -> Certificate | None:
    try:
        return kept(secret) if secret else None
    except ValueError:
        return None


def _failure(seen: EdgeFacts, domain: str, now: datetime) -> str:
    if seen.secret is None:
        return "there is no certificate yet"
    if wrong := mistrust(seen.secret, domain):
        return f"the Secret of the certificate is of no use: {wrong}"
    if seen.shown is None:
        return "; ".join(filter(None, (f"the gateway shows none: {seen.silence}", _complaints(seen.gateway))))
    if seen.shown.until < now:
        return f"it ended on {seen.shown.until:%Y-%m-%d}"
    if seen.shown.serial != kept(seen.secret).serial:
        return "; ".join(
            filter(None, ("the gateway shows another one than it has", _complaints(seen.gateway)))
        )
    return ""


def _complaints(gateway: Manifest | None) -> str:
    """Give what Envoy Gateway says against the listeners (Gateway API: ListenerStatus)."""
    listeners = (gateway or {}).get("status", {}).get("listeners", [])
    said = (c for each in listeners for c in each.get("conditions", []) if c["status"] == "False")
    return "; ".join(dict.fromkeys(c.get("message", "") for c in said if c["type"] != "Conflicted"))
