"""A day in minutes: load that rises to ten times the night's and falls again, and what follows it.

`measure` sends it to a small service, 200 requests a second by night; `example` to the example's own. Ten
times that load takes some twenty cores there: a smaller machine gets a share of it, which the report tells.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from scripts.benchmark import crossing
from scripts.benchmark.plot import Panel, svg
from scripts.rehearsal import town, visitor
from scripts.rehearsal.figures import quantile
from scripts.rehearsal.journey import NEW, PATHS, TARGETS
from scripts.rehearsal.load import TOGETHER, Answer, Load
from scripts.rehearsal.seaway import Seaway
from seaway.app import scaling as house
from seaway.flow.load import load as read
from seaway.model.event import silent
from seaway.providers.local import engine

PROMISES: Final = {"day_failed": 0.0, "day_gone_after_s": 120.0}
EXAMPLE_PROMISES: Final = {f"example_{name}": bound for name, bound in PROMISES.items()}
HTTP, HTTPS, MONOLITH = 8780, 8743, 8790
NIGHT: Final = 200
#: Cores that ten times that of the example's pages take; two bear a tenth of it, as scripts/rehearse shows.
CORES: Final = 20
#: Times the night's load, hour by hour, and seconds that an hour lasts: with all that is around it a day of
#: the example is over within ten minutes.
HOURS: Final = (1, 1, 1, 2, 3, 5, 7, 8, 9, 10, 10, 9, 8, 8, 9, 10, 8, 6, 4, 3, 2, 1, 1, 1)
HOUR: Final = 15
EXAMPLE_HOUR: Final = 10
#: What 95 % of the answers may take, in seconds, over so many seconds.
OBJECTIVE: Final = 0.1
WINDOW: Final = 5
LAST: Final = 150
#: Seconds of the night before the day, until it is known what it takes: metrics are looked at every 15 s.
EVENING: Final = 45
PATH: Final = "/day"
#: How the nodes are called beside the services; none is named in capitals.
NODES: Final = "NODES"
#: For so long fewer replicas must have been enough: the five minutes of the default are a third of the day.
CALM: Final = "15s"
SERVICE: Final = {
    "source": "./light",
    "run": "python3 server.py",
    # A pod asks for far more than it uses, so that a machine of two cores has several nodes to show.
    "scale": {"min": 1, "max": 10, "cpu": "5%", "calm": CALM},
    "resources": {"cpu": "200m", "memory": "64Mi"},
    "env": {"SIDE": "app", "PORT": "8000"},
}


@dataclass(frozen=True)
class Look:
    """What was seen at a moment (Unix seconds); `each` are the replicas of every service that were wanted."""

    at: float
    ready: int
    desired: int
    nodes: int
    each: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Hour:
    """The load of an hour: how many `times` that of the night, for so many `seconds`, and its answers."""

    times: int
    seconds: float
    answers: tuple[Answer, ...]

    @property
    def late(self) -> int:
        """Seconds in which too many answers took too long."""
        windows = _windows(self.answers)
        return WINDOW * sum(quantile([a.seconds for a in each], 0.95) > OBJECTIVE for _, each in windows)


@dataclass(frozen=True)
class Town:
    """Where a day is lived: a system, the service that is looked at, and who visits what.

    `night` is in requests a second; `routes` lead to the service; `path` is what one pod is probed with;
    `hour` is the seconds of one; `options` are those of the load's program.
    """

    file: Path
    seaway: Seaway
    service: str
    path: str
    routes: tuple[str, ...]
    targets: tuple[str, ...]
    night: int
    hour: int
    headers: Mapping[str, list[str]] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    @property
    def most(self) -> int:
        """Requests a second that come to the service at the peak."""
        own = sum(target.startswith(self.routes) for target in self.targets)
        return self.night * max(HOURS) * own // len(self.targets)


def measure(picture: Path) -> Iterator[dict[str, Any]]:
    """Live through a day of the small service and draw it; cluster and old server are gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, crossing.old_server(MONOLITH):
        file = _system(Path(folder))
        where = Town(file, Seaway(file, {}), "app", PATH, (PATH,), (PATH,), NIGHT, HOUR)
        yield from _day(where, ("day",), picture)


def example(picture: Path) -> Iterator[dict[str, Any]]:
    """Live through a day of the example and draw it; what a rehearsal left running is gone afterwards."""
    town.raise_town()
    try:
        file = _hurried(town.copy_system() / "seaway.yaml")
        seaway = Seaway(file, {name: town.secret(name) for name in town.SHARED})
        person = {"Cookie": [visitor.cookie(f"http://127.0.0.1:{town.MONOLITH}")]}
        seaway.tell("down", "--yes")
        rate = share(os.cpu_count() or 1)
        (path, *_), routes = PATHS["login"], tuple(chain.from_iterable(PATHS.values()))
        where = Town(file, seaway, NEW, path, routes, TARGETS, rate, EXAMPLE_HOUR, person, TOGETHER)
        for found in _day(where, ("login", "reading"), picture):
            yield {f"example_{name}": value for name, value in found.items()}
    finally:
        town.lower_town()


