"""The comparator between two real servers: what visitors ask is asked of both, and what differs is found."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from yarl import URL

from seaway.errors import Unreachable
from seaway.pilot.comparator.asking import Asker
from seaway.pilot.comparator.reports import Reports
from seaway.pilot.comparator.server import Server
from seaway.pilot.comparator.work import Bucket, Limits
from seaway.rooms.crossing.compare.answer import LARGEST
from seaway.rooms.crossing.compare.contrast import Comparison
from seaway.rooms.crossing.compare.judgement import judge
from seaway.rooms.crossing.compare.spec import CompareSpec
from seaway.rooms.crossing.compare.tally import RouteTally, Tally
from seaway.rooms.crossing.compare.task import Target, Task

HOST = "127.0.0.1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SPEC = CompareSpec(requests=5, differences="0%", methods=("GET", "HEAD", "PUT"))


@dataclass
class App:
    """One side: a real server on a loopback port, which remembers what it was asked."""

    handler: Handler
    port: int = 0
    ssl: ssl.SSLContext | None = None
    asked: list[web.Request] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application(client_max_size=2**20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0, ssl_context=self.ssl).start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(request)
        return await self.handler(request)


@dataclass
class Sea:
    """Both sides and the comparator between them."""

    old: App
    new: App
    server: Server
    client: aiohttp.ClientSession
    task: Task

    async def ask(self, path: str = "/login", method: str = "GET", **given: Any) -> None:
        """Send what the gateway mirrors."""
        headers = {"Host": "thoughts.localhost-shadow", **given.pop("headers", {})}
        url = URL(f"http://{HOST}:{self.server.mirror}{path}", encoded=True)
        async with self.client.request(method, url, headers=headers, **given) as answer:
            assert answer.status == 204
            assert await answer.read() == b""

    async def tally(self, done: int) -> Tally:
        """The tally, once so many requests were dealt with."""
        for _ in range(600):
            tally = self.server.comparator.tallies["login"]
            if tally.compared + sum(tally.left_out.values()) >= done:
                return tally
            await asyncio.sleep(0.02)
        raise AssertionError(f"not {done} but {tally.as_json()}")

    async def after(self, path: str = "/login", method: str = "GET", **given: Any) -> RouteTally:
        """The tally of the route after one request more."""
        tally = self.server.comparator.tallies["login"]
        done = tally.compared + sum(tally.left_out.values())
        await self.ask(path, method, **given)
        return (await self.tally(done + 1)).routes["/login"]


def sail(
    old: Handler,
    new: Handler,
    story: Callable[[Sea], Coroutine[Any, Any, None]],
    *,
    limits: Limits | None = None,
    whole: float = 5.0,
    spec: CompareSpec = SPEC,
) -> None:
    async def run() -> None:
        first, second = App(old), App(new)
        server = Server(HOST, 0, 0, limits=limits or Limits(a_second=1000, burst=1000), asker=Asker(whole))
        async with first.serving(), second.serving(), server, aiohttp.ClientSession() as client:
            sides = Target(f"http://{HOST}:{first.port}"), Target(f"http://{HOST}:{second.port}")
            task = Task("login", "1", "thoughts.localhost", ("/login", "/logout"), *sides, spec)
            server.comparator.tell([task], {})
            await story(Sea(first, second, server, client, task))

    asyncio.run(run())


def page(body: str, **headers: str) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type="text/html", headers=headers)

    return handle


def document(make: Callable[[], Any]) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.json_response(make())

    return handle


def test_equal_sides() -> None:
    async def story(sea: Sea) -> None:
        for _ in range(5):
            await sea.ask()
        tally = await sea.tally(5)
        assert (tally.compared, tally.different, tally.left_out) == (5, 0, {})
        assert (len(sea.old.asked), len(sea.new.asked)) == (10, 5)
        assert judge(tally, SPEC).enough
        assert not judge(tally, SPEC).differs

    sail(page("<h1>Log in</h1>"), page("<div><h1>Log  in</h1></div>"), story)


def test_clock_and_token_are_explained_and_a_real_difference_is_found_and_redacted() -> None:
    clock = itertools.count()

    def old() -> Any:
        return {
            "at": f"10:00:{next(clock):02}",
            "token": f"t{next(clock)}",
            "user": {"email": "ann@a.example", "n": 1},
        }

    async def story(sea: Sea) -> None:
        for _ in range(6):
            route = await sea.after("/login?next=/private-page&page=2")
        tally = sea.server.comparator.tallies["login"]
        assert (route.compared, route.unexplained) == (6, 6)
        assert route.noise == {"$.at": 6, "$.token": 6}
        (places, kind), *others = route.top()
        assert (places, others) == (("$.user.email", "$.user.n"), [])
        assert kind.example.request == "GET /login?next=<...>&page=2"
        assert (kind.example.old, kind.example.new) == ("<hidden>", "<hidden>")
        assert "example.net" not in json.dumps(tally.as_json())
        assert judge(tally, SPEC).differs

    def new() -> Any:
        return {**old(), "user": {"email": "bob@example.net", "n": 2}}

    sail(document(old), document(new), story)


def test_a_side_is_asked_as_the_gateway_would() -> None:
    async def story(sea: Sea) -> None:
        headers = {
            "Host": "thoughts.localhost-shadow:8443",
            "Cookie": "session=abc",
            "Authorization": "Bearer x",
            "If-None-Match": '"1"',
            "Range": "bytes=0-1",
            "Connection": "keep-alive, X-Hop",
            "X-Hop": "1",
            "X-Forwarded-For": "203.0.113.9",
            "X-Seaway-Side": "forged",
            "Accept": "text/html",
            "User-Agent": "a browser",
        }
        await sea.after("/login/%C3%A9%2F?a=%20b&a=2", headers=headers)
        for app, side in ((sea.old, "monolith"), (sea.new, "service")):
            seen = app.asked[0]
            assert seen.raw_path == "/login/%C3%A9%2F?a=%20b&a=2"
            assert seen.headers["Host"] == "thoughts.localhost:8443"
            assert seen.headers["Cookie"] == "session=abc"
            assert seen.headers["Authorization"] == "Bearer x"
            assert seen.headers["X-Forwarded-For"] == "203.0.113.9"
            assert seen.headers["X-Forwarded-Proto"] == "https"
            assert seen.headers.getall("X-Seaway-Side") == [side]
            assert seen.headers["X-Seaway-Comparison"] == "1"
            assert seen.headers.getall("User-Agent") == ["a browser"]
            assert not {"If-None-Match", "Range", "X-Hop"} & set(seen.headers)

    sail(page("x"), page("x"), story)


def test_a_monolith_outside_is_asked_by_its_own_name() -> None:
    async def story(sea: Sea) -> None:
        task = replace(sea.task, basis="2", old=replace(sea.task.old, host="shop.example"))
        sea.server.comparator.tell([task], {})
        assert (await sea.after()).equal == 1
        assert sea.old.asked[0].headers["Host"] == "shop.example"
        assert sea.new.asked[0].headers["Host"] == "thoughts.localhost"

    sail(
        page('<a href="https://shop.example/a">x</a>'),
        page('<a href="https://thoughts.localhost/a">x</a>'),
        story,
    )


def test_no_redirect_is_followed_and_no_cookie_kept() -> None:
    async def leads(request: web.Request) -> web.StreamResponse:
        assert "Cookie" not in request.headers
        host = request.headers["Host"]
        return web.Response(
            status=302, headers={"Location": f"https://{host}/in", "Set-Cookie": "session=1; Path=/"}
        )

    async def story(sea: Sea) -> None:
        for _ in range(2):
            assert (await sea.after()).different == 0
        assert {request.path for request in sea.old.asked} == {"/login"}

    sail(leads, leads, story)


def test_only_what_is_declared_idempotent_is_asked_with_its_body() -> None:
    bodies: list[bytes] = []

    async def echo(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.read())
        return web.json_response(request.method)

    async def story(sea: Sea) -> None:
        await sea.after("/login", "PUT", data=b"name=x")
        assert bodies == [b"name=x"] * 3
        await sea.after("/login", "POST", data=b"x")
        await sea.after("/login", "PUT", data=b"x" * 70_000)
        await sea.after("/login", "HEAD")
        await sea.after("/login", headers={"Upgrade": "websocket", "Connection": "Upgrade"})
        tally = sea.server.comparator.tallies["login"]
        assert tally.left_out == {
            "the method POST is not to be compared": 1,
            "its body is too large": 1,
            "it changes the protocol": 1,
        }
        assert {request.method for request in sea.old.asked} == {"PUT", "HEAD"}

    sail(echo, echo, story)


def test_requests_of_other_routes_are_not_asked() -> None:
    async def story(sea: Sea) -> None:
        for path in ("/", "/loginx", "/crossings", "/report", "/healthz"):
            await sea.ask(path)
        await sea.after("/logout/now")
        assert {request.path for request in sea.old.asked} == {"/logout/now"}

    sail(page("x"), page("x"), story)


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/html; charset=utf-8"})
    await answer.prepare(request)
    while True:
        await answer.write(b"<p>more" * 10_000)


async def slow(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def trickle(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/html"})
    await answer.prepare(request)
    while True:
        await answer.write(b"x")
        await asyncio.sleep(0.05)


async def breaks(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/html", "Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b"x")
    assert request.transport
    request.transport.close()
    return answer


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport
    request.transport.close()
    return web.Response()


async def long_head(_: web.Request) -> web.StreamResponse:
    return web.Response(headers={"X-Long": "x" * 200_000})


async def bomb(_: web.Request) -> web.StreamResponse:
    packed = gzip.compress(b"\0" * 30_000_000)
    return web.Response(
        body=packed, headers={"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "gzip"}
    )


HOSTILE = {
    "slow": (slow, "no answer in time"),
    "a trickle": (trickle, "no answer in time"),
    "broken off": (breaks, "the answer broke off"),
    "hung up": (hangs_up, "the connection broke off"),
    "a head without end": (long_head, "no answer in HTTP"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_new_side_that_does_not_answer_well_differs(case: str) -> None:
    handler, told = HOSTILE[case]

    async def story(sea: Sea) -> None:
        route = await sea.after()
        (places, kind), *_ = route.top()
        assert (places, kind.example.new) == (("answer",), told)

    sail(page("x"), handler, story, whole=0.5)


@pytest.mark.parametrize("case", HOSTILE)
def test_an_old_side_that_does_not_answer_well_says_nothing(case: str) -> None:
    handler, told = HOSTILE[case]

    async def story(sea: Sea) -> None:
        assert (await sea.after()).compared == 0
        assert sea.server.comparator.tallies["login"].left_out == {f"{told} (monolith)": 1}

    sail(handler, page("x"), story, whole=0.5)


@pytest.mark.parametrize("handler", [endless, bomb])
def test_a_body_without_end_is_cut_and_compared_as_far(handler: Handler) -> None:
    async def story(sea: Sea) -> None:
        route = await sea.after()
        (places, kind), *_ = route.top()
        assert places == ("body",)
        assert kind.example.new.startswith(f"the first {LARGEST} bytes")

    sail(page("x"), handler, story)


def test_a_side_that_is_not_there() -> None:
    async def story(sea: Sea) -> None:
        task = replace(sea.task, basis="2", new=Target(f"http://{HOST}:1"))
        sea.server.comparator.tell([task], {})
        route = await sea.after()
        assert route.top()[0][1].example.new == "no connection"

    sail(page("x"), page("x"), story)


def test_packed_answers_are_compared_unpacked() -> None:
    async def packed(request: web.Request) -> web.StreamResponse:
        assert "gzip" in request.headers["Accept-Encoding"]
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "gzip"}
        return web.Response(body=gzip.compress(b"<h1>x</h1>"), headers=headers)

    async def story(sea: Sea) -> None:
        assert (await sea.after(headers={"Accept-Encoding": "gzip, br"})).equal == 1

    sail(packed, page("<h1>x</h1>"), story)


def test_whoever_is_logged_in_is_compared_logged_in() -> None:
    async def greets(request: web.Request) -> web.StreamResponse:
        return web.Response(
            text=f"<p>Hello {request.cookies.get('user', 'stranger')}</p>", content_type="text/html"
        )

    async def story(sea: Sea) -> None:
        assert (await sea.after(headers={"Cookie": "user=ann"})).equal == 0
        assert (await sea.after()).equal == 1

    sail(greets, page("<p>Hello stranger</p>"), story)


def test_what_is_too_much_is_left_out_and_the_sides_are_spared() -> None:
    at_once, most = 0, 0

    async def busy(_: web.Request) -> web.StreamResponse:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.2)
        at_once -= 1
        return web.Response(text="x")

    async def story(sea: Sea) -> None:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(sea.ask() for _ in range(40)))
        assert asyncio.get_running_loop().time() - began < 5, "the gateway does not wait"
        tally = await sea.tally(40)
        assert tally.left_out["too many waited"] >= 30
        assert tally.compared == 40 - tally.left_out["too many waited"]
        assert most <= 2

    sail(busy, busy, story, limits=Limits(at_once=2, waiting=4, a_second=1000, burst=1000))


def test_no_more_than_so_many_a_second() -> None:
    async def story(sea: Sea) -> None:
        for _ in range(20):
            await sea.ask()
        tally = await sea.tally(20)
        assert 3 <= tally.compared <= 5
        assert tally.left_out["too many in a second"] == 20 - tally.compared

    sail(page("x"), page("x"), story, limits=Limits(a_second=0.5, burst=3))


def test_the_bucket_fills_again_but_not_over() -> None:
    now = [0.0]
    bucket = Bucket(2.0, 3.0, lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_an_answer_that_cannot_be_compared_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a fault of the comparison")

    async def story(sea: Sea) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("seaway.pilot.comparator.work.compare", fails)
            for _ in range(6):
                await sea.after()
        assert (await sea.after()).compared == 1
        assert sea.server.comparator.tallies["login"].left_out == {"it could not be compared": 6}

    sail(page("x"), page("x"), story)


def test_another_try_begins_anew() -> None:
    async def story(sea: Sea) -> None:
        assert (await sea.after()).compared == 1
        sea.server.comparator.tell([sea.task], {})
        assert sea.server.comparator.tallies["login"].compared == 1
        sea.server.comparator.tell([replace(sea.task, basis="2")], {})
        assert sea.server.comparator.tallies["login"].compared == 0
        sea.server.comparator.tell([], {})
        assert sea.server.comparator.reports() == {}
        await sea.ask()
        assert sea.server.comparator.reports() == {}

    sail(page("x"), page("y"), story)


def test_the_doors_are_apart() -> None:
    async def story(sea: Sea) -> None:
        control = f"http://{HOST}:{sea.server.control}"
        async with sea.client.get(f"{control}/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        async with sea.client.get(f"{control}/login") as answer:
            assert answer.status == 404
        for body in (
            b"",
            b"{}",
            b"[]",
            b'{"tasks": [{}]}',
            b'{"tasks": 1}',
            b"\xff",
            b'{"tasks": [], "begin": 1}',
        ):
            async with sea.client.post(f"{control}/crossings", data=body) as answer:
                assert answer.status == 400
        assert "login" in sea.server.comparator.tasks
        async with sea.client.get(f"{control}/report") as answer:
            assert set((await answer.json())["reports"]) == {"login"}

    sail(page("x"), page("x"), story)


def test_the_pilot_tells_and_hears() -> None:
    async def story(sea: Sea) -> None:
        reports = Reports(f"http://{HOST}:{sea.server.control}")
        task = replace(sea.task, basis="2")
        assert (await asyncio.to_thread(reports.exchange, [task]))["login"] == Tally.fresh("2", task.routes)
        await sea.after()
        assert (await asyncio.to_thread(reports.exchange, [task]))["login"].compared == 1
        assert await asyncio.to_thread(reports.exchange, []) == {}
        reports.close()

    sail(page("x"), page("x"), story)


def test_a_comparator_that_was_started_anew_goes_on_from_what_is_known() -> None:
    async def story(sea: Sea) -> None:
        reports = Reports(f"http://{HOST}:{sea.server.control}")
        await sea.after()
        await asyncio.to_thread(reports.exchange, [sea.task])
        async with Server(HOST, 0, 0) as other:
            reports.url = f"http://{HOST}:{other.control}"
            assert (await asyncio.to_thread(reports.exchange, [sea.task]))["login"].compared == 1
            assert other.comparator.tallies["login"].compared == 1
            old = replace(sea.task, basis="2")
            assert (await asyncio.to_thread(reports.exchange, [old]))["login"].compared == 0
        with pytest.raises(Unreachable, match="does not answer"):
            await asyncio.to_thread(reports.exchange, [sea.task])
        reports.close()

    sail(page("x"), page("x"), story)


def test_a_crossing_that_comes_later_begins_with_what_was_kept() -> None:
    async def story(sea: Sea) -> None:
        reports = Reports(f"http://{HOST}:{sea.server.control}")
        await asyncio.to_thread(reports.exchange, [sea.task])
        kept = Tally.fresh("1", ("/logout",)).leave_out("before").add("/logout", Comparison())
        later = replace(sea.task, name="later", routes=("/logout",))
        reports.known = {**reports.known, "later": kept}
        assert (await asyncio.to_thread(reports.exchange, [sea.task, later]))["later"] == kept
        reports.close()

    sail(page("x"), page("x"), story)


def certificate(folder: Path) -> str:
    """A key and a certificate for shop.example in a file; gives the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    (folder / "both.pem").write_bytes(
        made + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return made.decode()


def test_a_monolith_over_tls_is_asked_only_where_it_is_the_one(tmp_path: Path) -> None:
    ca = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "both.pem")

    async def story(sea: Sea) -> None:
        outside = App(page("x"), ssl=context)
        async with outside.serving():
            url, done = f"https://{HOST}:{outside.port}", 0
            for target in (
                Target(url, "shop.example", ca=ca),
                Target(url, "other.example", ca=ca),
                Target(url, "shop.example"),
                Target(url, "shop.example", ca="none"),
                Target(url, "other.example", verify=False),
            ):
                sea.server.comparator.tell([replace(sea.task, basis=str(target), old=target)], {})
                route = await sea.after()
                done += route.compared
                left = sea.server.comparator.tallies["login"].left_out
                assert route.equal or left == {"no connection (monolith)": 1}, target
            assert done == 2
            assert outside.asked[0].headers["Host"] == "shop.example"

    sail(page("x"), page("x"), story)


def test_whoever_begins_tells_what_was_kept() -> None:
    async def story(sea: Sea) -> None:
        await sea.after()
        kept = sea.server.comparator.tallies["login"]
        sea.server.comparator.tell([], {})
        reports = Reports(f"http://{HOST}:{sea.server.control}", {"login": kept})
        assert (await asyncio.to_thread(reports.exchange, [sea.task]))["login"] == kept
        reports.close()

    sail(page("x"), page("x"), story)
