"""Control groups of clusters and nodes, on hosts with cgroup v1, hybrid or v2.

Everything a cluster starts is in its group, so that all of it can be counted and, at the end, killed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
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
    return tuple(
        sorted(
            p for p in ROOT.iterdir() if p.is_dir() and not p.is_symlink() and (p / "cgroup.procs").exists()
        )
    )


def make(group: str, cpus: float | None = None, memory: int | None = None) -> None:
    """Make `group` (a path below the root) everywhere, with a quota of CPUs and of bytes where given."""
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
            _write(
                path,
                {"cpu.max": f"{int(cpus * PERIOD)} {PERIOD}", "cpu.cfs_quota_us": str(int(cpus * PERIOD))},
            )
        if memory is not None:
            _write(path, {"memory.max": str(memory), "memory.limit_in_bytes": str(memory)})


def _delegate(path: Path) -> None:
    wanted = (path / "cgroup.controllers").read_text().split()
    (path / "cgroup.subtree_control").write_text(" ".join(f"+{c}" for c in wanted))


def _write(path: Path, values: dict[str, str]) -> None:
    """Set what this hierarchy has: v1 and v2 name their limits differently."""
    for name, value in values.items():
        if (path / name).exists():
            (path / name).write_text(value)


def enclose(leaf: str) -> str:
    """Shell lines for the first process of a node, in a cgroup namespace whose root is the node's own group.

    They mount the hierarchies afresh, so that the node sees its group as the whole machine
    (cgroup_namespaces(7)), and move the process into `leaf`, for under v2 inner groups hold no processes.
    """
    lines = ["mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup"] if not unified() else []
    for root in hierarchies():
        lines += [f"mkdir -p {root}", _mount(root), f"mkdir -p {root}/{leaf}"]
        if not unified() and (root / "cpuset.cpus").exists():
            lines += [f"cat {root}/{name} > {root}/{leaf}/{name}" for name in ("cpuset.cpus", "cpuset.mems")]
        lines.append(f"echo $$ > {root}/{leaf}/cgroup.procs")
    if not unified():
        links = sorted(p for p in ROOT.iterdir() if p.is_symlink())
        lines += [f"ln -s {link.readlink()} {link}" for link in links]
    return "\n".join(lines)


def _mount(root: Path) -> str:
    if unified() or root.name == "unified":
        return f"mount -t cgroup2 cgroup2 {root}"
    options = "none,name=systemd" if root.name == "systemd" else root.name
    return f"mount -t cgroup -o {options} cgroup {root}"


def clear(group: str) -> str:
    """Shell lines that remove what the dead left below `group`; under v2 it can hold processes again."""
    lines = [
        f"find {root / group} -mindepth 1 -depth -type d -exec rmdir {{}} + 2>/dev/null || true"
        for root in hierarchies()
    ]
    if unified():
        control = f"{ROOT / group}/cgroup.subtree_control"
        lines.append(f"for c in $(cat {control}); do echo -$c > {control}; done")
    return "\n".join(lines)


def join(group: str) -> str:
    """Shell lines with which a script moves itself into `group`."""
    return "\n".join(f"echo $$ > {root / group}/cgroup.procs" for root in hierarchies())


def processes(group: str) -> frozenset[int]:
    """Every process in the group or below it, in any hierarchy; groups may go while one looks."""
    return frozenset().union(*_inhabitants(group))


def inhabited(group: str) -> bool:
    """Whether there is any process in the group or below it."""
    return any(_inhabitants(group))


def _inhabitants(group: str) -> Iterator[set[int]]:
    for root in hierarchies():
        for folder, _, _ in os.walk(root / group):
            try:
                yield {int(pid) for pid in Path(folder, "cgroup.procs").read_text().split()}
            except OSError:
                continue


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
        for folder, _, _ in os.walk(root / group, topdown=False):
            _rmdir(Path(folder))


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


def below(group: str) -> dict[str, Path]:
    """Find the groups below `group` where CPU is counted, by their last name."""
    root = ROOT if unified() else ROOT / "cpuacct"
    return {Path(folder).name: Path(folder) for folder, _, _ in os.walk(root / group)}


def used(folder: Path) -> float | None:
    """Read the seconds of CPU that a group used (v2: cpu.stat, v1: cpuacct.usage); None where it is gone."""
    try:
        if unified():
            told = dict(line.split() for line in (folder / "cpu.stat").read_text().splitlines())
            return int(told["usage_usec"]) / 1e6
        return int((folder / "cpuacct.usage").read_text()) / 1e9
    except OSError:
        return None