def share(cores: int) -> int:
    """Say how many requests a second such a machine gets of the example's night."""
    return max(1, NIGHT * min(cores, CORES) // CORES)


def _hurried(file: Path) -> Path:
    """Have all replicas of the example go as soon as those of the small service."""
    text, found = re.subn(r"(scale: \{[^}]*cpu: 90%)\}", rf"\1, calm: {CALM}}}", file.read_text())
    if not found:
        sys.exit(f"{file} has no service that follows 90 % of its CPU")
    file.write_text(text)
    return file


def _day(where: Town, crossings: Sequence[str], picture: Path) -> Iterator[dict[str, Any]]:
    programs, seaway = engine.ensure(silent), where.seaway
    try:
        seaway.tell("up", "--yes")
        for each in crossings:
            seaway.ask("cross", "move", each, "100")
        probed = seaway.ask("scale", "probe", where.service, "--path", where.path)
        foreseen = {"requests": _foreseen(where, "--requests", f"{where.service}={where.most}")}
        yield {
            "day_asked_per_s": [NIGHT, NIGHT * max(HOURS)],
            "day_offered_per_s": [where.night, where.night * max(HOURS)],
            "probed_requests": probed["requests"],
            "day_foreseen": dict(foreseen),
        }
        edge = seaway.ask("status")["edge"]
        with _looking(where) as looks:
            hours, ended = _live(programs.program("vegeta"), edge, where, looks, foreseen)
    finally:
        seaway.tell("down", "--yes")
    picture.write_text(_draw(hours, looks))
    yield figures(hours, looks, ended) | {"day_forecast": against(foreseen, hours, looks)}


def _foreseen(where: Town, *load: str) -> dict[str, int]:
    """What `scale plan` says of a load: the pods of each service, and all nodes."""
    plan = where.seaway.ask("scale", "plan", *load)
    pods = {each["name"]: each["pods"] for each in plan["services"]}
    return {**pods, NODES: sum(each["count"] for each in plan["nodes"])}


def against(
    foreseen: Mapping[str, Mapping[str, int]], hours: Sequence[Hour], looks: Sequence[Look]
) -> list[dict[str, Any]]:
    """Hold what was foreseen, in whichever way, against the most that there was from the first peak on.

    An error is above 0 where too much was foreseen.
    """
    peak = min(answer.at for hour in hours if hour.times == max(HOURS) for answer in hour.answers)
    seen = [{**look.each, NODES: look.nodes} for look in looks if look.at >= peak]
    found = []
    for name in dict.fromkeys(name for plan in foreseen.values() for name in plan):
        took = max((look.get(name, 0) for look in seen), default=0)
        said = {way: plan[name] for way, plan in foreseen.items()}
        error = {way: pods - took for way, pods in said.items()}
        found.append({"of": name, "took": took, "foreseen": said, "error": error})
    return found


def _live(
    vegeta: Path,
    edge: dict[str, Any],
    where: Town,
    looks: Sequence[Look],
    foreseen: dict[str, dict[str, int]],
) -> tuple[list[Hour], float]:
    """Let the hours pass, then wait for the nodes of the night; gives all of them and when the day ended.

    In the evening before, the day is foreseen once more, by the CPU that the night's load takes.
    """
    port, hours = urlsplit(edge["url"]).port or 443, list[Hour]()

    def load(times: int, limit: int) -> Load:
        rate, ca = where.night * times, Path(edge["ca"])
        made = Load(vegeta, edge["url"], port, ca, rate=rate, limit=limit, options=where.options)
        made.start(where.targets, dict(where.headers))
        return made

    evening, began = load(1, LAST), time.monotonic()
    time.sleep(EVENING)
    foreseen["load"] = _foreseen(where, "--load", f"{max(HOURS)}x")
    hours.append(Hour(1, time.monotonic() - began, evening.stop()))
    for times in HOURS:
        hour = load(times, where.hour)
        time.sleep(where.hour)
        hours.append(Hour(times, where.hour, hour.stop()))
    ended = time.time()
    night = load(1, LAST)
    time.sleep(WINDOW)
    while looks[-1].nodes > 1 and time.time() < ended + LAST - WINDOW:
        time.sleep(1)
    lasted = time.time() - ended
    return [*hours, Hour(1, lasted, night.stop())], ended


@contextmanager
def _looking(where: Town) -> Iterator[list[Look]]:
    """Look at replicas and nodes every second."""
    found, over = list[Look](), threading.Event()

    def look() -> None:
        with closing(house.follow_scale(read(where.file), "", silent, 1.0)) as seen:
            for now in seen:
                app = next(each for each in now.services if each.name == where.service)
                each = {service.name: service.desired for service in now.services}
                found.append(Look(time.time(), app.ready, app.desired, len(now.nodes), each))
                if over.is_set():
                    return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _windows(answers: Sequence[Answer]) -> list[tuple[float, list[Answer]]]:
    """Cut the answers into windows of equal length from the first, by when the requests were sent."""
    began, found = min((answer.at for answer in answers), default=0.0), dict[int, list[Answer]]()
    for answer in answers:
        found.setdefault(int((answer.at - began) // WINDOW), []).append(answer)
    return [(began + number * WINDOW, each) for number, each in sorted(found.items())]


def figures(hours: Sequence[Hour], looks: Sequence[Look], ended: float) -> dict[str, Any]:
    """Say what became of the load; `day_gone_after_s` is None where a node stayed."""
    answers = [answer for hour in hours for answer in hour.answers]
    gone = next((look.at - ended for look in looks if look.at > ended and look.nodes == 1), None)
    times = [answer.seconds for answer in answers]
    return {
        "day_requests": len(answers),
        "day_failed": sum(answer.failed for answer in answers),
        "day_errors": Counter(f"{answer.code} {answer.error}" for answer in answers if answer.failed),
        "day_p50_ms": quantile(times, 0.5) * 1000,
        "day_p99_ms": quantile(times, 0.99) * 1000,
        "day_seconds_late": sum(hour.late for hour in hours),
        "day_pods_most": max(look.desired for look in looks),
        "day_nodes_most": max(look.nodes for look in looks),
        "day_gone_after_s": gone,
        "day_steps": _steps(hours),
    }


def _steps(hours: Sequence[Hour]) -> list[dict[str, Any]]:
    """Say of each step of the load what was reached: answered well in a second, failed, late."""
    found = []
    for times, group in groupby(hours, key=lambda hour: hour.times):
        same = list(group)
        answers = [answer for hour in same for answer in hour.answers]
        failed, seconds = sum(answer.failed for answer in answers), sum(hour.seconds for hour in same)
        found.append(
            {
                "times": times,
                "answered_per_s": round((len(answers) - failed) / max(1.0, seconds), 1),
                "failed": failed,
                "p95_ms": round(quantile([answer.seconds for answer in answers], 0.95) * 1000, 1),
                "seconds_late": sum(hour.late for hour in same),
            }
        )
    return found


def _draw(hours: Sequence[Hour], looks: Sequence[Look]) -> str:
    answers = [answer for hour in hours for answer in hour.answers]
    windows, began = _windows(answers), min(answer.at for answer in answers)
    minutes = round(sum(hour.seconds for hour in hours[:-1]) / 60)
    seen = [look for look in looks if look.at >= began]

    def over(*names: str) -> dict[str, list[tuple[float, float]]]:
        return {name: [(look.at - began, getattr(look, name)) for look in seen] for name in names}

    rates = [(at - began, len(each) / WINDOW) for at, each in windows[:-1]]
    late = [(at - began, 1000 * quantile([a.seconds for a in each], 0.95)) for at, each in windows[:-1]]
    return svg(
        f"A day in {minutes} minutes: {len(answers):,} requests, {sum(a.failed for a in answers)} failed",
        (
            Panel("requests a second", {"load": rates}),
            Panel("replicas", over("ready", "desired"), steps=True),
            Panel("nodes", over("nodes"), steps=True),
            Panel("latency, p95 of 5 s, in ms", {"latency": late}),
        ),
    )


def _system(folder: Path) -> Path:
    """Write the system's file and its project."""
    shutil.copytree(crossing.LIGHT, folder / "light")
    place = {
        "on": "local",
        "cluster": "bench-day",
        "domain": "day.localhost",
        "nodes": {"min": 1, "max": 4, "size": "medium"},
        "ports": {"http": HTTP, "https": HTTPS},
    }
    document = {
        "system": "day",
        "environments": {"bench": place},
        # All visitors come from this machine's one address, which the edge would hold to its limit.
        "edge": {"limits": {"requests": 0}},
        "monolith": {"address": f"http://127.0.0.1:{MONOLITH}"},
        "services": {"app": SERVICE},
        "crossings": {"day": {"routes": PATH, "to": "app", "guard": crossing.UNGUARDED}},
    }
    file = folder / "seaway.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file
