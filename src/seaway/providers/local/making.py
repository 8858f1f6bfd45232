"""Nodes made and taken away: by a person's command, or by the autoscaler through the keeper.

Both hold the same lock, for the moments in which namespaces and processes change. Nobody holds it while pods
are waited for, so that pods which a person drains may get a node from the autoscaler.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from seaway.errors import Refused
from seaway.kit import machine as kit_machine
from seaway.kit import process
from seaway.kit.lock import locked
from seaway.model.event import Report, notes
from seaway.providers.local import cgroups, control, home, machine, network, node, supervisor
from seaway.providers.local.access import Access
from seaway.providers.local.engine import Engine
from seaway.providers.local.home import Home, NodeHome
from seaway.providers.local.supervisor import Service

#: Bytes of disk that must be free before the autoscaler gets another node: images are unpacked there.
DISK: Final = 2 << 30


@contextmanager
def changing(place: Home, report: Report) -> Iterator[None]:
    """Let one at a time make or take away nodes of this cluster."""
    tell = notes(report, "lock")
    with locked(place.run / "nodes.lock", f"another change of the nodes of {place.name}", tell):
        yield


def start_registry(engine: Engine, report: Report) -> None:
    """Start the machine's registry, or see that it runs, and let all nodes of the machine know the way to it.

    Keepers of an earlier version would tell new nodes the old way: they start anew.
    """
    with machine.alone(report):
        machine.start(engine)
        ready = Access().ready
        for place in home.homes():
            with changing(place, report):
                for each in home.nodes(place):
                    node.mirror(each)
            if not ready.exists():
                process.run("s6-svc", "-r", place.services / "keeper", check=False)
        ready.touch()


def write(nodes: Sequence[NodeHome], size: str, engine: Engine, claim: str = "") -> None:
    """Write each node's files, groups and links; one that is there keeps its size and its claim."""
    pause, resolver = machine.pause(engine), machine.resolver()
    for each in nodes:
        there = each.record.exists()
        kept = each.size if there else size
        node.write(each, kept, engine, pause, resolver, claim=each.claim if there else claim)
        node.make_groups(each, kept)
        network.raise_node(each)


def run(place: Home, services: Sequence[Service]) -> None:
    """Have these programs run, beside those that do; the supervisor is started where it sleeps."""
    supervisor.write(place.services, services, place.logs)
    supervisor.start(place.services, control.entry(place), place.logs / "supervisor.log")


def remove(each: NodeHome) -> None:
    """End a node and take away all that it was on this machine, its images too.

    No pod shall name it any more: without its kubelet one stays Terminating until it is collected.
    """
    supervisor.remove(each.cluster.services, f"node-{each.number}")
    cgroups.kill(each.cgroup)
    network.lower_node(each)
    cgroups.remove(each.cgroup)
    unmount_below(each.state)
    shutil.rmtree(each.state)
    for file in each.cluster.pki.glob(f"{each.name}.*"):
        file.unlink()


def next_number(place: Home) -> int:
    """Give a number in turn, so that a name comes back only long after its last node is forgotten.

    Raises Refused where a cluster has all the nodes that its addresses allow.
    """
    turn = place.state / "nodes" / "turn"
    last = int(turn.read_text()) if turn.exists() else 0
    taken = {each.number for each in home.nodes(place)}
    for step in range(home.NODES - 1):
        number = (last + step) % (home.NODES - 1) + 1
        if number not in taken:
            turn.write_text(str(number))
            return number
    raise Refused(f"cluster {place.name} has {home.NODES - 1} nodes, and addresses for no more")


def lack(size: str) -> str:
    """Say why this machine has no room for one more node of this size; nothing where it has."""
    wanted, free = node.memory(size), kit_machine.available_memory()
    if free < wanted:
        return f"a {size} node takes {_gib(wanted)} of memory, and this machine has {_gib(free)} left"
    left = shutil.disk_usage(home.STATE).free
    if left < DISK:
        return f"a node takes {_gib(DISK)} of disk, and {home.STATE} has {_gib(left)} left"
    return ""


def full() -> str:
    """Say why this machine has no room for one more node of any size; nothing where it has."""
    return lack(next(iter(node.SIZES)))


def unmount_below(folder: Path) -> None:
    """Node mounts live in the nodes' namespaces and end with them; what a broken end left here is let go."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), reverse=True):
        process.run("umount", "-l", mount, check=False)


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
