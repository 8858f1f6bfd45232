"""What an environment needs of this machine, looked at before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from seaway.flow.system import System
from seaway.kit import machine
from seaway.kit.cache import folder as cache
from seaway.kit.machine import Finding, Level
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.edge.facts import look_at_monolith

STATE: Final = Path("/var/lib/seaway")
LEAST: Final = 2.0  # GiB of disk without which nothing starts
ENOUGH: Final = 10.0  # GiB for engine, build cache, base image, nodes
MEMORY: Final = 2.0  # GiB for control plane, a node and a small system


def look(system: System, environment: EnvironmentSpec) -> Iterator[Finding]:
    """Give every finding for one environment of the system; a missing part does not hide the others."""
    if environment.on != "local":
        why = f"this version runs only on: local, not on: {environment.on}"
        yield Finding(f"on: {environment.on}", Level.FAIL, why, "choose a local environment with --on")
        return
    yield from machine_for_nodes()
    for number in (environment.ports.http, environment.ports.https):
        yield machine.port(number, "stop what listens there, or set ports: in the environment")
    if monolith := system.monolith_in(environment):
        facts, what = look_at_monolith(monolith), f"{monolith.address} answers"
        remedy = "start it, or correct monolith: in the file"
        yield Finding(what) if facts.answers else Finding(what, Level.FAIL, facts.why, remedy)


def machine_for_nodes() -> Iterator[Finding]:
    """See what local nodes need, whatever system they run."""
    rights = machine.root()
    yield rights
    yield from machine.programs(machine.NODES)
    if rights.level is Level.OK:
        yield from machine.kernel()
    yield machine.disk(STATE, least=LEAST, enough=ENOUGH)
    yield machine.disk(cache(), least=LEAST, enough=ENOUGH)
    yield machine.memory(least=MEMORY / 2, enough=MEMORY)
