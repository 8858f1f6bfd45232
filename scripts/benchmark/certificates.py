"""Certificates of a real ACME server: signed and renewed on bad days, and renewed while visitors come.

The server is Pebble, which refuses nonces at random. What asks it is the pilot's own code; months pass by a
clock that is moved by hand, as no renewal is due before.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from scripts.benchmark.api_server import Store, api_server
from scripts.benchmark.clusters import kube_of
from scripts.benchmark.crossing import CLUSTER, DOMAIN, HTTP, HTTPS, SYSTEM, until
from scripts.benchmark.names import LOOPBACK
from scripts.benchmark.pebble import Pebble, pebble
from scripts.rehearsal.figures import per_second, quantile
from scripts.rehearsal.load import Load
from seaway.kit.kube import Kube, Ref
from seaway.model.certificate import Certificate
from seaway.model.gateway import EDGE, GATEWAY_API
from seaway.model.manifests import SYSTEM_NAMESPACE
from seaway.pilot.renewing import Renewing
from seaway.rooms.acme.challenge import PROXY_PORT
from seaway.rooms.acme.facts import good, look_at_acme
from seaway.rooms.acme.life import Failure, Kind, Wait, renewal, turn
from seaway.rooms.acme.wish import KEPT, Wish, wish_config
from seaway.rooms.edge.certificates import shown

PROMISES: Final = {
    "certificates_not_issued": 0.0,
    "certificates_not_renewed": 0.0,
    "certificates_lapsed": 0.0,
    "renewals_under_load_missing": 0.0,
    "renewals_under_load_failed": 0.0,
}
#: Systems with a certificate each, which is signed and once renewed; how many are under way at once.
SYSTEMS: Final = 200
AT_ONCE: Final = 16
#: Percent of nonces that the server refuses, and the share of proofs at which it sees something else.
NONCES: Final = 30
WRONG: Final = 0.3
#: Looks of one system's pilot after which it is said not to come to an end.
LOOKS: Final = 200
SEED: Final = 20261130
#: Renewals under load, the seconds that they may take together, and those until visitors see one.
RENEWALS: Final = 50
LIMIT: Final = 240.0
SEEN: Final = 20.0
#: Requests a second over connections that are kept, and over a new one each.
KEPT_RATE, NEW_RATE = 200, 150
#: Days of a certificate that is renewed again and again: a renewal every second day stays below all limits.
LONG: Final = 3650
STEP: Final = timedelta(days=2)


@dataclass
class Clock:
    """The machine's clock, moved ahead by hand; it never goes back."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def reach(self, at: datetime) -> None:
        self.ahead += max(timedelta(), at - self.now())


class Holder:
    """One system's certificate, and the pilot that looks after it, by a clock of its own."""

    def __init__(self, kube: Kube, system: str, wish: Wish) -> None:
        self.kube, self.system, self.wish, self.clock = kube, system, wish, Clock()
        kube.apply(wish_config(system, wish))
        self._renewing = Renewing(kube, system, lambda: True, self.clock.now)
        self._stop = threading.Event()

    def look(self) -> Certificate | None:
        """Let the pilot look once; gives the certificate that is held then."""
        self._renewing.look(self._stop)
        found = self.kube.get(Ref("v1", "Secret", KEPT, self.system))
        return good(found, self.wish, self.clock.now())

    def rest(self, held: Certificate | None) -> Failure | None:
        """Let the time pass for which the pilot waits; gives the last failure that it knows of.

        It asks every few hours whether the renewal is due earlier; here that is asked once.
        """
        seen = look_at_acme(self.kube, self.system)
        if seen is None:
            return None
        does = turn(seen.life, self.wish, held, self.clock.now())
        if isinstance(does, Wait):
            due = renewal(held, seen.life.window) if held else does.until
            self.clock.reach(max(due, does.until))
        return seen.life.last


