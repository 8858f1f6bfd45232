"""What the comparator does: takes copies of requests, asks both sides, compares, counts.

Whatever is too much is left out and counted: the sides serve visitors, and come first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from seaway.pilot.comparator.asking import Asker
from seaway.pilot.comparator.copies import Copy, asked_of, refusal
from seaway.rooms.crossing.compare.contrast import compare
from seaway.rooms.crossing.compare.tally import Tally
from seaway.rooms.crossing.compare.task import Task, find
from seaway.rooms.crossing.sides import Side

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How much is compared: at once, waiting, and in a second. One comparison asks three times."""

    at_once: int = 4
    waiting: int = 64
    a_second: float = 10.0
    burst: int = 20


@dataclass
class Bucket:
    """A token bucket: `rate` a second, no more than `most` at once. `clock` gives seconds, forward only."""

    rate: float
    most: float
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._left, self._at = float(self.most), self.clock()

    def take(self) -> bool:
        now = self.clock()
        self._left, self._at = min(self.most, self._left + (now - self._at) * self.rate), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass
class Comparator:
    """Lives in one event loop. `run` must go for anything to be compared."""

    asker: Asker
    limits: Limits = Limits()
    tasks: dict[str, Task] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._queue: asyncio.Queue[tuple[Copy, Task, str]] = asyncio.Queue(self.limits.waiting)
        self._bucket = Bucket(self.limits.a_second, self.limits.burst)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="compare")

    def tell(self, tasks: Iterable[Task], begin: Mapping[str, Any]) -> None:
        """Take in which crossings are compared now; what is no longer among them is forgotten.

        `begin` are tallies as somebody kept them: one of the same try that knows more is gone on with.
        """
        self.tasks = {task.name: task for task in tasks}
        self.tallies = {name: self._tally(task, begin.get(name)) for name, task in self.tasks.items()}

    def _tally(self, task: Task, kept: Any) -> Tally:
        tally = self.tallies.get(task.name)
        if tally is None or tally.basis != task.basis:
            tally = Tally.fresh(task.basis, task.routes)
        try:
            known = Tally.from_json(kept) if kept else tally
        except (KeyError, TypeError, ValueError):
            log.warning("%s: what was kept cannot be read", task.name)
            return tally
        return known if known.basis == task.basis and known.compared > tally.compared else tally

    def reports(self) -> dict[str, Any]:
        return {name: tally.as_json() for name, tally in self.tallies.items()}

    def offer(self, copy: Copy) -> None:
        """Take a request, or leave it out."""
        found = find(self.tasks.values(), copy.path)
        if found is None:
            return
        task, route = found
        if why := refusal(copy, task):
            self.leave_out(task, why)
        elif self._queue.full():
            self.leave_out(task, "too many waited")
        elif not self._bucket.take():
            self.leave_out(task, "too many in a second")
        else:
            self._queue.put_nowait((copy, task, route))

    def leave_out(self, task: Task, why: str) -> None:
        """Count a request that is not compared."""
        self._count(task, lambda tally: tally.leave_out(why))

    async def run(self) -> None:
        """Compare until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.limits.at_once):
                    group.create_task(self._work())
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        while True:
            copy, task, route = await self._queue.get()
            try:
                await self._compare(copy, task, route)
            except Exception:  # one answer, however strange, must not end the comparison of all others
                log.exception("%s: %s could not be compared", task.name, copy.method)
                self.leave_out(task, "it could not be compared")

    async def _compare(self, copy: Copy, task: Task, route: str) -> None:
        if self.tasks.get(task.name) != task:
            return
        first = await self.asker.ask(copy, task.old, Side.OLD)
        if first.failure:
            self.leave_out(task, f"{first.failure} (monolith)")
            return
        new = await self.asker.ask(copy, task.new, Side.NEW)
        second = await self.asker.ask(copy, task.old, Side.OLD)
        loop = asyncio.get_running_loop()
        asked = asked_of(copy, task)
        found = await loop.run_in_executor(self._pool, compare, asked, first, new, second, task.spec)
        self._count(task, lambda tally: tally.add(route, found))

    def _count(self, task: Task, change: Callable[[Tally], Tally]) -> None:
        """Change the tally of a task, unless another try has begun since."""
        tally = self.tallies.get(task.name)
        if tally is not None and tally.basis == task.basis:
            self.tallies[task.name] = change(tally)
