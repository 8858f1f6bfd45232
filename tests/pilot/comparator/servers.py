"""Two real servers, the sides of a crossing, with the comparator between them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from seaway.pilot.comparator.asking import Asker
from seaway.pilot.comparator.server import Server
from seaway.pilot.comparator.work import Limits
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
