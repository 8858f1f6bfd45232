"""Many crossings, for real: weights that move under load, visitors who stay, a new side that dies."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPSConnection
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

import httpx2 as httpx
import yaml

from scripts.benchmark import pilot
from scripts.benchmark.clusters import kube_of
from scripts.rehearsal.figures import per_second, quantile
from scripts.rehearsal.load import Load
from scripts.rehearsal.seaway import Seaway
from seaway.kit.kube import Ref
from seaway.model.event import silent
from seaway.providers.local import engine
from seaway.rooms.crossing.gauges import parse, query
from seaway.rooms.crossing.resource import API, COMMAND, KIND
from seaway.rooms.crossing.sides import cookie_name
from seaway.rooms.crossing.state import FULL, Command, Verb

PROMISES: Final = {
    "weight_changes_failed": 0.0,
    "change_felt_p95_s": 1.0,
    "visitors_who_changed_side": 0.0,
    "visitors_on_the_new_side_after_back": 0.0,
    "failed_gets_pods_killed": 0.0,
    "failed_gets_pods_deleted": 0.0,
    **pilot.PROMISES,
}
SYSTEM: Final = "light"
CLUSTER: Final = "bench-crossing"
DOMAIN: Final = "light.localhost"
HTTP, HTTPS, MONOLITH = 8680, 8643, 8690
LIGHT: Final = Path(__file__).parent / "light"
CROSSINGS: Final = 100
CHANGES: Final = 200
#: Whole moves that are timed, and seconds for which each is looked at.
MOVES: Final = 40
SEEN: Final = 4
RATE: Final = 500
#: Enough to see a move to 10 ms, and little enough that the cores are free for it.
FELT_RATE: Final = 100
DEAD_RATE: Final = 200
VISITORS: Final = 10_000
STAGES: Final = (5, 25, 50, 75, 99)
THREADS: Final = 8
STATISTICS: Final = 19001
SERVER: Final = b"python3\0server.py\0"
SEED: Final = 20261124
#: Nothing but what is asked moves these crossings: what is measured is the gateway, not the guards.
UNGUARDED: Final = {"errors": "100%", "worse": False, "latency": 0}


def measure(
    crossings: int = CROSSINGS, changes: int = CHANGES, visitors: int = VISITORS
) -> Iterator[dict[str, Any]]:
    """Measure everything; the cluster and the old server are gone afterwards."""
    yield {"crossings": crossings}
    programs = engine.ensure(silent)
    with tempfile.TemporaryDirectory() as folder, old_server():
        seaway = Seaway(light(Path(folder), crossings), {})
        try:
            seaway.tell("up", "--yes")
            bench = Bench(seaway, programs.program("vegeta"))
            weights, visits = partial(bench.weights, changes), partial(bench.visitors, visitors)
            stages = (weights, bench.felt, visits, bench.deaths, bench.statistics, bench.pilot)
            for stage in stages:
                yield stage()
        finally:
            seaway.tell("down", "--yes")


class Visit(HTTPSConnection):
    """A connection to the edge on this machine's loopback, whatever its resolver knows."""

    def connect(self) -> None:
        sock = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self._tls.wrap_socket(sock, server_hostname=self.host)

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(DOMAIN, HTTPS, context=context, timeout=30)
        self._tls = context


