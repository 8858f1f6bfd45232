"""The steering: look at each crossing when something of it is new or its moment has come, decide, carry out.

One thread does it, so that decisions about crossings that depend on each other come one after the other. The
statistics and the comparator's reports are read beside it, since they take longer; a command never waits for
them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

from seaway.errors import Conflict, SeawayError
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.model.gateway import ENVOY_API, GATEWAY_API
from seaway.model.wrong import Wrong
from seaway.pilot.comparing import Comparison, as_decided
from seaway.pilot.course import NEVER, PERSIST, Course
from seaway.pilot.desk import CROSSING, ROUTE, SLICE, Desk
from seaway.pilot.hands import Hands
from seaway.pilot.readings import Readings
from seaway.pilot.routing import COMPANIONS, facts_of, missing_companions, wanted_route
from seaway.rooms.crossing.facts import Facts, Other
from seaway.rooms.crossing.guards import Verdict
from seaway.rooms.crossing.life import Advance, advance
from seaway.rooms.crossing.resource import API, FINALIZER, Crossing, understood
from seaway.rooms.crossing.sides import route_name
from seaway.rooms.crossing.state import Phase
from seaway.rooms.crossing.turn import Emit, Record, Release, Requeue, SetSplit

#: Seconds between two looks at the lists themselves: a watch that was away may have missed a removal.
RESYNC: Final = 30.0
#: Seconds after which a watched crossing is looked at although nothing was read.
UNREAD: Final = 3.5
#: Writes a second of what is only counted, of all crossings together: each costs the pilot milliseconds.
WRITES: Final = 5.0
#: Seconds until another try after an error.
AGAIN: Final = 1.0
#: Seconds until another try after a fault of the pilot's own.
FAULT: Final = 10.0
FAULTY: Final = "a fault of the pilot's own, told in its log: its traffic stays as it is"
#: Seconds that nothing at all happens at most.
IDLE: Final = 5.0
LISTED: Final = (
    (API, CROSSING),
    (GATEWAY_API, ROUTE),
    ("discovery.k8s.io/v1", SLICE),
    *((ENVOY_API, kind) for kind in COMPANIONS),
)
log = logging.getLogger(__name__)


class Known(NamedTuple):
    """A crossing as it was read last: of which uid and version, and what is wrong with its spec."""

    version: tuple[str, str] = ("", "")
    crossing: Crossing | None = None
    wrong: str = ""


@dataclass
class Steering:
    """Steers all crossings of one namespace for as long as it `leads`.

    `clock` gives seconds and only goes forward; `wall` is what people read on a clock, right or not.
    """

    kube: Kube
    namespace: str
    desk: Desk
    leads: Callable[[], bool]
    readings: Readings
    comparison: Comparison
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], datetime] = field(default=partial(datetime.now, UTC))
    beat: float = 0.0
    courses: dict[str, Course] = field(default_factory=dict)
    _known: dict[str, Known] = field(default_factory=dict)
    _synced: float = -NEVER
    _others: dict[str, Other] = field(default_factory=dict)
    _round: int = 0
    #: Seconds between two writes of what one crossing only counts: more where many are under way.
    _pace: float = PERSIST

    def __post_init__(self) -> None:
        self.hands = Hands(self.kube, self.desk, self.leads)

    def run(self, stop: threading.Event) -> None:
        """Steer until `stop`; a server that is away is waited for."""
        self.desk.changed.set()
        while not stop.is_set():
            self.desk.changed.wait(self._rest())
            self.desk.changed.clear()
            self.beat = self.clock()
            try:
                if self.leads():
                    self._resync()
                    self.look()
                else:
                    stop.wait(AGAIN)
            except SeawayError as error:
                log.warning("the API server: %s %s", error, error.why)
                stop.wait(AGAIN)

    def look(self) -> None:
        """Look once at every crossing of which something is new or whose moment has come.

        Those that somebody asks something of come first, also while others are looked at: writing for a
        hundred takes its time.
        """
        asked = self.desk.take_asked()
        self._meet()
        watched = [name for name, course in self.courses.items() if course.watched]
        self._pace = max(PERSIST, len(watched) / WRITES)
        tick = self.readings.take(watched)
        courses = self.courses.values()
        self.comparison.take(
            [as_decided(c.crossing, c.state.epoch) for c in courses if c.phase is Phase.COMPARING]
        )
        if tick is not None:
            for course in self.courses.values():
                if course.watched:
                    self._contained(course, partial(course.fold, tick.sides, tick.seconds))
        ready, routes = self.desk.ready(), self.desk.all(ROUTE)
        for course in sorted(self.courses.values(), key=lambda course: course.crossing.name not in asked):
            if self.desk.asked:
                self.desk.changed.set()
                return
            route = routes.get(route_name(course.crossing.name))
            self._contained(course, partial(self._look_at, course, route, ready))

    def close(self) -> None:
        """Let what is read beside it end."""
        self.readings.close()
        self.comparison.close()

    def _rest(self) -> float:
        moments = [course.due for course in self.courses.values()]
        moments += [self.readings.due, self.comparison.due]
        return min(max(min(moments) - self.clock(), 0.0), IDLE)

    def _resync(self) -> None:
        """Ask for the whole lists, now and then and at the beginning."""
        if self.clock() - self._synced < RESYNC:
            return
        for api, kind in LISTED:
            before = self.desk.all(kind)
            self.desk.replace(kind, self.kube.list(api, kind, namespace=self.namespace), before)
        self._synced = self.clock()

    def _meet(self) -> None:
        """Take in new crossings, and leave those that are gone."""
        found = self.desk.all(CROSSING)
        for name in self.courses.keys() - found.keys():
            del self.courses[name]
            self._told(name, None)
        for name, item in found.items():
            crossing = self._read(item)
            known = self.courses.get(name)
            if crossing is None:
                continue
            if known is None or known.crossing.uid != crossing.uid:
                known = self.courses[name] = Course.of(crossing, self.clock())
            known.crossing = crossing
            self._told(name, known.other)

    def _read(self, item: Manifest) -> Crossing | None:
        """Read a crossing; what the schema cannot forbid, such as hours that are none, is told apart."""
        meta = item["metadata"]
        name, version = meta["name"], (meta["uid"], meta["resourceVersion"])
        known = self._known.get(name, Known())
        if known.version != version:
            try:
                known = Known(version, *understood(item))
            except Wrong as wrong:
                log.error("crossing %s cannot be read and is not steered: %s", name, wrong.why)  # noqa: TRY400
                known = Known(version, None, known.wrong)
            self._known[name] = known
        return known.crossing

    def _told(self, name: str, other: Other | None) -> None:
        """Keep how a crossing looks to the others; what is new is a reason for all to look again."""
        if self._others.get(name) == other:
            return
        self._round += 1
        self.desk.changed.set()
        if other is None:
            del self._others[name]
        else:
            self._others[name] = other

    def _contained(self, course: Course, act: Callable[[], None]) -> None:
        """Do what one crossing needs: a fault in it leaves that one as it is, and the others steered."""
        if self.clock() < course.rests:
            return
        try:
            act()
        except SeawayError:
            raise
        except Exception:
            log.exception("%s: a fault of the pilot's own", course.crossing.name)
            known, course.rests = course.rests > 0, self.clock() + FAULT
            if not known:
                with suppress(SeawayError):
                    self.hands.tell(course.crossing, Emit("Warning", "CrossingFault", FAULTY))

    def _look_at(self, course: Course, route: Manifest | None, ready: dict[str, int]) -> None:
        crossing, clock = course.crossing, self.clock()
        beside = self._beside(crossing)
        versions = tuple(each and each["metadata"]["resourceVersion"] for each in (route, *beside.values()))
        if (key := (crossing.uid, crossing.generation, versions)) != course.route[0]:
            course.route = key, facts_of(crossing, route, beside)
        news = self.readings.number if course.watched else 0
        news = self.comparison.number if course.phase is Phase.COMPARING else news
        seen = (crossing.version, key, ready.get(crossing.spec.to), self._round, news)
        if seen == course.seen and clock < course.due:
            return
        course.seen = seen
        now, facts = self.wall(), self._facts(course, ready, clock)
        course.looked = clock
        result = advance(crossing.spec, course.state, now, facts)
        course.due = min(
            (clock + (e.at - now).total_seconds() for e in result.effects if isinstance(e, Requeue)),
            default=NEVER,
        )
        if course.watched:  # what was read anew is a reason to look
            course.due = max(course.due, clock + UNREAD)
        try:
            self._carry_out(course, result, route)
        except SeawayError as error:
            self._mend(course, error)
        self._told(crossing.name, course.other)
        course.rests = 0.0

    def _facts(self, course: Course, ready: dict[str, int], clock: float) -> Facts:
        crossing = course.crossing
        return Facts(
            name=crossing.name,
            route=course.route[1],
            command=crossing.command,
            others={name: other for name, other in self._others.items() if name != crossing.name},
            verdict=self._verdict(course),
            ready=ready.get(crossing.spec.to, 0) if self.desk.whole(SLICE) else None,
            compared=self.comparison.of(crossing.name),
            wrong=self._known[crossing.name].wrong,
            elapsed=0.0 if course.looked is None else clock - course.looked,
            deleting=crossing.deleting,
            generation=crossing.generation,
        )

    def _beside(self, crossing: Crossing) -> dict[str, Manifest | None]:
        """What a route needs beside it, as it was listed last or written since."""
        name = route_name(crossing.name)
        return {kind: self.desk.get(kind, name) for kind in COMPANIONS}

    def _verdict(self, course: Course) -> Verdict | None:
        """What the guards say; where not all is seen, only that something is broken counts."""
        if not course.watched:
            return None
        found = course.verdict()
        if found.broken or self.readings.seen:
            return found
        return replace(found, enough=False) if self.readings.begins else None

    def _carry_out(self, course: Course, result: Advance, route: Manifest | None) -> None:
        """First the state, which says what shall be; then what follows from it, in its order."""
        crossing, clock = course.crossing, self.clock()
        counted = result.state != course.basis and clock - course.saved >= self._pace
        if result.changed or counted:
            course.basis = self.hands.save(crossing, course.to_save(result.state))
            course.saved = clock
        course.become(result.state)
        course.unnoted += [effect.entry for effect in result.effects if isinstance(effect, Record)]
        course.untold += [effect for effect in result.effects if isinstance(effect, Emit)]
        self._effects(course, result, route)

    def _effects(self, course: Course, result: Advance, route: Manifest | None) -> None:
        for effect in result.effects:
            crossing = self._fresh(course)
            match effect:
                case SetSplit():
                    self._keep(crossing)
                    for companion in missing_companions(crossing, self._beside(crossing)):
                        self.hands.write_beside(companion)
                    self.hands.write_route(wanted_route(crossing, effect), route)
                case Release():
                    self.hands.release(crossing, self._finalizers(crossing))
        if course.unnoted:
            self.hands.note(course.crossing, course.unnoted)
            course.unnoted = []
        while course.untold:
            self.hands.tell(course.crossing, course.untold.pop(0))

    def _fresh(self, course: Course) -> Crossing:
        """The crossing with the version that our own last write gave it."""
        item = self.desk.get(CROSSING, course.crossing.name)
        found = self._read(item) if item else None
        if found and found.uid == course.crossing.uid:
            course.crossing = found
        return course.crossing

    def _finalizers(self, crossing: Crossing) -> list[str]:
        item = self.desk.get(CROSSING, crossing.name) or {"metadata": {}}
        return list(item["metadata"].get("finalizers") or [])

    def _keep(self, crossing: Crossing) -> None:
        held = self._finalizers(crossing)
        if FINALIZER not in held and not crossing.deleting:
            self.hands.keep(crossing, held)

    def _mend(self, course: Course, error: SeawayError) -> None:
        """Look again soon; where another was first, at what it wrote."""
        crossing = course.crossing
        course.due, course.seen = self.clock() + AGAIN, ()
        level = logging.INFO if isinstance(error, Conflict) else logging.WARNING
        log.log(level, "%s: %s %s", crossing.name, error, error.why)
        try:
            self.hands.look_again(CROSSING, Ref(API, CROSSING, crossing.name, self.namespace))
            self.hands.look_again(ROUTE, Ref(GATEWAY_API, ROUTE, route_name(crossing.name), self.namespace))
        except SeawayError:
            return
        if isinstance(error, Conflict):
            course.due = self.clock()
            item = self.desk.get(CROSSING, crossing.name)
            found = self._read(item) if item else None
            if found and found.uid == crossing.uid and found.state != course.basis:
                again = self.courses[crossing.name] = Course.of(found, self.clock())
                again.untold = course.untold
