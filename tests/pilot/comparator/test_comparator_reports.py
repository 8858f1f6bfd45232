"""What the pilot tells the comparator and hears from it, and what of it outlives either."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from seaway.errors import Unreachable
from seaway.pilot.comparator.reports import Reports
from seaway.pilot.comparator.server import Server
from seaway.rooms.crossing.compare.contrast import Comparison
from seaway.rooms.crossing.compare.tally import Tally
from tests.pilot.comparator.servers import HOST, Sea, page, sail


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


def test_whoever_begins_tells_what_was_kept() -> None:
    async def story(sea: Sea) -> None:
        await sea.after()
        kept = sea.server.comparator.tallies["login"]
        sea.server.comparator.tell([], {})
        reports = Reports(f"http://{HOST}:{sea.server.control}", {"login": kept})
        assert (await asyncio.to_thread(reports.exchange, [sea.task]))["login"] == kept
        reports.close()

    sail(page("x"), page("x"), story)
