"""A certificate that cert-manager keeps: what it is asked for, and how far that is (cert-manager.io/v1).

cert-manager writes it into the Secret that the gateway shows, in place of what is there, and renews it. The
notes of that Secret are its `secretTemplate`: they are true of what it wrote, also where it makes it anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from seaway.kit.kube import Kube, Ref
from seaway.model.certificate import AUTHORITY, DOMAIN
from seaway.model.gateway import EDGE, TLS_SECRET
from seaway.model.manifests import Manifest, labels
from seaway.rooms.edge.manifests import ROOM

GROUP: Final = "cert-manager.io"
API: Final = f"{GROUP}/v1"
CERTIFICATE: Final = "Certificate"
#: How what it signed is told by the annotation of the Secret; kind and name of the issuer follow.
MANAGER: Final = "cert-manager:"


@dataclass(frozen=True)
class IssuerRef:
    """Which of cert-manager's issuers signs (its API: IssuerReference)."""

    name: str
    kind: str
    group: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of cert-manager"

    @property
    def authority(self) -> str:
        """Name who signs, as the Secret's annotation says it."""
        return f"{MANAGER}{self.kind}/{self.name}"


def certificate_ref(system: str) -> Ref:
    return Ref(API, CERTIFICATE, EDGE, system)


def certificate(system: str, names: Sequence[str], issuer: IssuerRef) -> Manifest:
    """Ask for a certificate for the names, with a new key each time, in the Secret that the gateway shows."""
    kept = {
        "labels": labels(system, ROOM, TLS_SECRET),
        "annotations": {DOMAIN: " ".join(names), AUTHORITY: issuer.authority},
    }
    return {
        "apiVersion": API,
        "kind": CERTIFICATE,
        "metadata": {"name": EDGE, "namespace": system, "labels": labels(system, ROOM, EDGE)},
        "spec": {
            "secretName": TLS_SECRET,
            "secretTemplate": kept,
            "dnsNames": list(names),
            "issuerRef": {"name": issuer.name, "kind": issuer.kind, "group": issuer.group},
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        },
    }


@dataclass(frozen=True)
class Managed:
    """How far cert-manager is: whether visitors could be shown what it keeps, and what it says of it."""

    issuer: IssuerRef
    ready: bool
    why: str
    renewal: datetime | None
    failures: int


def look_at_managed(kube: Kube, system: str) -> Managed | None:
    """Look at the Certificate; None where there is none. Raises SeawayError where nobody answers."""
    found = kube.get(certificate_ref(system))
    return managed_of(found) if found else None


def managed_of(found: Mapping[str, Any]) -> Managed:
    """Read a Certificate (cert-manager's API: CertificateStatus)."""
    asked, status = found["spec"]["issuerRef"], found.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    ready = conditions.get("Ready", {})
    # While it is asked for anew the reason of the last failure stands beside what it says of the present.
    said = [conditions.get(kind, {}).get("message", "") for kind in ("Issuing", "Ready")]
    renewal = status.get("renewalTime")
    return Managed(
        IssuerRef(asked["name"], asked.get("kind", "Issuer"), asked.get("group", GROUP)),
        ready.get("status") == "True",
        next(filter(None, said), "it says nothing of it"),
        datetime.fromisoformat(renewal) if renewal else None,
        int(status.get("failedIssuanceAttempts") or 0),
    )
