"""The gateway's statistics, read from every proxy once a second while somebody needs them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

import httpx2 as httpx

from seaway.errors import SeawayError
from seaway.kit.kube import Kube, Manifest
from seaway.model.gateway import OWNER, statistics_at
from seaway.model.manifests import SYSTEM_NAMESPACE
from seaway.pilot.course import NEVER
from seaway.pilot.desk import Desk
from seaway.rooms.crossing.gauges import Totals, parse, query, since
from seaway.rooms.crossing.guards import Seen

#: Seconds between two readings, and for how long a proxy may take to answer.
PERIOD: Final = 1.0
#: Share of a core that reading may take: where there is much to read, it is read less often.
SHARE: Final = 0.03
#: Seconds between two readings at most.
LONGEST: Final = 3.0
PATIENCE: Final = 2.0
#: Seconds after which a reading says nothing of now.
STALE: Final = 5.0
#: Seconds for which the list of proxies holds while all of them answer.
KNOWN: Final = 5.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tick:
    """What both sides (old, new) of each crossing did in the `seconds` since the reading before."""

    sides: Mapping[str, tuple[Seen, Seen]]
    seconds: float


@dataclass
class Readings:
    """Reads beside the steering and tells at the desk when there is something new.

    `seen` is false where a proxy that may have traffic was not read lately: what it does is not known then.
    """

    kube: Kube
    system: str
    desk: Desk
    clock: Callable[[], float] = time.monotonic
    _due: float = NEVER
    _cost: float = 0.0
    number: int = 0
    _whole: float = -NEVER
    _at: float | None = None
    _begun: float | None = None
    _before: dict[str, Totals] = field(default_factory=dict)
    _proxies: dict[str, str] = field(default_factory=dict)
    _needed: set[str] = field(default_factory=set)
    _asked: frozenset[str] = frozenset()
    _known: frozenset[str] = frozenset()
    _listed: float = -NEVER
    _running: Future[dict[str, Totals]] | None = None

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="readings")
        self._http = httpx.Client(timeout=PATIENCE, trust_env=False)

    @property
    def seen(self) -> bool:
        return self.clock() - self._whole < STALE

    @property
    def begins(self) -> bool:
        """Whether somebody needs them only now, so that the first reading may still be under way."""
        return self._begun is not None and self.clock() - self._begun < 2 * PATIENCE

    @property
    def due(self) -> float:
        """When to call `take` next; the end of what runs is told at the desk."""
        return self._due if self._running is None else NEVER

    def take(self, wanted: Collection[str]) -> Tick | None:
        """Give what a reading that has ended tells, and begin the next one, of these crossings, when due."""
        if not wanted:
            self._due, self._at, self._before, self._begun = NEVER, None, {}, None
        tick = self._collect()
        if wanted and self._running is None and self.clock() >= (self._due if self._due < NEVER else 0):
            self._begun = self.clock() if self._begun is None else self._begun
            self._due = self.clock() + min(max(PERIOD, self._cost / SHARE), LONGEST)
            self._asked = frozenset(wanted)
            self._running = self._pool.submit(self._read, query(wanted))
            self._running.add_done_callback(lambda _: self.desk.changed.set())
        return tick

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._http.close()

    def _collect(self) -> Tick | None:
        if self._running is None or not self._running.done():
            return None
        done, self._running = self._running, None
        try:
            now = done.result()
        except SeawayError as error:
            log.warning("the gateway's proxies cannot be listed: %s %s", error, error.why)
            return None
        clock, before, at, known = self.clock(), self._before, self._at, self._known
        if now and self._needed <= now.keys():
            self._whole = clock
        there = {name: totals for name, totals in before.items() if name in self._proxies}
        self._before, self._at, self._known, self.number = there | now, clock, self._asked, self.number + 1
        if at is None:
            return None
        # What was not asked for before has no beginning to count from.
        sides = {name: seen for name, seen in since(before, now).items() if name in known}
        return Tick(sides, clock - at)

    def _read(self, query: str) -> dict[str, Totals]:
        """Read every proxy, side by side."""
        if self.clock() - self._listed >= KNOWN or not self._proxies:
            self._list()
        answers = self._pool.map(self._ask, self._proxies.values(), repeat(query))
        told = {name: answer for name, answer in zip(self._proxies, answers, strict=True) if answer}
        found = {name: totals for name, (totals, _) in told.items()}
        self._cost = sum(cost for _, cost in told.values())
        if not self._needed <= found.keys():
            self._listed = -NEVER
        return found

    def _list(self) -> None:
        """Find the proxies; those that are ready must answer."""
        there = proxies(self.kube, self.system)
        self._proxies = {name: pod["status"]["podIP"] for name, pod in there.items()}
        self._needed = {name for name, pod in there.items() if _serves(pod)}
        self._listed = self.clock()

    def _ask(self, address: str, query: str) -> tuple[Totals, float] | None:
        """Read one proxy; gives the seconds of a core that it took too."""
        began = time.thread_time()
        try:
            answer = self._http.get(statistics_at(address, query))
            return parse(answer.raise_for_status().text), time.thread_time() - began
        except (httpx.HTTPError, ValueError) as error:
            log.warning("the statistics of the proxy at %s are not read: %s", address, error)
            return None


def proxies(kube: Kube, system: str) -> dict[str, Manifest]:
    """Find the pods of the gateway's proxies by the labels that Envoy Gateway gives them, by name."""
    pods = kube.list("v1", "Pod", namespace=SYSTEM_NAMESPACE, labels=f"{OWNER}={system}")
    return {pod["metadata"]["name"]: pod for pod in pods if pod.get("status", {}).get("podIP")}


def _serves(pod: Manifest) -> bool:
    conditions = pod["status"].get("conditions") or []
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
