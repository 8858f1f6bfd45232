"""What contradicts in the words about a certificate that an ACME server shall sign."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as Folder
from typing import Final
from urllib.parse import urlsplit

from seaway.flow.misnamed import Found
from seaway.flow.vouchers import contradictions_of_voucher
from seaway.kit.yaml import Path
from seaway.model.fields import DIRECTORIES
from seaway.rooms.cluster.spec import DnsSpec, EnvironmentSpec

LOOPBACK_NAMES: Final = {"localhost", "::1"}
#: What no public authority signs for (RFC 6761, RFC 8375, and ICANN's private-use name).
PRIVATE: Final = (".localhost", ".test", ".internal", ".home.arpa", ".local", ".example", ".invalid")


def contradictions_of_certificate(here: Path, folder: Folder, env: EnvironmentSpec) -> Iterator[Found]:
    """See that the server can sign for each name, that a pod can reach it, and who vouches for it."""
    https = env.https
    private = dict.fromkeys(name.rpartition(".")[2] for name in env.hosts if name.endswith(PRIVATE))
    for last in private if https.directory in DIRECTORIES else ():
        why = f"{https.directory} signs for nothing below {last}"
        yield Found((*here, "directory"), why, "name a server of your own: https://…, or say issuer: local")
    if https.challenge == "dns-01" and (wrong := _unprovable(env.dns)):
        yield Found((*here, "challenge"), *wrong)
    name = urlsplit(https.directory).hostname or ""
    if name in LOOPBACK_NAMES or name.endswith(".localhost") or name.startswith("127."):
        why = f"it is asked from a pod, to which {name} is the pod itself"
        yield Found((*here, "directory"), why, "name it by an address of this machine that pods reach")
    yield from contradictions_of_voucher((*here, "ca"), folder, https.ca)


def _unprovable(dns: DnsSpec | None) -> tuple[str, str] | None:
    """Say why the pilot could not put a proof into the zone by itself, at every renewal."""
    if dns is None:
        return "dns-01 puts a record into the zone, and nothing says where that is kept", "add dns:"
    if dns.provider == "manual":
        why = "with manual somebody would have to change the zone at each renewal"
    elif dns.provider == "route53":
        why = "the pilot, which renews, has no rights in AWS in this version"
    else:
        return None
    return why, "say provider: rfc2136, or challenge: http-01"
