"""How long the everyday commands take on the example's system, and how soon a crossing is felt."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any, Final

from scripts.benchmark.clusters import kube_of
from scripts.rehearsal import town, visitor
from scripts.rehearsal.figures import quantile
from scripts.rehearsal.journey import NEW
from scripts.rehearsal.load import Load
from scripts.rehearsal.release import new_version
from scripts.rehearsal.seaway import PROGRAM, Seaway

KINDS: Final = (
    ("v1", "Namespace"),
    ("v1", "Service"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("v1", "PersistentVolumeClaim"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
    ("gateway.envoyproxy.io/v1alpha1", "BackendTrafficPolicy"),
    ("gateway.envoyproxy.io/v1alpha1", "ClientTrafficPolicy"),
    ("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy"),
)
RATE: Final = 200
TURNS: Final = 20


def unchanged(seaway: Seaway, runs: int = 5) -> dict[str, Any]:
    """`seaway up` with nothing to do: wall seconds, and the objects it wrote (generation, owner's stamp)."""
    before = _stamps()
    times = [_timed(lambda: seaway.ask("up", "--yes")) for _ in range(runs)]
    after = _stamps()
    written = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return {
        "up_unchanged_s": quantile(times, 0.5),
        "up_unchanged_max_s": max(times),
        "up_unchanged_writes": written,
    }


def help_page(runs: int = 9) -> dict[str, float]:
    times = [
        _timed(lambda: subprocess.run([PROGRAM, "--help"], check=True, stdout=subprocess.DEVNULL))
        for _ in range(runs)
    ]
    return {"help_s": quantile(times, 0.5)}


def code_change(seaway: Seaway, system: Path, runs: int = 5) -> dict[str, float]:
    """One line of a service changes: build and push, as the command."""
    times = []
    for _ in range(runs):
        new_version(system / "frontend" / "frontend")
        times.append(_timed(lambda: seaway.ask("image", "build", "frontend")))
    seaway.ask("up", "--yes")
    return {"code_change_build_push_s": quantile(times, 0.5)}


def felt(seaway: Seaway, load: Load) -> dict[str, Any]:
    """Move one crossing over and back again and again; seconds until the traffic follows.

    Counted from the end of the command. A request that was sent before it, and so a negative time, is 0.
    """
    first, last = [], []
    load.start(["/login/"], {"Cookie": [visitor.cookie(f"http://127.0.0.1:{town.MONOLITH}")]})
    try:
        load.flowing()
        for _ in range(TURNS):
            first.append(_after(load, lambda: seaway.ask("cross", "move", "login", "100"), first=True))
            last.append(_after(load, lambda: seaway.ask("cross", "back", "login"), first=False))
    finally:
        answers = load.stop()
    return {
        "move_to_first_request_p95_s": quantile(first, 0.95),
        "back_to_last_request_p95_s": quantile(last, 0.95),
        "back_to_last_request_max_s": max(last),
        "moves": 2 * TURNS,
        "requests": len(answers),
        "failed": sum(a.failed for a in answers),
    }


def _after(load: Load, command: Any, *, first: bool) -> float:
    command()
    ended = time.time()
    time.sleep(1.5)
    new = [a.at for a in load.seen(ended - 1.0) if a.side == NEW]
    if first:
        return max(0.0, min(new) - ended) if new else float("inf")
    return max(0.0, max(new, default=ended) - ended)


def _stamps() -> dict[str, str]:
    """What changes when somebody writes: the times in managedFields of Seaway's own manager."""
    kube = kube_of("seaway")
    stamps = {}
    for api, kind in KINDS:
        for item in kube.list(api, kind, labels="app.kubernetes.io/managed-by=seaway"):
            meta = item["metadata"]
            ours = [f["time"] for f in meta.get("managedFields", []) if f["manager"] == "seaway"]
            stamps[f"{kind} {meta.get('namespace', '')}/{meta['name']}"] = (
                f"{meta.get('generation', 0)} {ours}"
            )
    return stamps


def _timed(work: Any) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
