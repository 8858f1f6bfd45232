"""What can be seen of the edge: the monolith behind it, and the certificate it shows."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx

from seaway.model.snapshot import CertificateFacts, MonolithFacts

DOMAIN = "seaway.dev/domain"
UNTIL = "seaway.dev/not-after"
AUTHORITY = "seaway.dev/authority"
PATIENCE = 5.0


def look_at_monolith(address: str, health: str) -> MonolithFacts:
    """Ask the monolith whether it answers; anything below 500 does."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or 80
    try:
        found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
        addresses = tuple(sorted({str(item[4][0]) for item in found}))
    except OSError as error:
        return MonolithFacts(
            host, port, host == "localhost", (), answers=False, why=f"{host}: {error.strerror}"
        )
    loopback = all(ipaddress.ip_address(a).is_loopback for a in addresses)
    why = _complaint(f"http://{host}:{port}{health}")
    return MonolithFacts(host, port, loopback, addresses, answers=not why, why=why)


def _complaint(url: str) -> str:
    try:
        answer = httpx.get(url, timeout=PATIENCE, trust_env=False, follow_redirects=False)
    except httpx.TransportError as error:
        return f"{url}: {str(error) or type(error).__name__}"
    return f"{url} answered {answer.status_code}" if answer.is_server_error else ""


def certificate_of(secret: Mapping[str, Any] | None) -> CertificateFacts | None:
    """Read what the certificate's Secret says of it; None where there is none."""
    notes = (secret or {}).get("metadata", {}).get("annotations", {})
    try:
        return CertificateFacts(notes[DOMAIN], datetime.fromisoformat(notes[UNTIL]), notes[AUTHORITY])
    except (KeyError, ValueError):
        return None


def address_of(gateway: Mapping[str, Any] | None) -> str:
    """Read the address that the gateway has got; empty while it has none or is not ready for traffic."""
    status = (gateway or {}).get("status", {})
    generation = (gateway or {}).get("metadata", {}).get("generation", 0)
    ready = any(
        c["type"] == "Programmed" and c["status"] == "True" and c.get("observedGeneration", 0) >= generation
        for c in status.get("conditions", [])
    )
    addresses = status.get("addresses") or []
    return str(addresses[0]["value"]) if ready and addresses else ""
