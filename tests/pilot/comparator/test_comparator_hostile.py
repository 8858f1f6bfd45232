"""Servers that answer late, without end or not at all do the comparator no harm."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import replace

import pytest
from aiohttp import web

from seaway.rooms.crossing.compare.answer import LARGEST
from seaway.rooms.crossing.compare.task import Target
from tests.pilot.comparator.servers import HOST, Handler, Sea, page, sail


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
