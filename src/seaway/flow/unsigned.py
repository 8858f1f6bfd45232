"""What contradicts in the words about a certificate that an ACME server, or ACM of AWS, shall sign."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as Folder
from typing import Final
from urllib.parse import urlsplit

from seaway.flow.misnamed import Found
from seaway.flow.vouchers import contradictions_of_voucher
from seaway.kit.yaml import Path
from seaway.model.fields import DIRECTORIES
from seaway.rooms.cluster.spec import EnvironmentSpec

LOOPBACK_NAMES: Final = {"localhost", "::1"}
#: What no public authority signs for (RFC 6761, RFC 8375, and ICANN's private-use name).
PRIVATE: Final = (".localhost", ".test", ".internal", ".home.arpa", ".local", ".example", ".invalid")


def contradictions_of_certificate(here: Path, folder: Folder, env: EnvironmentSpec) -> Iterator[Found]:
    """See that who shall sign can sign, for each name, and who vouches for that."""
    yield from contradictions_of_voucher((*here, "https", "ca"), folder, env.https.ca)
    if env.https.issuer == "acme":
        yield from _of_server((*here, "https"), env)
    elif env.https.issuer == "acm":
        yield from _of_acm(here, env)


def _private(env: EnvironmentSpec) -> dict[str, None]:
    """Name the ends of names for which no public authority signs."""
    return dict.fromkeys(name.rpartition(".")[2] for name in env.hosts if name.endswith(PRIVATE))


def _of_acm(here: Path, env: EnvironmentSpec) -> Iterator[Found]:
    """See that there is a load balancer of AWS to show it, and a zone to prove the names."""
    at = (*here, "https", "issuer")
    if env.on != "eks":
        why = f"acm signs for load balancers of AWS, and the environment is on: {env.on}"
        yield Found(at, why, "say issuer: acme")
        return
    for last in _private(env):
        yield Found(at, f"acm signs for nothing below {last}", "name the domain that visitors ask")
    if env.dns is None:
        why = "acm wants a record in the zone of each name, and nothing says where that is kept"
        yield Found(at, why, "add dns:")
    if env.certificate:
        why = "certificate means nothing on issuer: acm, whose own the load balancer shows"
        yield Found((*here, "certificate"), why, "remove it")


def _of_server(here: Path, env: EnvironmentSpec) -> Iterator[Found]:
    """See that the server can sign for each name, and that a pod can reach it."""
    https = env.https
    for last in _private(env) if https.directory in DIRECTORIES else ():
        why = f"{https.directory} signs for nothing below {last}"
        yield Found((*here, "directory"), why, "name a server of your own: https://…, or say issuer: local")
    if https.challenge == "dns-01" and (wrong := _unprovable(env)):
        yield Found((*here, "challenge"), *wrong)
    name = urlsplit(https.directory).hostname or ""
    if name in LOOPBACK_NAMES or name.endswith(".localhost") or name.startswith("127."):
        why = f"it is asked from a pod, to which {name} is the pod itself"
        yield Found((*here, "directory"), why, "name it by an address of this machine that pods reach")


def _unprovable(env: EnvironmentSpec) -> tuple[str, str] | None:
    """Say why the pilot could not put a proof into the zone by itself, at every renewal."""
    if (dns := env.dns) is None:
        return "dns-01 puts a record into the zone, and nothing says where that is kept", "add dns:"
    if dns.provider == "manual":
        why = "with manual somebody would have to change the zone at each renewal"
    elif dns.provider == "route53" and env.on != "eks":
        why = f"the pilot, which renews, can be given rights in AWS on eks, not on: {env.on}"
    elif dns.provider == "route53" and env.adopt and env.adopt.cluster:
        why = "the pilot, which renews, would need a role, and a cluster that is adopted is given none"
    else:
        return None
    return why, "say provider: rfc2136, or challenge: http-01"
