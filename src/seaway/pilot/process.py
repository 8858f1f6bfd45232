"""One process of the pilot: a candidate, and what it does while it leads."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
import uuid
from typing import Final

from seaway.errors import SeawayError
from seaway.kit.kube import Kube
from seaway.pilot import health, watches
from seaway.pilot.comparing import Comparison
from seaway.pilot.desk import Desk
from seaway.pilot.lapsing import Lapsing
from seaway.pilot.leader import RETRY, Candidate
from seaway.pilot.readings import Readings
from seaway.pilot.renewing import Renewing
from seaway.pilot.steering import Steering
from seaway.rooms.crossing.deployment import HEALTH, PILOT

#: Seconds without a beat of the steering after which the kubelet starts this process anew.
STUCK: Final = 120.0
log = logging.getLogger(__name__)


class Pilot:
    """Waits until it leads, then steers until it is told to stop or another leads."""

    def __init__(self, kube: Kube, namespace: str, name: str) -> None:
        self.candidate = Candidate(kube, namespace, PILOT, f"{name}_{uuid.uuid4().hex[:8]}")
        self.namespace, self.desk = namespace, Desk()
        readings = Readings(kube, namespace, self.desk)
        comparison = Comparison(kube, namespace, self.desk, self._leads)
        self.steering = Steering(kube, namespace, self.desk, self._leads, readings, comparison)
        self.renewing = Renewing(kube, namespace, self._leads)
        self.lapsing = Lapsing(kube, namespace, self._leads, self.renewing.soon)
        self.stop, self.ended, self.asked = asyncio.Event(), threading.Event(), False

    async def run(self) -> bool:
        """Give whether it ended well: told to stop, not overtaken."""
        self._listen()
        answers = await health.serve(self._alive, self._ready, HEALTH)
        try:
            while not self.stop.is_set() and not await asyncio.to_thread(self._attempt):
                await _either(self.stop, RETRY)
            if not self.stop.is_set():
                await self._lead()
        finally:
            await answers.cleanup()
        return not self.candidate.lost

    async def _lead(self) -> None:
        log.info("%s leads", self.candidate.identity)
        loop = asyncio.get_running_loop()
        threads = [
            threading.Thread(target=self._keep, args=(loop,), name="lease"),
            threading.Thread(target=self._steer, args=(loop,), name="steering"),
            threading.Thread(target=self.lapsing.run, args=(self.ended,), name="lapsing"),
            threading.Thread(target=self.renewing.run, args=(self.ended,), name="renewing"),
        ]
        for thread in threads:
            thread.start()
        started = asyncio.Event()
        watching = asyncio.create_task(watches.watch(self.desk, self.namespace, self.stop, started))
        listening = asyncio.create_task(self._listen_again(started))
        try:
            await asyncio.wait(
                [watching, asyncio.create_task(self.stop.wait())], return_when="FIRST_COMPLETED"
            )
        finally:
            self.ended.set()
            self.desk.changed.set()
            for thread in threads:
                await asyncio.to_thread(thread.join)
            overtaken = self.candidate.lost
            await asyncio.to_thread(self._release)
            self.steering.close()
            self.stop.set()
            listening.cancel()
            await watching
            log.info("%s %s", self.candidate.identity, "was overtaken" if overtaken else "let go")

    def _keep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Renew the lease; whoever is overtaken stops."""
        self.candidate.keep(self.ended)
        loop.call_soon_threadsafe(self.stop.set)

    def _steer(self, loop: asyncio.AbstractEventLoop) -> None:
        """Steer; a fault of the steering ends the process, so that another goes on."""
        try:
            self.steering.run(self.ended)
        finally:
            loop.call_soon_threadsafe(self.stop.set)

    def _attempt(self) -> bool:
        try:
            won = self.candidate.attempt()
        except SeawayError as error:
            log.warning("the lease: %s %s", error, error.why)
            return False
        self.asked = True
        return won

    def _release(self) -> None:
        try:
            self.candidate.release()
        except SeawayError as error:
            log.warning("the lease runs out by itself: %s", error)

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self.stop.set)

    async def _listen_again(self, started: asyncio.Event) -> None:
        """Take the signals back from kopf: the lease is let go before its watches have ended."""
        await started.wait()
        self._listen()

    def _leads(self) -> bool:
        return self.candidate.leads

    def _alive(self) -> str:
        beat = self.steering.beat
        stuck = self.candidate.leads and beat and time.monotonic() - beat > STUCK
        return f"the steering has not moved for {STUCK:.0f} s" if stuck else ""

    def _ready(self) -> str:
        return "" if self.asked else "the lease was not seen yet"


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, or so long."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
