"""One process of the counter: reads the proxies, looks after its certificate, answers."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from seaway.errors import Conflict, SeawayError
from seaway.kit.kube import Kube
from seaway.pilot import health
from seaway.pilot.counter.counting import Counting
from seaway.pilot.counter.door import Door, tls
from seaway.pilot.counter.keeper import Keeper, Pair
from seaway.rooms.requests.caller import AUTHENTICATION, FrontProxy
from seaway.rooms.requests.manifests import HEALTH, PORT

#: Seconds between two looks at certificates: once all is well, and before that.
EVERY: Final = 30.0
SOON: Final = 1.0
#: Seconds without a reading after which the kubelet starts this process anew.
STUCK: Final = 60.0
log = logging.getLogger(__name__)


@dataclass
class Counter:
    """Serves until it is told to stop. What is served by follows the cluster: pair, and front proxy."""

    kube: Kube
    port: int = PORT
    health: int = HEALTH
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _by: tuple[str, FrontProxy] | None = None
    _site: web.TCPSite | None = None

    def __post_init__(self) -> None:
        self.counting, self.keeper, self.ended = Counting(self.kube), Keeper(self.kube), threading.Event()
        self.door = Door(self.kube, self.counting)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self.stop.set)
        reading = threading.Thread(target=self.counting.run, args=(self.ended,), name="counting")
        reading.start()
        answers = await health.serve(self._alive, self._ready, self.health)
        runner = web.AppRunner(self.door.app(), access_log=None)
        await runner.setup()
        try:
            while not self.stop.is_set():
                seen = await asyncio.to_thread(self._look)
                if seen:
                    await self.serve(runner, *seen)
                await self._pause(EVERY if seen and seen[0].trusted else SOON)
        finally:
            self.ended.set()
            await runner.cleanup()
            await answers.cleanup()
            await asyncio.to_thread(reading.join)

    def _look(self) -> tuple[Pair, FrontProxy] | None:
        try:
            front = FrontProxy.read(self.kube.get(AUTHENTICATION) or {})
            return self.keeper.look(), front
        except Conflict:
            return None  # what the other pod made is seen the next time
        except (SeawayError, ValueError) as error:
            log.warning("certificates were not looked after: %s", error)
            return None

    async def serve(self, runner: web.AppRunner, pair: Pair, front: FrontProxy) -> None:
        """Listen with these, beside the listener before until they do; one that is not known waits."""
        self.door.front = front
        if self._by == (pair.chain, front) or (self._site and not pair.trusted):
            return
        site = web.TCPSite(runner, port=self.port, ssl_context=tls(pair, front), reuse_port=True)
        await site.start()
        if self._site:
            await self._site.stop()
        self._by, self._site = (pair.chain, front), site

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stop.wait(), seconds)
        except TimeoutError:
            return

    def _alive(self) -> str:
        beat = self.counting.beat
        return f"nothing was read for {STUCK:.0f} s" if beat and time.monotonic() - beat > STUCK else ""

    def _ready(self) -> str:
        if self._site is None:
            return "the certificate is not there yet"
        return "" if self.counting.rounds > 1 else "the proxies were not read twice yet"
