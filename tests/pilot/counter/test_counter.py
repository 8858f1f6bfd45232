"""The counter over TLS on loopback, before an API server that is played: who is let in, and what is told."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from seaway.kit.kube import Kube
from seaway.model.certificate import kept, self_signed
from seaway.pilot.counter.counting import Counting
from seaway.pilot.counter.door import METRIC, Door, tls
from seaway.pilot.counter.keeper import LIFE, Keeper, Pair
from seaway.pilot.counter.process import Counter
from seaway.providers.local import certificate
from seaway.rooms.requests import answers
from seaway.rooms.requests.caller import FrontProxy
from seaway.rooms.requests.counts import Look
from seaway.rooms.requests.manifests import GATEWAY_RULES, HOST, RULES, registration

CLUSTER = "httproute/shop/crossing-login/rule/0/backend/1"
ROUTE = {
    "metadata": {"namespace": "shop", "name": "crossing-login"},
    "spec": {"rules": [{"backendRefs": [{"name": "monolith"}, {"name": "web"}]}]},
}
KINDS = {
    "/api/v1": [("secrets", "Secret", True), ("pods", "Pod", True), ("configmaps", "ConfigMap", True)],
    "/apis/apiregistration.k8s.io/v1": [("apiservices", "APIService", False)],
    "/apis/gateway.networking.k8s.io/v1": [("httproutes", "HTTPRoute", True)],
    "/apis/authorization.k8s.io/v1": [("subjectaccessreviews", "SubjectAccessReview", False)],
}
ADA = {"X-Remote-User": "ada", "X-Remote-Group": "dev"}


class Played(BaseHTTPRequestHandler):
    """An API server that keeps what it is given, and lets `ada` read metrics of the namespace shop."""

    objects: dict[str, dict[str, Any]]
    asked: list[dict[str, Any]]
    used: set[tuple[str, str]]

    def _note(self, verb: str) -> None:
        """Keep in mind what is done to which resource, and whether to one of them or to all."""
        parts = re.sub(r"^/(api/v1|apis/[^/]+/[^/]+)/(namespaces/[^/]+/)?", "", self.path.partition("?")[0])
        resource, _, name = parts.partition("/")
        self.used.add((verb if name or verb != "get" else "list", resource))

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in KINDS:
            listed = [{"name": n, "kind": k, "namespaced": s} for n, k, s in KINDS[path]]
            self._answer(200, {"resources": listed})
            return
        self._note("get")
        if path.endswith(("/httproutes", "/pods")):
            self._answer(200, {"items": [ROUTE] if "/shop/" in path else []})
        else:
            found = self.objects.get(path)
            self._answer(200 if found else 404, found or {})

    def do_POST(self) -> None:
        self._note("create")
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("subjectaccessreviews"):
            self.asked.append(sent["spec"])
            place = sent["spec"]["resourceAttributes"]["namespace"]
            self._answer(201, {"status": {"allowed": (sent["spec"]["user"], place) == ("ada", "shop")}})
            return
        path = f"{self.path.partition('?')[0]}/{sent['metadata']['name']}"
        if path in self.objects:
            self._answer(409, {})
            return
        sent["metadata"]["resourceVersion"] = "1"
        self.objects[path] = sent
        self._answer(201, sent)

    def do_PATCH(self) -> None:
        self._note("patch")
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = self.objects[self.path.partition("?")[0]]
        version = found["metadata"]["resourceVersion"]
        if sent.get("metadata", {}).get("resourceVersion", version) != version:
            self._answer(409, {})
            return
        for part in ("data", "spec"):
            found[part] = {**found.get(part, {}), **sent.get(part, {})}
        found["metadata"]["resourceVersion"] = str(int(version) + 1)
        self._answer(200, found)

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None: ...


@dataclass
class Cluster:
    """What that API server keeps, what it was asked, and a way to it."""

    kube: Kube
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    used: set[tuple[str, str]] = field(default_factory=set)

    def register(self) -> None:
        made = registration()
        made["metadata"]["resourceVersion"] = "1"
        self.objects[f"/apis/apiregistration.k8s.io/v1/apiservices/{made['metadata']['name']}"] = made

    @property
    def trusts(self) -> str:
        (found,) = (each for each in self.objects.values() if each["kind"] == "APIService")
        return b64decode(found["spec"].get("caBundle", "")).decode()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    kept_by: dict[str, Any] = {"objects": {}, "asked": [], "used": set()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Kept", (Played,), kept_by))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    kube = Kube(httpx.Client(base_url=url, trust_env=False), "played")
    yield Cluster(kube, **kept_by)
    kube.close()
    server.shutdown()
    thread.join()
    server.server_close()


def _keeper(cluster: Cluster, *, days: float = 0) -> Keeper:
    return Keeper(cluster.kube, lambda: datetime.now(UTC) + timedelta(days=days))


def test_a_certificate_is_made_once_and_made_known_before_it_is_trusted(cluster: Cluster) -> None:
    first = _keeper(cluster).look()
    assert not first.trusted  # the API is not registered yet
    cluster.register()
    assert not _keeper(cluster).look().trusted
    again = _keeper(cluster).look()
    assert (again.trusted, again.chain, cluster.trusts) == (True, first.chain, first.chain)


def test_it_is_renewed_in_time_and_the_old_one_stays_known(cluster: Cluster) -> None:
    cluster.register()
    old = _keeper(cluster).look().chain
    (kept_in,) = (each for each in cluster.objects.values() if each["kind"] == "Secret")
    assert kept(kept_in).names == (HOST,)
    assert _keeper(cluster, days=LIFE.days * 0.66).look().chain == old
    new = _keeper(cluster, days=LIFE.days * 0.67).look()
    assert (new.trusted, cluster.trusts) == (False, new.chain + old)
    assert _keeper(cluster, days=LIFE.days * 0.67).look() == Pair(new.chain, new.key, trusted=True)


def test_what_is_no_certificate_is_made_anew(cluster: Cluster) -> None:
    cluster.register()
    old = _keeper(cluster).look().chain
    (kept_in,) = (each for each in cluster.objects.values() if each["kind"] == "Secret")
    kept_in["data"]["tls.key"] = "bm8ga2V5"
    assert _keeper(cluster).look().chain != old
    assert old not in cluster.trusts


def test_an_api_that_leads_to_somebody_else_is_left_alone(cluster: Cluster) -> None:
    cluster.register()
    (found,) = cluster.objects.values()
    found["spec"]["service"]["name"] = "prometheus-adapter"
    assert not _keeper(cluster).look().trusted
    assert cluster.trusts == ""


AUTHORITY = certificate.authority("front-proxy-ca", timedelta(days=1))


@contextmanager
def _client(folder: Path, trust: str, name: str, by: certificate.Pair = AUTHORITY) -> Iterator[httpx.Client]:
    """Ask as whoever has a certificate of this name."""
    uses, life = [ExtendedKeyUsageOID.CLIENT_AUTH], timedelta(days=1)
    certificate.issue(by, certificate.subject(name), life, [x509.DNSName(name)], uses).write(folder, name)
    context = ssl.create_default_context(cadata=trust)
    context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    with httpx.Client(verify=context, trust_env=False) as client:
        yield client


@pytest.fixture
def asking(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[..., tuple[int, dict[str, Any]]]]:
    """Ask the counter for a path, with these headers, by a certificate of this name."""
    cluster.register()
    pair = _keeper(cluster).look()
    pem = AUTHORITY.pem.decode()
    front = FrontProxy(pem, frozenset({"front-proxy-client"}), ("X-Remote-User",), ("X-Remote-Group",), ())
    looks = {"shop": (Look(0, {"p": {CLUSTER: 40}}), Look(4, {"p": {CLUSTER: 50}}))}
    counting = Counting(cluster.kube, lambda: 5.0, looks)
    ready, ports = threading.Event(), list[int]()
    loop = asyncio.new_event_loop()

    async def serve() -> web.AppRunner:
        runner = web.AppRunner(Door(cluster.kube, counting, front).app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls(pair, front)).start()
        ports.append(runner.addresses[0][1])
        ready.set()
        return runner

    runner = loop.run_until_complete(serve())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def ask(
        path: str, headers: dict[str, str], name: str = "front-proxy-client", by: certificate.Pair = AUTHORITY
    ) -> tuple[int, dict[str, Any]]:
        with _client(tmp_path, pair.chain, name, by) as client:
            url = f"https://127.0.0.1:{ports[0]}{path}"
            answer = client.get(url, headers=headers, extensions={"sni_hostname": HOST})
            return answer.status_code, answer.json()

    yield ask
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    counting.close()


def test_the_rate_of_a_service_is_told_to_whom_may_read_it(
    asking: Callable[..., tuple[int, dict[str, Any]]], cluster: Cluster
) -> None:
    status, told = asking(METRIC.format(namespace="shop", service="web"), ADA)
    assert (status, told["kind"], told["apiVersion"]) == (200, "MetricValueList", answers.API)
    (item,) = told["items"]
    assert (item["value"], item["windowSeconds"]) == ("2500m", 15)
    assert (item["describedObject"]["kind"], item["describedObject"]["name"]) == ("Service", "web")
    assert cluster.asked[0]["groups"] == ["dev"]
    # The API server looks at what there is, also in the name of users that have no rights.
    listed = asking(f"/apis/{answers.API}", {"X-Remote-User": "system:kube-aggregator"})[1]["resources"]
    assert [each["name"] for each in listed] == ["services/requests-per-second"]
    assert asking("/openapi/v2", {"X-Remote-User": "system:aggregator"})[0] == 404


@pytest.mark.parametrize(
    ("place", "headers", "name", "status"),
    [
        (("shop", "web"), ADA, "somebody", 401),
        (("shop", "web"), {}, "front-proxy-client", 401),
        (("shop", "web"), {"X-Remote-User": "eve"}, "front-proxy-client", 403),
        (("bank", "web"), ADA, "front-proxy-client", 403),
        (("shop", "nobody"), ADA, "front-proxy-client", 404),
        (("bank", "web"), {**ADA, "X-Remote-Group": "system:masters"}, "front-proxy-client", 404),
    ],
)
def test_who_may_not_ask_and_what_is_not_known_is_refused(
    asking: Callable[..., tuple[int, dict[str, Any]]],
    place: tuple[str, str],
    headers: dict[str, str],
    name: str,
    status: int,
) -> None:
    found, told = asking(METRIC.format(namespace=place[0], service=place[1]), headers, name)
    assert (found, told["code"], told["kind"]) == (status, status, "Status")


def test_it_does_all_that_it_may_and_nothing_else(
    asking: Callable[..., tuple[int, dict[str, Any]]], cluster: Cluster
) -> None:
    assert asking(METRIC.format(namespace="shop", service="web"), ADA)[0] == 200
    _keeper(cluster, days=LIFE.days).look()
    counting = Counting(cluster.kube)
    counting.look()
    counting.close()
    may = {(v, r) for rule in (*RULES, *GATEWAY_RULES) for r in rule["resources"] for v in rule["verbs"]}
    assert cluster.used == may


def _shown(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=5)


def test_a_new_certificate_is_shown_once_the_api_server_knows_it(cluster: Cluster) -> None:
    """There is a listener at every moment; the front proxy's authority is followed too."""
    fronts = [
        FrontProxy(
            certificate.authority("front-proxy-ca", timedelta(days=1)).pem.decode(), frozenset(), (), (), ()
        )
        for _ in range(2)
    ]
    first, second = (self_signed([HOST], datetime.now(UTC), LIFE) for _ in range(2))
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]

    async def run() -> list[str]:
        counter, found = Counter(cluster.kube, port), list[str]()
        runner = web.AppRunner(counter.door.app())
        await runner.setup()
        for pair in (Pair(*first, trusted=False), Pair(*second, trusted=False), Pair(*second, trusted=True)):
            await counter.serve(runner, pair, fronts[0])
            found.append(await asyncio.to_thread(_shown, port))
        await counter.serve(runner, pair, fronts[1])
        assert counter.door.front == fronts[1]
        assert len(runner.sites) == 1
        await runner.cleanup()
        return found

    assert asyncio.run(run()) == [first[0], first[0], second[0]]


def test_who_is_not_of_the_front_proxys_authority_is_not_heard(
    asking: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    with pytest.raises(httpx.TransportError):
        asking("/apis", ADA, by=certificate.authority("another", timedelta(days=1)))
