"""A real server of names, resolvers that keep to the TTL, two sides, and visitors: all on loopback."""

from __future__ import annotations

import base64
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rrset

from seaway.flow.domain import PublicName, back, move
from seaway.kit.dns import Key, Records, ask, update
from seaway.kit.servers import NameServer
from seaway.model.event import silent
from seaway.ports.dns import Change
from seaway.providers.dns.rfc2136 import Rfc2136
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.domain.course import Wish
from seaway.rooms.domain.outside import Gateway

KNOTD: Final = Path("/usr/sbin/knotd")
LOOPBACK: Final = "127.0.0.1"
ZONE: Final = "shop.test"
NAME: Final = f"www.{ZONE}"
#: The addresses of the sides: every one of 127.0.0.0/8 is this machine.
OLD, GATEWAY = "127.0.0.2", "127.0.0.3"
#: One key that may change zones, and one that is known and may not.
KEY: Final = Key("seaway", "hmac-sha256", b"a key of thirty-two bytes, really")
POOR_KEY: Final = Key("poor", "hmac-sha256", b"another one of thirty-two bytes..")
_CONFIG: Final = """\
server:
    rundir: "{folder}"
    listen: "127.0.0.1@{port}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}"
log:
  - target: stderr
    any: info
key:
{keys}
acl:
  - id: seaway
    key: {may}
    action: update
zone:
{zones}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def secret_of(key: Key) -> str:
    """Write a key's secret as configurations have it."""
    return base64.b64encode(key.secret).decode()


class Knot:
    """Knot DNS with zones that are given as text, `@` being each; it can be stopped and started."""

    def __init__(self, folder: Path, zones: Mapping[str, str]) -> None:
        self.server = NameServer(LOOPBACK, free_port())
        self._folder = folder
        folder.mkdir()
        for name, text in zones.items():
            soa = "@ 60 SOA ns hostmaster 1 60 60 600 1\n@ 60 NS ns\nns 60 A 127.0.0.1\n"
            (folder / f"{name}.zone").write_text(f"$ORIGIN {name}.\n{soa}{text}")
        keys = "\n".join(
            f"  - id: {key.name}\n    algorithm: {key.algorithm}\n    secret: {secret_of(key)}"
            for key in (KEY, POOR_KEY)
        )
        listed = "\n".join(
            f"  - domain: {name}\n    file: {folder}/{name}.zone\n    acl: seaway" for name in zones
        )
        place = {"folder": folder, "port": self.server.port, "may": KEY.name}
        text = _CONFIG.format(keys=keys, zones=listed, **place)
        (folder / "knot.conf").write_text(text)
        self._zone = next(iter(zones))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            argv: list[str | Path] = [KNOTD, "-c", self._folder / "knot.conf"]
            self._process = subprocess.Popen(argv, stdout=log, stderr=log)
        question = dns.message.make_query(f"{self._zone}.", "SOA")
        for _ in range(200):
            try:
                if dns.query.udp(question, LOOPBACK, 0.1, self.server.port).rcode() == dns.rcode.NOERROR:
                    return
            except (dns.exception.Timeout, OSError):
                time.sleep(0.02)
        raise AssertionError((self._folder / "log").read_text())

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def put(self, zone: str, *records: Records) -> None:
        """Put records in the place of what is there, as somebody with the key may."""
        before = [ask(self.server, each.name, each.kind) for each in records]
        changes = [Change(was, now) for was, now in zip(before, records, strict=True)]
        update(self.server, zone, changes, KEY)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass
class Cache:
    """A resolver that asks one server and keeps its answers for exactly their TTL (RFC 1035, 4.3)."""

    upstream: NameServer
    server: NameServer = field(default_factory=lambda: NameServer(LOOPBACK, free_port()))
    _kept: dict[Any, tuple[float, dns.message.Message]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, wire: bytes) -> bytes:
        question = dns.message.from_wire(wire)
        asked = question.question[0]
        with self._lock:
            until, found = self._kept.get((asked.name, asked.rdtype), (0.0, question))
            if until <= time.monotonic():
                fresh = dns.message.make_query(asked.name, asked.rdtype)
                found = dns.query.udp(fresh, self.upstream.host, 5, self.upstream.port)
                least = min((each.ttl for each in (*found.answer, *found.authority)), default=1)
                until = time.monotonic() + least
                self._kept[asked.name, asked.rdtype] = until, found
        response = dns.message.make_response(question, recursion_available=True)
        response.set_rcode(found.rcode())
        for each in found.answer:
            left = dns.rrset.from_rdata_list(each.name, int(until - time.monotonic()), list(each))
            response.answer.append(left)
        return response.to_wire()

    @contextmanager
    def serving(self) -> Iterator[NameServer]:
        """Serve over UDP; gives where."""
        cache = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sender = self.request
                sender.sendto(cache.answer(data), self.client_address)

        with socketserver.ThreadingUDPServer((self.server.host, self.server.port), Handler) as listening:
            thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield self.server
            finally:
                listening.shutdown()
                thread.join()


