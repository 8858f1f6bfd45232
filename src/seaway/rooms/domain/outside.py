"""The public name from outside: what resolvers say of it, and whether the gateway answers for it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import httpx2 as httpx

from seaway.errors import SeawayError
from seaway.kit.dns import resolve
from seaway.kit.servers import NameServer
from seaway.model.snapshot import NameFacts

#: Seconds for a connection, and for an answer.
PATIENCE: Final = 5.0


@dataclass(frozen=True)
class Seen:
    """What one resolver says: where the name leads, or `nowhere`; `why` tells why it says nothing."""

    resolver: NameServer
    addresses: tuple[str, ...]
    leads: str
    why: str = ""


@dataclass(frozen=True)
class Gateway:
    """Where visitors shall be led. `ca` is a file of the authority that vouches for it; else public ones."""

    to: tuple[str, ...]
    port: int
    ca: str = ""


def seen_by(resolver: NameServer, name: str, to: Iterable[str]) -> Seen:
    """Ask a resolver as a visitor does; the gateway's own name is resolved by the same."""
    try:
        found = _addresses(resolver, name)
        gateway = {address for each in to for address in _numbers(resolver, each)}
    except SeawayError as error:
        return Seen(resolver, (), "unknown", error.why or error.what)
    if not found:
        return Seen(resolver, (), "nowhere")
    if found <= gateway:
        return Seen(resolver, tuple(sorted(found)), "gateway")
    return Seen(resolver, tuple(sorted(found)), "both" if found & gateway else "old server")


def known(name: str, to: Iterable[str], resolvers: Sequence[NameServer]) -> NameFacts:
    """Ask all resolvers where they lead visitors; those that do not answer count only where none does."""
    with ThreadPoolExecutor(len(resolvers)) as pool:
        seen = list(pool.map(lambda each: seen_by(each, name, to), resolvers))
    leads = {each.leads for each in seen if not each.why}
    if not leads:
        return NameFacts(name, "unknown", f"{seen[0].resolver}: {seen[0].why}")
    if len(leads) > 1:
        return NameFacts(name, "both" if leads & {"gateway", "both"} else "old server")
    return NameFacts(name, leads.pop())


def delegated(resolver: NameServer, zone: str) -> bool:
    """Whether a resolver finds servers of the zone; one that does not say so does not deny it."""
    try:
        return bool(resolve(resolver, zone, "NS").values)
    except SeawayError:
        return True


def nothing_kept(resolver: NameServer, zone: str) -> int:
    """Seconds for which it may be kept that there is no such name (RFC 2308, 5); 0 where that is not said."""
    try:
        start = resolve(resolver, zone, "SOA")
    except SeawayError:
        return 0
    return min((int(value.split()[-1]) for value in start.values), default=0)


def complaint(gateway: Gateway, name: str) -> str:
    """Say why a visitor of the name would not be served by the gateway; empty where all its addresses serve.

    It must show a certificate that is trusted and for the name, and answer `/` below 500.
    """
    try:
        trusted = ssl.create_default_context(cafile=gateway.ca or None)
        addresses = [number for each in gateway.to for number in _looked_up(each, gateway.port)]
    except OSError as error:
        return f"{gateway.ca or ', '.join(gateway.to)}: {error.strerror or error}"
    return next(filter(None, (_complaint(number, gateway.port, name, trusted) for number in addresses)), "")


def _complaint(number: str, port: int, name: str, trusted: ssl.SSLContext) -> str:
    host = f"[{number}]" if ":" in number else number
    asked = {"headers": {"Host": name}, "extensions": {"sni_hostname": name}}
    try:
        with httpx.Client(timeout=PATIENCE, trust_env=False, verify=trusted) as client:
            answer = client.get(f"https://{host}:{port}/", follow_redirects=False, **asked)  # type: ignore[arg-type]
    except (httpx.TransportError, ssl.SSLError) as error:
        return f"{host}:{port}: {str(error) or type(error).__name__}"
    return f"{host}:{port} answered {answer.status_code}" if answer.is_server_error else ""


def _looked_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def _numbers(resolver: NameServer, each: str) -> set[str]:
    try:
        socket.getaddrinfo(each, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return _addresses(resolver, each)
    return {each}


def _addresses(resolver: NameServer, name: str) -> set[str]:
    return {value for kind in ("A", "AAAA") for value in resolve(resolver, name, kind).values}
