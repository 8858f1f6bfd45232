"""Production rehearsed on this machine: from nothing to crossed traffic, and back to nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from seaway.app import crossings, environment
from seaway.app.environment import Survey
from seaway.app.world import open_world
from seaway.errors import Unready, UsageError
from seaway.flow.rehearsed import Stage, rehearsable, rehearsed
from seaway.flow.status import edge_url
from seaway.flow.system import System
from seaway.kit.kube import Ref
from seaway.model.event import Event, Outcome, Report, silent
from seaway.model.gateway import EDGE, GATEWAY_API
from seaway.providers.local import engine
from seaway.providers.local.access import HOST
from seaway.providers.local.clusters import need_root
from seaway.providers.local.loads import Gateway, LocalLoads
from seaway.rooms.cluster.plan import name_of
from seaway.rooms.crossing.state import Phase, Verb
from seaway.rooms.crossing.views import CrossingView
from seaway.rooms.edge.facts import address_of
from seaway.twin import emulator, ledger
from seaway.twin.account import Place, Twin, playing
from seaway.twin.visitors import Visitors

#: Seconds in which all crossings must have arrived somewhere, and between two looks at them.
PATIENCE: Final = 300.0
EVERY: Final = 0.5
HTTPS: Final = 443


@dataclass(frozen=True)
class Wish:
    """How it is rehearsed: `monolith` is the URL of an old server on this machine, "" for a stand-in."""

    monolith: str = ""
    rate: int = 40


@dataclass(frozen=True)
class Hands:
    """What whoever asked does on the way: shows what is planned, and looks around once all has crossed."""

    show: Callable[[Survey], None]
    stay: Callable[[Twin], None]


@dataclass
class Rehearsal:
    """What came out. `requests` of visitors, of which `failed`; `late` is the worst p95 in seconds.

    `wrong` says what was not as it must be, `seconds` how long each part took.
    """

    environment: str
    url: str
    crossed: tuple[str, ...] = ()
    requests: int = 0
    failed: int = 0
    late: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    parts: tuple[ledger.Part, ...] = ()

    def as_json(self) -> dict[str, Any]:
        told = {**vars(self), "crossed": list(self.crossed), "parts": [part.as_json() for part in self.parts]}
        return {**told, "ok": not self.wrong}


def rehearse(system: System, on: str, wish: Wish, hands: Hands, report: Report) -> Rehearsal:
    """Run the whole of an environment's production on this machine; nothing of it is left at the end.

    Raises UsageError for an environment that is not on: eks, MissingTool where what plays AWS is not
    installed, and what `up`, crossings and `down` raise.
    """
    name, spec = rehearsable(system, on)
    port = _port(wish.monolith)
    need_root()
    emulator.require()
    programs = engine.ensure(report)
    place = Place(spec.account, spec.region, name_of(spec), spec.hosts)
    result = Rehearsal(name, edge_url(spec), parts=_parts(system))
    with _timed(result, "whole"), playing(place, port, report) as twin, _surrounded(twin.variables):
        stage = Stage(
            twin.old,
            not port,
            f"{HOST}/{place.cluster}",
            twin.folder / "chain.pem",
            twin.folder / "key.pem",
        )
        journey = _Journey(rehearsed(system, name, stage), name, wish, twin, report, result)
        before = twin.there()
        journey.up(hands.show)
        journey.cross(LocalLoads(programs, journey.gateway()))
        hands.stay(twin)
        journey.down()
        if (after := twin.there()) != before:
            result.wrong.append(f"left in the account: {after}")
    return result


@dataclass
class _Journey:
    """The way of one environment: the same commands as in production, one after the other."""

    system: System
    name: str
    wish: Wish
    twin: Twin
    report: Report
    result: Rehearsal

    def up(self, show: Callable[[Survey], None]) -> None:
        with _timed(self.result, "up"):
            show(environment.survey(self.system, self.name, self.report))
            environment.up(self.system, self.name, self.report)
        with _timed(self.result, "second up"):
            again = environment.survey(self.system, self.name, silent).plan
        told = environment.status(self.system, self.name, silent)
        self.result.wrong += [f"a second up would change {each.thing}" for each in again.changes]
        self.result.wrong += told.problems
        self._note("a second up changes nothing" if not again else "a second up is not without changes")

    def gateway(self) -> Gateway:
        """Find where the gateway answers."""
        _, spec = self.system.environment(self.name)
        with closing(open_world(self.system, spec, silent)) as world:
            found = world.kube.get(Ref(GATEWAY_API, "Gateway", EDGE, self.system.system))
        return Gateway(spec.domain, f"{address_of(found)}:{HTTPS}", self.twin.folder / "ca.pem")

    def cross(self, loads: LocalLoads) -> None:
        """Let all cross under load, take all back, and let all cross again."""
        names = list(self.system.crossings)
        paths = [path for spec in self.system.crossings.values() for path in spec.routes] or ["/"]
        urls = [f"{self.result.url}{path}" for path in paths]
        with _timed(self.result, "crossing"), Visitors(loads, urls, self.wish.rate) as visitors:
            if names:
                self._start(names)
                crossings.back(self.system, self.name, "", self.report, with_dependents=False)
                self._arrive(Phase.RETURNED, "back at the monolith")
                self._start(names)
                self.result.crossed = tuple(names)
            else:
                time.sleep(EVERY * 10)
        self.result.requests, self.result.failed = visitors.requests, visitors.failed
        self.result.late = visitors.late
        if visitors.failed:
            self.result.wrong.append(f"{visitors.failed} of {visitors.requests} requests of visitors failed")

    def down(self) -> None:
        with _timed(self.result, "down"):
            environment.down(self.system, self.name, self.report)

    def _start(self, names: Sequence[str]) -> None:
        before = crossings.ask(self.system, self.name, Verb.START, names, self.report)
        self._arrive(Phase.SETTLED, "at the services", before)

    def _arrive(self, end: Phase, where: str, before: Sequence[CrossingView] = ()) -> None:
        """Wait until all crossings are there, from what they were `before`.

        Raises Unready where one goes back instead, or none moves.
        """
        began = time.monotonic()
        for seen in crossings.follow(self.system, self.name, silent, EVERY):
            if all(view.phase is end for view in seen):
                seconds = time.monotonic() - began
                named = ", ".join(view.name for view in seen)
                self.report(Event("crossings", Outcome.DONE, f"{named}: all {where}", seconds=seconds))
                return
            if end is Phase.SETTLED:
                _see_to(seen, before)
            if time.monotonic() > began + PATIENCE:
                raise Unready("the crossings did not arrive", where=_told(seen), why=f"waited {PATIENCE:g} s")
            self.report(Event("crossings", Outcome.PROGRESS, _told(seen)))

    def _note(self, text: str) -> None:
        self.report(Event("rehearsal", Outcome.NOTE, text))


def _see_to(seen: Sequence[CrossingView], before: Sequence[CrossingView]) -> None:
    """Raise Unready for a crossing that the pilot took back since it was asked to start."""
    then = {view.name: view.since for view in before}
    for view in seen:
        if view.phase is Phase.RETURNED and view.since != then.get(view.name):
            raise Unready(
                f"crossing {view.name} went back to the monolith",
                why=view.reason,
                remedy="see that its service answers on its routes, or rehearse with --monolith",
            )


def _told(seen: Sequence[CrossingView]) -> str:
    return ", ".join(f"{view.name} {view.phase.value} at {view.weight}" for view in seen)


def _parts(system: System) -> tuple[ledger.Part, ...]:
    """Leave out of the ledger what the system does not have."""
    missing = {"databases": not system.databases, "crossings": not system.crossings}
    return tuple(part for part in ledger.parts() if not missing.get(part.name))


def _port(monolith: str) -> int:
    """Read the port of an old server on this machine; 0 where none is given. Raises UsageError."""
    if not monolith:
        return 0
    try:
        parts = urlsplit(monolith)
        if parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"} and parts.port:
            return parts.port
    except ValueError:
        pass
    raise UsageError(
        f"{monolith!r} is no old server of this machine",
        where="--monolith",
        why="a rehearsal sends its load to this machine only",
        remedy="such as http://127.0.0.1:9000",
    )


@contextmanager
def _surrounded(variables: Mapping[str, str]) -> Iterator[None]:
    """Have this process see these variables, and no others of AWS."""
    before = dict(os.environ)
    try:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(variables)
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _timed(result: Rehearsal, name: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        result.seconds[name] = round(time.monotonic() - began, 1)
