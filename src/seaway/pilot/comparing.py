"""The comparison of both sides as the pilot follows it: what the comparator is told, and its report."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from seaway.errors import SeawayError
from seaway.kit.kube import Kube, Ref
from seaway.pilot.comparator.reports import Reports
from seaway.pilot.course import NEVER, PERSIST
from seaway.pilot.desk import Desk
from seaway.pilot.outside import OldSides, old_target
from seaway.rooms.crossing.compare.judgement import judge
from seaway.rooms.crossing.compare.kept import differences_name, kept, report_of
from seaway.rooms.crossing.compare.tally import Tally
from seaway.rooms.crossing.compare.task import Task, task_of
from seaway.rooms.crossing.facts import Compared
from seaway.rooms.crossing.resource import Crossing

#: Seconds between two questions to the comparator.
PERIOD: Final = 1.0
#: Seconds after which a report says nothing of now.
STALE: Final = 10.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """A report as it was written last, what was judged by it, and when, in seconds of a clock."""

    tally: Tally
    judged: Compared
    at: float

    def passed(self, tally: Tally, judged: Compared, clock: float) -> bool:
        """Whether a newer one must be written: at once where the judgement is another, else now and then."""
        if tally == self.tally:
            return False
        another = tally.basis != self.tally.basis or _said(judged) != _said(self.judged)
        return another or clock - self.at >= PERSIST


@dataclass
class Comparison:
    """Asks beside the steering, as `leads` allows, and tells at the desk when there is something new."""

    kube: Kube
    system: str
    desk: Desk
    leads: Callable[[], bool]
    reports: Reports = field(default_factory=Reports)
    clock: Callable[[], float] = time.monotonic
    _due: float = NEVER
    number: int = 0
    _told: bool = False
    _found: dict[str, Compared] = field(default_factory=dict)
    _at: float = -NEVER
    _written: dict[str, Written] = field(default_factory=dict)
    _running: Future[dict[str, Compared]] | None = None

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="comparison")
        self._sides = OldSides(partial(old_target, self.kube, self.system), self.clock)

    @property
    def due(self) -> float:
        """When to call `take` next; the end of what runs is told at the desk."""
        return self._due if self._running is None else NEVER

    def take(self, crossings: Collection[Crossing]) -> None:
        """Take in what an exchange that has ended brought, and begin the next one where it is time."""
        self._collect()
        if not crossings:
            self._due = NEVER
        wanted = bool(crossings) or self._told
        if wanted and self._running is None and self.clock() >= (self._due if self._due < NEVER else 0):
            self._due = self.clock() + PERIOD if crossings else NEVER
            self._told = bool(crossings)
            self._running = self._pool.submit(self._exchange, list(crossings))
            self._running.add_done_callback(lambda _: self.desk.changed.set())

    def of(self, name: str) -> Compared | None:
        """Give what is known of a crossing; None where the comparator has not told it lately."""
        return self._found.get(name) if self.clock() - self._at < STALE else None

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self.reports.close()

    def _collect(self) -> None:
        if self._running is None or not self._running.done():
            return
        done, self._running = self._running, None
        try:
            self._found, self._at = done.result(), self.clock()
        except SeawayError as error:
            log.warning("the comparison: %s %s", error, error.why)
        self.number += 1

    def _exchange(self, crossings: list[Crossing]) -> dict[str, Compared]:
        """Tell what is compared; gives the judgement of each, after its report was written."""
        tasks = {crossing.name: task for crossing in crossings if (task := self._task(crossing))}
        for name in tasks.keys() - self.reports.known.keys():
            if found := self._kept(name):
                self.reports.known = {**self.reports.known, name: found}
        tallies = self.reports.exchange(tasks.values())
        judged = {name: judge(tally, tasks[name].spec) for name, tally in tallies.items()}
        for name, verdict in judged.items():
            tally, before = tallies[name], self._written.get(name)
            if self.leads() and (before is None or before.passed(tally, verdict, self.clock())):
                self.kube.apply(kept(self.system, name, tally))
                self._written[name] = Written(tally, verdict, self.clock())
        return judged

    def _task(self, crossing: Crossing) -> Task | None:
        return task_of(crossing, self._sides.of(crossing)) if crossing.spec.compare else None

    def _kept(self, name: str) -> Tally | None:
        """Read what a pilot before has kept; what cannot be read is begun anew."""
        report = report_of(self.kube.get(Ref("v1", "ConfigMap", differences_name(name), self.system)))
        try:
            return Tally.from_json(report) if report else None
        except (KeyError, TypeError, ValueError):
            return None


def _said(judged: Compared) -> tuple[bool, bool]:
    return judged.enough, judged.differs


def as_decided(crossing: Crossing, epoch: int) -> Crossing:
    """Give the crossing with the epoch that was decided last, which its status may not say yet."""
    return replace(crossing, state=replace(crossing.state, epoch=epoch))
