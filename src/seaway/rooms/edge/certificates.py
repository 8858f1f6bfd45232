"""What a certificate says of itself, which one the gateway has, and which one it shows."""

from __future__ import annotations

import socket
import ssl
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from seaway.kit.kube import Kube, Manifest, Ref
from seaway.rooms.edge.manifests import EDGE, GATEWAY_API, TLS_SECRET

PATIENCE: Final = 5.0


@dataclass(frozen=True)
class Certificate:
    """A certificate (RFC 5280): its DNS names, who signed it, when it is good, its serial number."""

    names: tuple[str, ...]
    issuer: str
    since: datetime
    until: datetime
    serial: int


@dataclass(frozen=True)
class EdgeFacts:
    """What was seen of the edge: the Secret with its certificate, the gateway, and what a visitor is shown.

    `silence` says why a visitor is shown nothing.
    """

    secret: Manifest | None
    gateway: Manifest | None
    shown: Certificate | None
    silence: str = ""


def look_at_edge(kube: Kube, system: str, domain: str, port: int) -> EdgeFacts:
    """Look at the edge from both sides: the cluster's, and that of a visitor at this port of the loopback.

    Raises SeawayError where the cluster does not answer.
    """
    secret = kube.get(secret_of(system))
    gateway = kube.get(Ref(GATEWAY_API, "Gateway", EDGE, system))
    try:
        return EdgeFacts(secret, gateway, shown(port, domain))
    except OSError as error:
        return EdgeFacts(secret, gateway, None, error.strerror or str(error))


def secret_of(system: str) -> Ref:
    return Ref("v1", "Secret", TLS_SECRET, system)


def kept(secret: Mapping[str, Any]) -> Certificate:
    """Read the first certificate in a Secret of type kubernetes.io/tls.

    Raises ValueError, with the reason, where a gateway could not use it.
    """
    data = secret.get("data") or {}
    try:
        first = x509.load_pem_x509_certificates(b64decode(data["tls.crt"]))[0]
    except (KeyError, ValueError) as error:
        raise ValueError("tls.crt in it is no certificate") from error
    try:
        key = load_pem_private_key(b64decode(data["tls.key"]), None)
    except (KeyError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("tls.key in it is no key") from error
    if key.public_key() != first.public_key():
        raise ValueError("tls.key in it is not the key of tls.crt")
    return _read(first)


def mistrust(secret: Mapping[str, Any] | None, domain: str) -> str:
    """Say why a Secret that is there is of no use for the domain; empty where it is."""
    try:
        found = None if secret is None else kept(secret)
    except ValueError as error:
        return str(error)
    return f"it is for {', '.join(found.names)}" if found and domain not in found.names else ""


def shown(port: int, domain: str) -> Certificate:
    """Ask for the certificate that a visitor of the domain is shown at this port of the machine's loopback.

    Raises OSError where none is.
    """
    context = ssl.create_default_context()
    # The question is which one is shown, not whether it is trusted.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=domain) as secure,
    ):
        return _read(x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b""))


def _read(found: x509.Certificate) -> Certificate:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        known = tuple(names.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        known = ()
    common = found.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    issuer = str(common[0].value) if common else found.issuer.rfc4514_string()
    return Certificate(
        known, issuer, found.not_valid_before_utc, found.not_valid_after_utc, found.serial_number
    )
