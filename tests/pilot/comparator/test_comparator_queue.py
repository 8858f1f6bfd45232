"""What waits to be compared is bounded, and nothing in it ends the rest."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from seaway.pilot.comparator.work import Bucket, Limits
from tests.pilot.comparator.servers import Sea, page, sail


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