class _Quiet(ThreadingHTTPServer):
    """Says nothing of connections that end early."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class Side:
    """A server over TLS at one address that answers every GET with 200; while `silent`, it hangs up."""

    def __init__(
        self, address: str, port: int, name: str, authority: LocalCertificates, folder: Path
    ) -> None:
        self.silent, self.asked, side = False, 0, self
        self._threads: list[threading.Thread] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                side.asked += 1
                if side.silent:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                pass

        made = authority.issue(name)
        pair = folder / f"{address}.pem"
        pair.touch(0o600)
        pair.write_text(made.key.reveal() + made.chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        self._server = _Quiet((address, port), Handler)
        # The handshake is the handler's: one that stalls keeps nobody waiting.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    @contextmanager
    def serving(self) -> Iterator[Self]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


@dataclass
class Visitors:
    """Ask for `/` of a name without end, each request over a new connection to where a resolver leads."""

    name: str
    port: int
    ca: str
    resolvers: tuple[NameServer, ...]
    pause: float = 0.02
    asked: int = 0
    failed: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def coming(self) -> Iterator[Self]:
        threads = [threading.Thread(target=self._visit, args=(each,)) for each in self.resolvers]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _visit(self, resolver: NameServer) -> None:
        context = ssl.create_default_context(cafile=self.ca)
        question = dns.message.make_query(f"{self.name}.", "A")
        while not self._over.wait(self.pause):
            why = self._one(resolver, question, context)
            with self._lock:
                self.asked += 1
                self.failed += [why] if why else []

    def _one(self, resolver: NameServer, question: dns.message.Message, context: ssl.SSLContext) -> str:
        """Resolve and ask; gives why it failed."""
        try:
            found = dns.query.udp(question, resolver.host, 5, resolver.port)
            address = found.answer[0][0].to_text()
            connection = HTTPSConnection(self.name, self.port)
            with (
                socket.create_connection((address, self.port), 5) as plain,
                context.wrap_socket(plain, server_hostname=self.name) as connection.sock,
            ):
                connection.request("GET", "/")
                with connection.getresponse() as response:
                    response.read()
                    status = response.status
        except (OSError, HTTPException, IndexError, dns.exception.DNSException) as error:
            return f"{time.monotonic():.2f} {type(error).__name__}: {error}"
        return "" if status == 200 else f"{address} answered {status}"  # noqa: PLR2004


def there_and_back(knot: Knot, folder: Path, ttl: int, visitors: int) -> dict[str, Any]:
    """Move a name to the gateway and back, `ttl` seconds being what resolvers may keep at first.

    Each side is shut as soon as the name is said to lead to the other one, and opened before it leads back:
    whoever still came would be refused, and a name that is said to have moved too early shows.
    """
    port, authority = free_port(), LocalCertificates(folder / "ca")
    old, gateway = (Side(each, port, NAME, authority, folder) for each in (OLD, GATEWAY))
    knot.put(ZONE, Records(NAME, "A", ttl, (OLD,)))
    with ExitStack() as stack:
        for side in (old, gateway):
            stack.enter_context(side.serving())
        caches = tuple(stack.enter_context(Cache(knot.server).serving()) for _ in range(visitors))
        wish = Wish(NAME, (GATEWAY,), 1, "seaway-shop", "gateway/shop/edge")
        ca = authority.authority_path()
        here = PublicName(
            wish, ZONE, Rfc2136(ZONE, knot.server, KEY), Gateway(wish.to, port, ca), caches, 1, silent
        )
        coming = stack.enter_context(Visitors(NAME, port, ca, caches).coming())
        time.sleep(1)
        move(here, adopt=True)
        old.silent, asked = True, gateway.asked
        time.sleep(ttl)
        at_gateway, old.silent = gateway.asked - asked, False
        back(here)
        gateway.silent, asked = True, old.asked
        time.sleep(ttl)
        at_old = old.asked - asked
    return {
        "name_moved_failed": float(len(coming.failed)),
        "name_moved_requests": coming.asked,
        "name_moved_at_each": min(at_gateway, at_old),
    }
