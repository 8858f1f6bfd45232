"""What can be seen of the edge: the monolith behind it, and the certificate it shows."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx

from seaway.model.certificate import AUTHORITY, DOMAIN, UNTIL
from seaway.model.snapshot import CertificateFacts, IssuerFacts, MonolithFacts
from seaway.rooms.edge.certmanager import MANAGER
from seaway.rooms.edge.spec import MonolithSpec

PATIENCE = 5.0
FOREVER = datetime.max.replace(tzinfo=UTC)


def look_at_monolith(spec: MonolithSpec) -> MonolithFacts:
    """Ask the monolith whether it answers, at one of its addresses at least; anything below 500 does."""
    try:
        addresses = sorted({found for host in spec.hosts for found in _resolve(host, spec.port)})
        authority = Path(spec.ca).read_text() if spec.ca else ""
        trusted = ssl.create_default_context(cadata=authority or None) if spec.tls else None
    except _UnresolvedError as error:
        local = spec.loopback
        return MonolithFacts(spec.hosts[0], spec.port, local, (), answers=False, why=str(error))
    except (OSError, ssl.SSLError) as error:
        why = f"monolith.ca: {spec.ca}: {getattr(error, 'strerror', '') or error}"
        return MonolithFacts(spec.hosts[0], spec.port, spec.loopback, (), answers=False, why=why)
    loopback = all(ipaddress.ip_address(a).is_loopback for a in addresses)
    complaints = [_complaint(spec, address, trusted) for address in spec.addresses]
    why = "" if "" in complaints else "; ".join(complaints)
    return MonolithFacts(
        spec.hosts[0], spec.port, loopback, tuple(addresses), answers=not why, why=why, authority=authority
    )


class _UnresolvedError(Exception):
    """A name that no resolver of this machine knows."""


def _resolve(host: str, port: int) -> set[str]:
    try:
        found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise _UnresolvedError(f"{host}: {error.strerror}") from error
    return {str(item[4][0]) for item in found}


def _complaint(spec: MonolithSpec, address: str, trusted: ssl.SSLContext | None) -> str:
    url = f"{address}{spec.health}"
    headers = {"Host": spec.host} if spec.host else {}
    extensions = {"sni_hostname": spec.server_name} if trusted else {}
    try:
        with httpx.Client(timeout=PATIENCE, trust_env=False, verify=trusted or True) as client:
            answer = client.get(url, headers=headers, extensions=extensions, follow_redirects=False)
    except (httpx.TransportError, ssl.SSLError) as error:
        return f"{url}: {str(error) or type(error).__name__}"
    return f"{url} answered {answer.status_code}" if answer.is_server_error else ""


def look_at_issuer(issuer: str, ca: str) -> IssuerFacts:
    """Ask an issuer for its endpoints (OpenID Connect Discovery 1.0, 4); `ca` is its authority's file."""
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        authority = Path(ca).read_text() if ca else ""
        trusted = ssl.create_default_context(cadata=authority or None)
        with httpx.Client(timeout=PATIENCE, trust_env=False, verify=trusted) as client:
            answer = client.get(url)
            found = answer.json() if answer.is_success else {}
    except (httpx.TransportError, OSError, ValueError) as error:
        return IssuerFacts(issuer, why=f"{url}: {str(error) or type(error).__name__}")
    if not isinstance(found, dict) or not {"authorization_endpoint", "token_endpoint"} <= found.keys():
        return IssuerFacts(issuer, why=f"{url} answered {answer.status_code}, and names no endpoints")
    if str(found.get("issuer")).rstrip("/") != issuer.rstrip("/"):
        return IssuerFacts(issuer, why=f"it calls itself {found.get('issuer')}")
    ends = str(found.get("end_session_endpoint") or "")
    asked, token = str(found["authorization_endpoint"]), str(found["token_endpoint"])
    if not token.startswith("https://"):
        return IssuerFacts(issuer, why=f"it would take the client's secret in the clear: {token}")
    return IssuerFacts(issuer, asked, token, ends, private=bool(ca), authority=authority)


def verdicts(found: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Read what the gateway says of a policy or route, of its newest form.

    Gateway API: PolicyStatus, RouteStatus.
    """
    now = (found or {}).get("metadata", {}).get("generation", 0)
    status = (found or {}).get("status", {})
    above = status.get("ancestors") or status.get("parents") or []
    told = [c for each in above for c in each.get("conditions", []) if c["type"] == "Accepted"]
    return [c for c in told if c.get("observedGeneration", 0) >= now]


def accepted(found: Mapping[str, Any] | None) -> bool:
    """Whether the gateway has taken a policy up, on every route that it stands before, or a route."""
    said = verdicts(found)
    return bool(said) and all(c["status"] == "True" for c in said)


def certificate_of(secret: Mapping[str, Any] | None) -> CertificateFacts | None:
    """Read what the certificate's Secret says of it; None where there is none."""
    notes = (secret or {}).get("metadata", {}).get("annotations", {})
    try:
        issuer = notes[AUTHORITY]
        # cert-manager renews in time, and says nothing of when.
        until = FOREVER if issuer.startswith(MANAGER) else datetime.fromisoformat(notes[UNTIL])
        return CertificateFacts(tuple(notes[DOMAIN].split()), until, issuer)
    except (KeyError, ValueError):
        return None


def address_of(gateway: Mapping[str, Any] | None) -> str:
    """Read the gateway's first address; empty while it has none or is not ready for traffic."""
    return next(iter(addresses_of(gateway)), "")


def addresses_of(gateway: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Read all of its addresses, or names (Gateway API: GatewayStatus); none while it is not ready."""
    status = (gateway or {}).get("status", {})
    generation = (gateway or {}).get("metadata", {}).get("generation", 0)
    ready = any(
        c["type"] == "Programmed" and c["status"] == "True" and c.get("observedGeneration", 0) >= generation
        for c in status.get("conditions", [])
    )
    return tuple(str(each["value"]) for each in status.get("addresses") or ()) if ready else ()