@dataclass
class Story:
    """What became of one system's certificate: its serial numbers in turn, and the failures by their kind."""

    serials: list[int] = field(default_factory=list)
    failures: list[Kind] = field(default_factory=list)
    lapsed: bool = False


def on_bad_days(folder: Path) -> dict[str, Any]:
    """Have certificates signed and renewed; nonces are refused, and proofs not seen, at random."""
    folder.mkdir()
    logging.getLogger("seaway.pilot").setLevel(logging.ERROR)  # that tries fail is what is measured
    began = time.monotonic()
    with (
        api_server() as (kube, store),
        _gateway(store),
        pebble(folder, PROXY_PORT, nonces=NONCES) as server,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        _put_proxy(kube)
        stories = list(pool.map(lambda n: _live(kube, f"shop-{n}", server), range(SYSTEMS)))
    failures = Counter(kind for story in stories for kind in story.failures)
    return {
        "certificates_issued": sum(len(story.serials) > 0 for story in stories),
        "certificates_renewed": sum(len(story.serials) > 1 for story in stories),
        "certificates_not_issued": float(sum(len(story.serials) < 1 for story in stories)),
        "certificates_not_renewed": float(sum(len(story.serials) < 2 for story in stories)),  # noqa: PLR2004
        "certificates_lapsed": float(sum(story.lapsed for story in stories)),
        "certificates_retries": failures.total(),
        **{f"certificates_retries_{kind}": failures[kind] for kind in Kind},
        "certificates_s": time.monotonic() - began,
    }


def _live(kube: Kube, system: str, server: Pebble) -> Story:
    """Let one system live until its certificate was renewed; each wait is over at once."""
    meta = {"name": EDGE, "namespace": system}
    kube.create({"apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": meta})
    holder = Holder(kube, system, Wish(f"{system}.test", server.directory, ca=server.ca))
    story, last = Story(), None
    for _ in range(LOOKS):
        held = holder.look()
        failure = holder.rest(held)
        if failure and failure != last:
            last = failure
            story.failures.append(failure.kind)
        story.lapsed |= bool(story.serials) and held is None
        if held and held.serial not in story.serials:
            story.serials.append(held.serial)
        if len(story.serials) > 1:
            break
    return story


def _put_proxy(kube: Kube) -> None:
    """Tell where the one proxy of all gateways is."""
    meta = {"name": "proxy", "namespace": SYSTEM_NAMESPACE}
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"podIP": LOOPBACK}})


