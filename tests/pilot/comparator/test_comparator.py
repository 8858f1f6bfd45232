"""The comparator between two real servers: what visitors ask is asked of both, and what differs is found."""

from __future__ import annotations

import gzip
import itertools
import json
from dataclasses import replace
from typing import Any

from aiohttp import web

from seaway.rooms.crossing.compare.judgement import judge
from tests.pilot.comparator.servers import SPEC, Sea, document, page, sail


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
