"""Which certificate the gateway has, and which one it shows."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import Final

from seaway.kit.kube import Kube, Manifest, Ref
from seaway.model.certificate import Certificate, read
from seaway.model.gateway import EDGE, GATEWAY_API, TLS_SECRET
from seaway.rooms.edge.facts import address_of

PATIENCE: Final = 5.0
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class EdgeFacts:
    """What was seen of the edge: the Secret with its certificate, the gateway, and what a visitor is shown.

    `silence` says why a visitor is shown nothing.
    """

    secret: Manifest | None
    gateway: Manifest | None
    shown: Certificate | None
    silence: str = ""


def look_at_edge(kube: Kube, system: str, domain: str, port: int, host: str = LOOPBACK) -> EdgeFacts:
    """Look at the edge from both sides: the cluster's, and that of a visitor at this port of a host.

    Without a host it is the gateway's own address that is asked. Raises SeawayError where the cluster does
    not answer.
    """
    secret = kube.get(secret_of(system))
    gateway = kube.get(Ref(GATEWAY_API, "Gateway", EDGE, system))
    try:
        return EdgeFacts(secret, gateway, shown(host or address_of(gateway) or domain, port, domain))
    except OSError as error:
        return EdgeFacts(secret, gateway, None, error.strerror or str(error))


def secret_of(system: str) -> Ref:
    return Ref("v1", "Secret", TLS_SECRET, system)


def shown(host: str, port: int, domain: str) -> Certificate:
    """Ask for the certificate that a visitor of the domain is shown at this port of a host.

    Raises OSError where none is.
    """
    context = ssl.create_default_context()
    # The question is which one is shown, not whether it is trusted.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=domain) as secure,
    ):
        return read(secure.getpeercert(binary_form=True) or b"")
