"""`scripts/bench`: measures, holds against what was promised, writes JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

from scripts.benchmark import (
    clusters,
    crossing,
    day,
    edge,
    guards,
    images,
    scaling,
    simulation,
    system,
    turnover,
)
from scripts.rehearsal import town
from scripts.rehearsal.load import Load
from scripts.rehearsal.seaway import Seaway
from seaway.model.event import silent
from seaway.providers.local import engine, home

#: What was promised: a figure's name and its upper bound.
PROMISES: Final = {
    "create_to_dns_answer_s": 12.0,
    "node_added_s": 3.0,
    "delete_s": 10.0,
    "up_unchanged_s": 3.0,
    "help_s": 0.25,
    "code_change_build_push_s": 3.0,
    "engine_second_look_s": 1.0,
    "idle_rss_mib": 1228.8,
    "idle_pss_mib": 1228.8,
    "move_to_first_request_p95_s": 0.5,
    "back_to_last_request_max_s": 0.5,
    "failed": 0.0,
    "engine_cold_s": 600.0,
}
#: What is measured by a module of its own, which gives its figures as soon as they are known.
PARTS: Final = {
    "crossing": crossing,
    "edge": edge,
    "images": images,
    "simulation": simulation,
    "turnover": turnover,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measure what Seaway promises; writes JSON."
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=("system", "guards", "scaling", "day", "example", *PARTS),
        default="system",
        help="system: clusters and one crossing, for real (the default); crossing: many crossings, for real; "
        "edge: slow clients, the gateway beside a bare Envoy, certificates signed and renewed, and a name "
        "that moves, for real; "
        "guards: simulated crossings; scaling: nodes that come and go, then a day, for real; "
        "day: the load of a day in minutes, for real, drawn beside the report and held against what "
        "`scale plan` foresaw; example: the same of the example's services, as much as the machine may bear; "
        "turnover: ten nodes, twenty times, and what they leave, for real; simulation: plan and status with "
        "1,000 nodes and 10,000 pods that are only played; "
        "images: builds beside buildah, copies beside skopeo and crane, and the tests of the distribution "
        "specification",
    )
    parser.add_argument("--report", type=Path, default=Path("bench.json"), metavar="FILE")
    parser.add_argument(
        "--cold-engine", action="store_true", help="also build the engine from nothing (minutes)"
    )
    parser.add_argument(
        "--crossings", type=int, default=10_000, metavar="N", help="guards: how many of every case"
    )
    given = parser.parse_args()
    parts, promises = _chosen(given)
    sys.exit(0 if report(given.report, parts, promises) else 1)


def _chosen(given: argparse.Namespace) -> tuple[Iterable[Mapping[str, Any]], Mapping[str, float]]:
    """Give the figures in parts, each as soon as it is measured, and what was promised of them."""
    picture = given.report.with_suffix(".svg")
    if given.what == "guards":
        figures, bounds = guards.measure(given.crossings)
        return [figures], bounds
    if given.what == "day":
        return day.measure(picture), day.PROMISES
    if given.what == "example":
        return day.example(picture), day.EXAMPLE_PROMISES
    if given.what == "scaling":
        return chain(scaling.measure(), day.measure(picture)), scaling.PROMISES | day.PROMISES
    if part := PARTS.get(given.what):
        return part.measure(), part.PROMISES
    return _measure(cold=given.cold_engine), PROMISES


def report(file: Path, parts: Iterable[Mapping[str, Any]], promises: Mapping[str, float]) -> bool:
    """Measure, and write what is known also where a part fails; gives whether all promises were kept.

    A figure that is None was not reached.
    """
    figures: dict[str, Any] = {}
    error = ""
    try:
        for found in parts:
            sys.stderr.write(f"{json.dumps(found, indent=1)}\n")
            figures |= found
    except BaseException as raised:
        error = f"{type(raised).__name__}: {raised}"
        raise
    finally:
        known = {name: bound for name, bound in promises.items() if name in figures}
        kept = {name: figures[name] is not None and figures[name] <= bound for name, bound in known.items()}
        _tell(file, figures, promises, kept, error)
    return all(kept.values())


def _tell(
    file: Path,
    figures: Mapping[str, Any],
    promises: Mapping[str, float],
    kept: Mapping[str, bool],
    error: str,
) -> None:
    result = {
        "machine": {
            "cpus": os.cpu_count(),
            "kernel": platform.release(),
            "python": platform.python_version(),
        },
        "figures": figures,
        "promised": promises,
        "kept": kept,
        "error": error,
    }
    file.write_text(json.dumps(result, indent=1) + "\n")
    width = max(32, *map(len, figures))
    for name, value in figures.items():
        mark = {True: "✓", False: "✗", None: " "}[kept.get(name)]
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        bound = f"   (≤ {promises[name]:g})" if name in promises else ""
        sys.stdout.write(f"{mark} {name:<{width}} {shown:>12}{bound}\n")


def _measure(*, cold: bool) -> Iterator[dict[str, Any]]:
    if cold:
        yield {"engine_cold_s": _cold_engine()}
    began = time.monotonic()
    programs = engine.ensure(silent)
    yield {"engine_second_look_s": time.monotonic() - began}
    town.raise_town()
    folder = town.copy_system()
    seaway = Seaway(folder / "seaway.yaml", {name: town.secret(name) for name in town.SHARED})
    seaway.tell("up", "--yes")
    seaway.ask("cross", "back", "login", "--with-dependents")
    status = seaway.ask("status")
    yield system.help_page() | system.unchanged(seaway) | system.code_change(seaway, folder)
    load = Load(
        programs.program("vegeta"),
        status["edge"]["url"],
        443,
        Path(status["edge"]["ca"]),
        rate=system.RATE,
        limit=300,
    )
    yield system.felt(seaway, load)
    seaway.tell("down", "--yes")
    town.lower_town()
    yield clusters.measure(status["services"][0]["image"])


def _cold_engine() -> float:
    """Build it with caches of its own, so that nothing of the user's is lost."""
    scratch = home.STATE / "bench-cache"
    shutil.rmtree(scratch, ignore_errors=True)
    env = {**os.environ, "XDG_CACHE_HOME": str(scratch), "GOCACHE": f"{scratch}/go-build"}
    code = (
        "from seaway.model.event import silent\n"
        "from seaway.providers.local import engine\n"
        "engine.ensure(silent)\n"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    taken = time.monotonic() - began
    shutil.rmtree(scratch, ignore_errors=True)
    return taken


if __name__ == "__main__":
    main()