class Bench:
    """The system, up."""

    def __init__(self, seaway: Seaway, vegeta: Path) -> None:
        edge = seaway.ask("status")["edge"]
        self._url, self._ca, self._vegeta = edge["url"], Path(edge["ca"]), vegeta
        self._kube = kube_of(CLUSTER)

    def weights(self, changes: int) -> dict[str, Any]:
        """Change a weight every second under load."""
        chance, weight = random.Random(SEED), 0  # noqa: S311  (which weights, no secret)
        with self._load("/c0", RATE, changes + 60) as load:
            began = time.monotonic()
            for n in range(changes):
                weight = chance.choice([w for w in (0, 0, FULL, FULL, 1, 25, 50, 99) if w != weight])
                self._ask("c0", weight)
                time.sleep(max(0.0, began + n + 1 - time.monotonic()))
        self._move("c0", 0)
        answers = load.seen()
        failed = [a for a in answers if a.failed]
        return {
            "weight_changes": changes,
            "weight_changes_rate": per_second([a.at for a in answers]),
            "weight_changes_requests": len(answers),
            "weight_changes_failed": len(failed),
            "weight_changes_failed_seconds": sorted({int(a.at - answers[0].at) for a in failed}),
            "weight_changes_errors": dict(Counter(f"{a.code} {a.error[-80:]}" for a in failed)),
        }

    def felt(self) -> dict[str, Any]:
        """Move all and nothing, time after time: how long a request still went to the side that was left."""
        found: list[float] = []
        with self._load("/c0", FELT_RATE, MOVES * SEEN + 60) as load:
            for n in range(MOVES):
                asked = time.time()
                self._ask("c0", FULL if n % 2 == 0 else 0)
                time.sleep(SEEN)
                found.append(_last(load, "monolith" if n % 2 == 0 else "app", asked))
        return {
            "changes_felt": MOVES,
            "change_felt_p50_s": quantile(found, 0.5),
            "change_felt_p95_s": quantile(found, 0.95),
            "change_felt_max_s": max(found),
        }

    def visitors(self, number: int) -> dict[str, Any]:
        """Let visitors come again and again while the weight rises, then take them back."""
        cookies, sides, changed = [""] * number, [""] * number, 0
        for stage, weight in enumerate(STAGES):
            self._move("sticky", weight)
            for i, side, cookie in self._visits(cookies[: number * (stage + 1) // len(STAGES)]):
                changed += bool(sides[i]) and sides[i] != side
                cookies[i], sides[i] = cookie or cookies[i], side
        share = sides.count("app") / number
        self._ask("sticky", 0)
        self._await("sticky", 0)
        new = sum(side == "app" for _, side, _ in self._visits(cookies))
        return {
            "visitors": number,
            "visitors_share_of_the_new_side": share,
            "visitors_who_changed_side": changed,
            "visitors_on_the_new_side_after_back": new,
        }

    def deaths(self) -> dict[str, Any]:
        """Kill all pods of the new side at half the weight, by signal and by the API."""
        figures: dict[str, Any] = {}
        for how, kill in (("killed", self._kill), ("deleted", self._delete)):
            self._await_pods()
            self._move("c1", FULL // 2)
            with self._load("/c1", DEAD_RATE, 60) as load:
                time.sleep(3)
                kill()
                time.sleep(10)
            answers = load.seen()
            figures |= {f"gets_pods_{how}": len(answers)}
            figures |= {f"failed_gets_pods_{how}": sum(a.failed for a in answers)}
        return figures

    def statistics(self) -> dict[str, Any]:
        """Read one proxy's statistics, of all crossings and of one: bytes, seconds to ask and to parse."""
        own = f"gateway.envoyproxy.io/owning-gateway-namespace={SYSTEM}"
        pod = self._kube.list("v1", "Pod", labels=own)[0]
        figures: dict[str, Any] = {}
        self._touch_all()
        for what, names in (("all", ()), ("one", ("c0",))):
            url = f"http://{pod['status']['podIP']}:{STATISTICS}{query(names)}"
            asked = time.monotonic()
            text = httpx.get(url, trust_env=False).raise_for_status().text
            answered = time.monotonic()
            found = parse(text)
            figures |= {
                f"statistics_{what}_bytes": len(text),
                f"statistics_{what}_sides": len(found),
                f"statistics_{what}_ask_s": answered - asked,
                f"statistics_{what}_parse_s": time.monotonic() - answered,
            }
        return figures

    def pilot(self) -> dict[str, Any]:
        """Let a new side fail under the guards; then let every crossing be under way at once."""
        strict = {"errors": "5%", "worse": True}
        self._kube.patch(Ref(API, KIND, "c2", SYSTEM), {"spec": {"guard": strict}})
        self._await_pods()
        self._move("c2", pilot.WEIGHT)
        with self._load("/c2", pilot.RATE, 90) as load:
            figures = pilot.failing(load, lambda: pilot.signalled(CLUSTER, SERVER, signal.SIGUSR1))
        self._delete()  # what fails is not ready either
        self._await_pods()
        names = [m["metadata"]["name"] for m in self._kube.list(API, KIND, namespace=SYSTEM)]
        for name in names:
            self._kube.patch(Ref(API, KIND, name, SYSTEM), {"spec": {"alone": False}})
            self._ask(name, FULL // 2)
        for name in names:
            self._await(name, FULL // 2)
        return figures | pilot.use(CLUSTER)

    def _ask(self, name: str, weight: int) -> None:
        """Ask the pilot for a weight, as the command line does."""
        command = Command(str(uuid4()), Verb.MOVE, "bench", datetime.now(UTC), weight)
        notes = {"metadata": {"annotations": {COMMAND: command.as_text()}}}
        self._kube.patch(Ref(API, KIND, name, SYSTEM), notes)

    def _move(self, name: str, weight: int) -> None:
        self._ask(name, weight)
        self._await(name, weight)

    def _await(self, name: str, weight: int) -> None:
        """Wait until the pilot says that the gateway has taken up the weight; the proxies follow at once."""

        def taken() -> bool:
            status = (self._kube.get(Ref(API, KIND, name, SYSTEM)) or {}).get("status", {})
            return bool(status.get("weight") == weight and status.get("taken"))

        until(taken, f"{name} at {weight} %")
        time.sleep(1)

    def _await_pods(self) -> None:
        def whole() -> bool:
            found = self._kube.get(Ref("apps/v1", "Deployment", "app", SYSTEM)) or {}
            return bool(found.get("status", {}).get("readyReplicas") == found["spec"]["replicas"])

        until(whole, "the pods of app")

    def _touch_all(self) -> None:
        """Let every crossing have an answer from every proxy, so that all their statistics are in use."""
        names = [m["metadata"]["name"] for m in self._kube.list(API, KIND, namespace=SYSTEM)]
        with self._load([f"/{name}" for name in names], RATE, 60):
            time.sleep(3)

    @contextmanager
    def _load(self, path: str | list[str], rate: int, limit: int) -> Iterator[Load]:
        base = self._url.rpartition(":")[0]
        load = Load(self._vegeta, f"{base}:{HTTPS}", HTTPS, self._ca, rate=rate, limit=limit)
        load.start([path] if isinstance(path, str) else path, {})
        try:
            load.flowing()
            yield load
        finally:
            load.stop()

    def _visits(self, cookies: list[str]) -> list[tuple[int, str, str]]:
        """Let these visitors come once each; gives number, side, and the cookie where one was set."""
        context = ssl.create_default_context(cafile=str(self._ca))

        def some(first: int) -> list[tuple[int, str, str]]:
            connection, found = Visit(context), []
            for i in range(first, len(cookies), THREADS):
                connection.request("GET", "/sticky", headers={"Cookie": cookies[i]} if cookies[i] else {})
                answer = connection.getresponse()
                answer.read()
                given = (answer.getheader("Set-Cookie") or "").partition(";")[0]
                kept = given if given.startswith(cookie_name("sticky")) else ""
                found.append((i, answer.getheader("X-Served-By") or "nobody", kept))
            connection.close()
            return found

        with ThreadPoolExecutor(THREADS) as pool:
            return [visit for part in pool.map(some, range(THREADS)) for visit in part]

    def _kill(self) -> None:
        """SIGKILL the servers of the new side."""
        pilot.signalled(CLUSTER, SERVER, signal.SIGKILL)

    def _delete(self) -> None:
        own = f"app.kubernetes.io/name=app,app.kubernetes.io/part-of={SYSTEM}"
        for pod in self._kube.list("v1", "Pod", namespace=SYSTEM, labels=own):
            self._kube.delete(Ref.of(pod), grace=0)


def light(folder: Path, crossings: int, edge: Mapping[str, Any] = MappingProxyType({})) -> Path:
    """Write the system's file and its project; `edge` is that part of the file."""
    shutil.copytree(LIGHT, folder / "light")
    many = {f"c{n}": {"routes": f"/c{n}", "to": "app", "guard": UNGUARDED} for n in range(crossings - 1)}
    sticky = {"routes": "/sticky", "to": "app", "guard": UNGUARDED, "sticky": True}
    document = {
        "system": SYSTEM,
        "environments": {
            "bench": {
                "on": "local",
                "cluster": CLUSTER,
                "domain": DOMAIN,
                "nodes": {"min": 1, "max": 1, "size": "medium"},
                "ports": {"http": HTTP, "https": HTTPS},
            }
        },
        "monolith": {"address": f"http://127.0.0.1:{MONOLITH}"},
        "services": {
            "app": {
                "source": "./light",
                "run": "python3 server.py",
                "scale": 2,
                "resources": {"cpu": "50m", "memory": "64Mi"},
                "env": {"SIDE": "app", "PORT": "8000"},
            }
        },
        "crossings": {**many, "sticky": sticky},
        "edge": dict(edge),
    }
    file = folder / "seaway.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


@contextmanager
def old_server(port: int = MONOLITH) -> Iterator[None]:
    """Have an old server answer on this port of loopback."""
    env = {**os.environ, "SIDE": "monolith", "PORT": str(port)}
    server = subprocess.Popen([sys.executable, LIGHT / "server.py"], env=env)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def _last(load: Load, side: str, asked: float) -> float:
    """Seconds from the command to the last request that was still sent to a side."""
    return max((a.at for a in load.seen(asked) if a.side == side), default=asked) - asked


def until(look: Callable[[], object], what: str, patience: float = 60.0) -> None:
    """Look again and again until the answer is true. Raises RuntimeError where it never is."""
    end = time.monotonic() + patience
    while not look():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {patience:g} s: {what}")
        time.sleep(0.05)
