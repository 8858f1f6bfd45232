"""Looks at this machine, changing nothing: each look gives findings, good or bad, with what to do.

What can only be known by trying (links, packet rules, overlays) is tried in namespaces that end with the try.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from seaway.errors import MissingTool, ProcessFailed
from seaway.kit import process

NODES: Final = ("ip", "nft", "nsenter", "unshare", "mount", "sysctl", "runc", "s6-svscan")
KERNEL: Final = (5, 13)  # kube-proxy's nftables mode asks for it
CGROUPS: Final = frozenset({"cpu", "memory", "pids"})
GIB: Final = 1 << 30

_TRIES: Final = {
    "links between network namespaces (veth)": "ip link add name end1 type veth peer name end2",
    "bridges": "ip link add name bridge1 type bridge",
    "packet rules with address translation (nftables)": (
        "nft add table ip t && nft 'add chain ip t c { type nat hook output priority -100 ; }'"
    ),
    "overlay file systems": (
        "mount -t tmpfs none /mnt && mkdir /mnt/a /mnt/b /mnt/c /mnt/d &&"
        " mount -t overlay none -o lowerdir=/mnt/a,upperdir=/mnt/b,workdir=/mnt/c /mnt/d"
    ),
}


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    level: Level = Level.OK
    why: str = ""
    remedy: str = ""


def root() -> Finding:
    """See whether this is root: nodes are namespaces, mounts and control groups of this machine."""
    if os.geteuid() == 0:
        return Finding("root")
    why = "nodes are namespaces, mounts and control groups of this machine"
    return Finding("root", Level.FAIL, why, "run the command with sudo")


def programs(names: Iterable[str]) -> Iterator[Finding]:
    """See which programs are there, and name the packages of those that are not."""
    for name in names:
        try:
            process.require(name)
        except MissingTool as error:
            yield Finding(f"program {name}", Level.FAIL, "it is not on the PATH", error.remedy)
        else:
            yield Finding(f"program {name}")


def kernel() -> Iterator[Finding]:
    """See the kernel's version, its control groups, and try what nodes need of it."""
    release = os.uname().release
    version = tuple(int("".join(filter(str.isdigit, part)) or 0) for part in release.split(".")[:2])
    wanted = ".".join(map(str, KERNEL))
    if version < KERNEL:
        yield Finding(f"kernel {release}", Level.FAIL, f"{wanted} or newer is needed", "upgrade the kernel")
    else:
        yield Finding(f"kernel {release}")
    yield cgroups()
    for what, script in _TRIES.items():
        yield _tried(what, script)


def cgroups(folder: Path = Path("/sys/fs/cgroup")) -> Finding:
    """See whether control groups for CPU, memory and processes are there and may be made (v2, v1 or both)."""
    unified = folder / "cgroup.controllers"
    have = set(unified.read_text().split()) if unified.exists() else {p.name for p in folder.glob("*")}
    missing = sorted(CGROUPS - have)
    what = f"control groups (v{2 if unified.exists() else 1})"
    if missing:
        return Finding(
            what, Level.FAIL, f"{', '.join(missing)} cannot be limited here", "enable these controllers"
        )
    if not os.access(folder if unified.exists() else folder / "memory", os.W_OK):
        return Finding(
            what, Level.FAIL, f"{folder} is read-only", "remount it writable, or leave the container"
        )
    return Finding(what)


def disk(folder: Path, *, least: float, enough: float) -> Finding:
    """See the space below `folder`, in GiB: fails under `least`, warns under `enough`."""
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free / GIB
    what = f"{free:.1f} GiB free at {folder}"
    if free < enough:
        level = Level.FAIL if free < least else Level.WARN
        return Finding(what, level, f"a rehearsal takes up to {enough:g} GiB", "free some space")
    return Finding(what)


def memory(*, least: float, enough: float, table: Path = Path("/proc/meminfo")) -> Finding:
    """See the memory that programs can still get, in GiB: fails under `least`, warns under `enough`."""
    free = available_memory(table) / GIB
    what = f"{free:.1f} GiB of memory available"
    if free < enough:
        level = Level.FAIL if free < least else Level.WARN
        return Finding(what, level, f"a rehearsal takes about {enough:g} GiB", "end other programs")
    return Finding(what)


def somebody() -> str:
    """Name who runs this program, and where: user@machine."""
    return f"{getpass.getuser()}@{os.uname().nodename}"


def available_memory(table: Path = Path("/proc/meminfo")) -> int:
    """Read the bytes of memory that programs can still get."""
    lines = dict(line.split(":", 1) for line in table.read_text().splitlines() if ":" in line)
    return int(lines["MemAvailable"].split()[0]) * 1024


def port(number: int, remedy: str) -> Finding:
    """See whether a TCP port of loopback is free to lead elsewhere: no program listens on it."""
    for address in ("127.0.0.1", "0.0.0.0"):  # noqa: S104  (only tried, never served)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, number))
            except OSError as error:
                why = f"{error.strerror}: {address}:{number}"
                return Finding(f"port {number}", Level.FAIL, why, remedy)
    return Finding(f"port {number}")


def _tried(what: str, script: str) -> Finding:
    try:
        process.run("unshare", "--net", "--mount", "sh", "-ec", script, timeout=10)
    except (ProcessFailed, MissingTool) as error:
        why = error.why.splitlines()[-1] if error.why else error.what
        return Finding(what, Level.FAIL, why, "load the kernel's module, or use a machine that allows it")
    return Finding(what)
