"""Control groups of clusters and nodes, on hosts with cgroup v1, hybrid or v2.

Everything a cluster starts is in its group, so that all of it can be counted and, at the end, killed.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path("/sys/fs/cgroup")
#: Length of the CFS period in microseconds (kernel: sched-bwc.rst).
PERIOD: Final = 100_000


def unified() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def hierarchies() -> tuple[Path, ...]:
    """The roots under which a group must be made: one for v2, one per controller for v1."""
    if unified():
        return (ROOT,)
    return tuple(sorted(p for p in ROOT.iterdir() if p.is_dir() and not p.is_symlink() and (p / "cgroup.procs").exists()))


def make(group: str, cpus: float | None = None) -> None:
    """Make `group` (a path below the root) everywhere, with a CPU quota where `cpus` is given."""
    for root in hierarchies():
        path = root
        for part in Path(group).parts:
            if unified():
                _delegate(path)
            path /= part
            path.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                own = path / name
                if not unified() and own.exists() and not own.read_text().strip():
                    own.write_text((path.parent / name).read_text())
        if cpus is not None:
            _limit(path, cpus)


def _delegate(path: Path) -> None:
    wanted = (path / "cgroup.controllers").read_text().split()
    (path / "cgroup.subtree_control").write_text(" ".join(f"+{c}" for c in wanted))


def _limit(path: Path, cpus: float) -> None:
    quota = int(cpus * PERIOD)
    if (path / "cpu.max").exists():
        (path / "cpu.max").write_text(f"{quota} {PERIOD}")
    elif (path / "cpu.cfs_quota_us").exists():
        (path / "cpu.cfs_quota_us").write_text(str(quota))


def join(group: str) -> str:
    """Shell lines with which a script moves itself into `group`."""
    return "\n".join(f"echo $$ > {root / group}/cgroup.procs" for root in hierarchies())


def processes(group: str) -> frozenset[int]:
    """Every process in the group or below it, in any hierarchy."""
    found: set[int] = set()
    for root in hierarchies():
        for procs in (root / group).rglob("cgroup.procs"):
            try:
                found.update(int(pid) for pid in procs.read_text().split())
            except OSError:
                continue
    return frozenset(found)


def kill(group: str, seconds: float = 10) -> None:
    """End every process in the group, and wait until it is empty or the time is over."""
    end = time.monotonic() + seconds
    while (pids := processes(group)) and time.monotonic() < end:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def remove(group: str) -> None:
    """Remove the group and all below it, deepest first; it must be empty of processes."""
    for root in hierarchies():
        top = root / group
        if not top.is_dir():
            continue
        below = sorted((p for p in top.rglob("*") if p.is_dir()), key=lambda p: len(p.parts), reverse=True)
        for path in [*below, top]:
            _rmdir(path)


def _rmdir(path: Path) -> None:
    for attempt in range(50):
        try:
            path.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if attempt == 49:  # noqa: PLR2004
                raise
            time.sleep(0.02)
        else:
            return
