"""A day in minutes: load that rises to ten times the night's and falls again, and what follows it.

Once to a small service, at 200 requests a second by night; and once to the example's own, which a machine of
two cores bears at a tenth of that.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from scripts.benchmark import crossing
from scripts.benchmark.plot import Panel, svg
from scripts.rehearsal import town, visitor
from scripts.rehearsal.figures import quantile
from scripts.rehearsal.journey import TARGETS
from scripts.rehearsal.load import Answer, Load
from scripts.rehearsal.seaway import Seaway
from seaway.app import scaling as house
from seaway.flow.load import load as read
from seaway.model.event import silent
from seaway.providers.local import engine

PROMISES: Final = {"day_failed": 0.0, "day_gone_after_s": 120.0, "example_day_failed": 0.0}
HTTP, HTTPS, MONOLITH = 8780, 8743, 8790
NIGHT: Final = 200
#: Times the night's load, hour by hour, and seconds that an hour lasts.
HOURS: Final = (1, 1, 1, 2, 3, 5, 7, 8, 9, 10, 10, 9, 8, 8, 9, 10, 8, 6, 4, 3, 2, 1, 1, 1)
HOUR: Final = 15
#: What 95 % of the answers may take, in seconds, over so many seconds.
OBJECTIVE: Final = 0.1
WINDOW: Final = 5
LAST: Final = 150
PATH: Final = "/day"
SERVICE: Final = {
    "source": "./light",
    "run": "python3 server.py",
    # A pod asks for far more than it uses, so that a machine of two cores has several nodes to show.
    "scale": {"min": 1, "max": 10, "cpu": "5%", "calm": "15s"},
    "resources": {"cpu": "200m", "memory": "64Mi"},
    "env": {"SIDE": "app", "PORT": "8000"},
}


@dataclass(frozen=True)
class Look:
    """What was seen at a moment (Unix seconds)."""

    at: float
    ready: int
    desired: int
    nodes: int


@dataclass(frozen=True)
class Town:
    """Where a day is lived: a system that is up, the service that is looked at, and who visits what.

    `night` is in requests a second; `path` is what one pod is probed with.
    """

    file: Path
    seaway: Seaway
    service: str
    path: str
    targets: tuple[str, ...]
    night: int
    headers: Mapping[str, list[str]] = field(default_factory=dict)


def measure(picture: Path) -> dict[str, Any]:
    """Live through both days and draw the first; clusters and old servers are gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, crossing.old_server(MONOLITH):
        file = _system(Path(folder))
        figures = _day(Town(file, Seaway(file, {}), "app", PATH, (PATH,), NIGHT), ("day",), picture)
    return figures | {f"example_{name}": value for name, value in _example().items()}


def _example() -> dict[str, Any]:
    """Live through a day of the example, as its own file scales it."""
    town.raise_town()
    try:
        file = town.copy_system() / "seaway.yaml"
        seaway = Seaway(file, {name: town.secret(name) for name in town.SHARED})
        person = {"Cookie": [visitor.cookie(f"http://127.0.0.1:{town.MONOLITH}")]}
        seaway.tell("down", "--yes")
        crossed = ("login", "reading")
        return _day(Town(file, seaway, "frontend", "/login/", TARGETS, NIGHT // 10, person), crossed)
    finally:
        town.lower_town()


def _day(where: Town, crossings: Sequence[str], picture: Path | None = None) -> dict[str, Any]:
    programs, seaway = engine.ensure(silent), where.seaway
    try:
        seaway.tell("up", "--yes")
        for each in crossings:
            seaway.ask("cross", "move", each, "100")
        probed = seaway.ask("scale", "probe", where.service, "--path", where.path)
        foreseen = seaway.ask("scale", "plan", "--requests", str(where.night * max(HOURS)))
        edge = seaway.ask("status")["edge"]
        with _looking(where) as looks:
            answers, ended = _live(programs.program("vegeta"), edge, where, looks)
    finally:
        seaway.tell("down", "--yes")
    if picture:
        picture.write_text(_draw(answers, looks))
    return {"probed_requests": probed["requests"], **_figures(answers, looks, foreseen, ended)}


def _live(
    vegeta: Path, edge: dict[str, Any], where: Town, looks: Sequence[Look]
) -> tuple[list[Answer], float]:
    """Let the hours pass, then wait for the nodes of the night; gives the answers and when the day ended."""
    port, answers = urlsplit(edge["url"]).port or 443, list[Answer]()

    def load(rate: int, limit: int) -> Load:
        made = Load(vegeta, edge["url"], port, Path(edge["ca"]), rate=rate, limit=limit)
        made.start(where.targets, dict(where.headers))
        return made

    for times in HOURS:
        hour = load(where.night * times, HOUR)
        time.sleep(HOUR)
        answers += hour.stop()
    ended = time.time()
    night = load(where.night, LAST)
    while looks[-1].nodes > 1 and time.time() < ended + LAST - WINDOW:
        time.sleep(1)
    return [*answers, *night.stop()], ended


@contextmanager
def _looking(where: Town) -> Iterator[list[Look]]:
    """Look at replicas and nodes every second."""
    found, over = list[Look](), threading.Event()

    def look() -> None:
        with closing(house.follow_scale(read(where.file), "", silent, 1.0)) as seen:
            for now in seen:
                app = next(each for each in now.services if each.name == where.service)
                found.append(Look(time.time(), app.ready, app.desired, len(now.nodes)))
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
    """Cut the answers into windows of equal length, by when the requests were sent."""
    found: dict[int, list[Answer]] = {}
    for answer in answers:
        found.setdefault(int(answer.at // WINDOW), []).append(answer)
    return [(number * WINDOW, each) for number, each in sorted(found.items())]


def _figures(
    answers: Sequence[Answer], looks: Sequence[Look], foreseen: dict[str, Any], ended: float
) -> dict[str, Any]:
    late = [quantile([a.seconds for a in each], 0.95) > OBJECTIVE for _, each in _windows(answers)]
    peak, then = max(look.desired for look in looks), foreseen["services"][0]["pods"]
    most, expected = max(look.nodes for look in looks), sum(each["count"] for each in foreseen["nodes"])
    gone = next((look.at - ended for look in looks if look.at > ended and look.nodes == 1), float("inf"))
    times = [answer.seconds for answer in answers]
    return {
        "day_requests": len(answers),
        "day_failed": sum(answer.failed for answer in answers),
        "day_errors": Counter(f"{answer.code} {answer.error}" for answer in answers if answer.failed),
        "day_p50_ms": quantile(times, 0.5) * 1000,
        "day_p99_ms": quantile(times, 0.99) * 1000,
        "day_seconds_late": sum(late) * WINDOW,
        "day_pods_most": peak,
        "day_pods_foreseen": then,
        "day_nodes_most": most,
        "day_nodes_foreseen": expected,
        "day_gone_after_s": max(0.0, gone),
    }


def _draw(answers: Sequence[Answer], looks: Sequence[Look]) -> str:
    windows, began = _windows(answers), min(answer.at for answer in answers)
    seen = [look for look in looks if look.at >= began]

    def over(*names: str) -> dict[str, list[tuple[float, float]]]:
        return {name: [(look.at - began, getattr(look, name)) for look in seen] for name in names}

    rates = [(at - began, len(each) / WINDOW) for at, each in windows[1:-1]]
    late = [(at - began, 1000 * quantile([a.seconds for a in each], 0.95)) for at, each in windows[1:-1]]
    return svg(
        f"A day in {len(HOURS) * HOUR // 60} minutes: {len(answers):,} requests, "
        f"{sum(a.failed for a in answers)} failed",
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
