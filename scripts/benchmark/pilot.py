"""The pilot: how soon it takes a new side that starts to fail off the traffic, and what it needs itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from scripts.rehearsal.load import Load
from seaway.providers.local import cgroups

PROMISES: Final = {
    "failing_side_off_s": 10.0,
    "failing_side_seen_over_its_share": 0.0,
    "pilot_rss_mib": 200.0,
    "pilot_cpu_percent": 10.0,
}
#: Requests a second on a crossing whose new side fails, and its weight.
RATE: Final = 300
WEIGHT: Final = 5
#: Seconds that all is well before it fails, and that are watched afterwards.
BEFORE, AFTER = 15, 20
WATCHED: Final = 30
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_MODULE: Final = b"-m\0seaway.pilot\0"


def failing(load: Load, fail: Callable[[], None]) -> dict[str, Any]:
    """Let the new side fail from one moment on; gives when its last failure was seen, and how many were.

    The clients may see what the weight sends there in that time (three standard deviations of chance), and
    nothing afterwards.
    """
    time.sleep(BEFORE)
    began = time.time()
    fail()
    time.sleep(AFTER)
    failed = [answer.at - began for answer in load.seen(began) if answer.failed]
    off = max(failed, default=0.0)
    share = RATE * off * WEIGHT / 100
    return {
        "failing_side_off_s": off,
        "failing_side_failures_seen": len(failed),
        "failing_side_seen_over_its_share": max(0.0, len(failed) - share - 3 * share**0.5),
    }


def use(cluster: str, seconds: float = WATCHED) -> dict[str, float]:
    """What the pilot that leads needs: resident memory, and its share of one core over so many seconds."""
    pilots = [pid for pid in cgroups.processes(f"seaway/{cluster}") if _MODULE in _read(pid, "cmdline")]
    before = {pid: cpu_seconds(pid) for pid in pilots}
    time.sleep(seconds)
    return {
        "pilot_rss_mib": max(map(_resident, pilots)),
        "pilot_cpu_percent": max(100 * (cpu_seconds(pid) - before[pid]) / seconds for pid in pilots),
    }


def signalled(cluster: str, program: bytes, number: signal.Signals) -> None:
    """Send a signal to every process of the cluster whose command line begins with these words."""
    for pid in processes(cluster, program):
        os.kill(pid, number)


def processes(cluster: str, program: bytes) -> list[int]:
    """Find every process of the cluster whose command line begins with these words."""
    found = cgroups.processes(f"seaway/{cluster}")
    return [pid for pid in found if _read(pid, "cmdline").startswith(program)]


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process, those of the system for it included (proc(5), stat)."""
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident(pid: int) -> float:
    line = next(each for each in _read(pid, "status").splitlines() if each.startswith(b"VmRSS"))
    return int(line.split()[1]) / 1024


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