@contextmanager
def _gateway(store: Store) -> Iterator[None]:
    """Answer as the gateway does, by the routes that there are; some proofs the server is not shown."""
    chance, fates, lock = random.Random(SEED), dict[str, str](), threading.Lock()  # noqa: S311  (no secret)

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = _proof(store, self.headers["Host"].partition(":")[0], self.path)
            fate = "seen"
            if self.headers["User-Agent"].startswith("LetsEncrypt"):
                with lock:
                    wrong = (
                        chance.choice(("another", "missing", "broken")) if chance.random() < WRONG else fate
                    )
                    fate = fates.setdefault(self.path, wrong)
            if fate == "broken":
                self.close_connection = True
                return
            self.send_response(200 if body and fate != "missing" else 404)
            self.end_headers()
            self.wfile.write((f"not-{body}" if fate == "another" else body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer((LOOPBACK, PROXY_PORT), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _proof(store: Store, host: str, path: str) -> str:
    """Find what a route of this host says at this path; empty where there is none."""
    for route in list(store.objects.values()):
        if route["kind"] == "HTTPRoute" and host in route["spec"]["hostnames"]:
            [rule] = route["spec"]["rules"]
            own = rule["filters"][0]["extensionRef"]["name"]
            place = f"/namespaces/{route['metadata']['namespace']}/httproutefilters/{own}"
            found = next((o for p, o in list(store.objects.items()) if p.endswith(place)), None)
            if found and rule["matches"][0]["path"]["value"] == path:
                return str(found["spec"]["directResponse"]["body"]["inline"])
    return ""


def under_load(vegeta: Path, ca: Path, folder: Path) -> dict[str, Any]:
    """Renew the gateway's certificate again and again while visitors come, who trust whoever signed.

    The cluster's own pilot rests meanwhile: it would keep to the clock.
    """
    folder.mkdir()
    with closing(kube_of(CLUSTER)) as kube, pebble(folder, HTTP, nonces=NONCES, days=LONG) as server:
        _rest(kube)
        holder = Holder(kube, SYSTEM, Wish(DOMAIN, server.directory, ca=server.ca))
        trusted = folder / "roots.pem"
        trusted.write_text(ca.read_text() + server.root)
        with _visits(vegeta, trusted) as (kept, new):
            times = list(_renewals(holder))
    answers = (*kept.seen(), *new.seen())
    failed = [answer for answer in answers if answer.failed]
    return {
        "renewals_under_load": len(times),
        "renewals_under_load_missing": float(RENEWALS - len(times)),
        "renewals_under_load_s": quantile(times, 0.5),
        "renewals_under_load_max_s": max(times),
        "renewals_under_load_requests": len(answers),
        "renewals_under_load_rate": sum(per_second([a.at for a in each.seen()]) for each in (kept, new)),
        "renewals_under_load_p99_s": quantile([answer.seconds for answer in answers], 0.99),
        "renewals_under_load_failed": float(len(failed)),
        "renewals_under_load_failed_seconds": sorted({int(a.at - kept.seen()[0].at) for a in failed}),
        "renewals_under_load_errors": dict(Counter(f"{a.code} {a.error[-80:]}" for a in failed)),
    }


def _rest(kube: Kube) -> None:
    kube.patch(Ref("apps/v1", "Deployment", "pilot", SYSTEM), {"spec": {"replicas": 0}})
    own = f"app.kubernetes.io/name=pilot,app.kubernetes.io/part-of={SYSTEM}"
    until(lambda: not kube.list("v1", "Pod", namespace=SYSTEM, labels=own), "the end of the pilot")


@contextmanager
def _visits(vegeta: Path, trusted: Path) -> Iterator[tuple[Load, Load]]:
    """Let visitors come over connections that are kept, and others over a new one for each request."""
    loads = [
        Load(
            vegeta,
            f"https://{DOMAIN}:{HTTPS}",
            HTTPS,
            trusted,
            rate=rate,
            limit=int(LIMIT) + 60,
            options=words,
        )
        for rate, words in ((KEPT_RATE, ()), (NEW_RATE, ("-keepalive=false",)))
    ]
    for load in loads:
        load.start(["/c0"], {})
    try:
        for load in loads:
            load.flowing()
        yield loads[0], loads[1]
    finally:
        for load in loads:
            load.stop()


def _renewals(holder: Holder) -> Iterator[float]:
    """Renew; gives for each the seconds until a visitor is shown the new serial number.

    The first certificate is none: it takes the place of the local authority's.
    """
    held, ends = _another(holder, 0), time.monotonic() + LIMIT
    holder.clock.ahead = timedelta(days=LONG * 0.7)
    for _ in range(RENEWALS):
        if time.monotonic() > ends:
            return
        began = time.monotonic()
        held = _another(holder, held)
        yield time.monotonic() - began
        holder.clock.ahead += STEP


def _another(holder: Holder, before: int) -> int:
    """Look until there is another serial number than before, and until that is what visitors are shown."""
    for _ in range(LOOKS):
        held = holder.look()
        if held and held.serial != before:
            until(partial(_shows, held.serial), "the new certificate", SEEN)
            return held.serial
    raise RuntimeError("no certificate came")


def _shows(serial: int) -> bool:
    return shown(LOOPBACK, HTTPS, DOMAIN).serial == serial
