"""What an environment needs of this machine, looked at before anything is changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from seaway.errors import Refused
from seaway.flow.away import refuse_what_cannot_be
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
    if environment.here:
        yield from machine_for_nodes()
        for number in (environment.ports.http, environment.ports.https):
            yield machine.port(number, "stop what listens there, or set ports: in the environment")
    else:
        yield from _elsewhere(system, environment)
    if monolith := system.monolith_in(environment):
        facts, what = look_at_monolith(monolith), f"{monolith.address} answers"
        remedy = "start it, or correct monolith: in the file"
        yield Finding(what) if facts.answers else Finding(what, Level.FAIL, facts.why, remedy)


def _elsewhere(system: System, environment: EnvironmentSpec) -> Iterator[Finding]:
    """See what this machine needs for an environment that runs elsewhere; nobody is asked there."""
    try:
        refuse_what_cannot_be(system, environment)
    except Refused as refused:
        yield Finding(f"on: {environment.on}", Level.FAIL, f"{refused.what}: {refused.why}", refused.remedy)
    given = environment.certificate
    for name in (given.chain, given.key) if given else ():
        there = os.access(system.folder / name, os.R_OK)
        yield Finding(name) if there else Finding(name, Level.FAIL, "it cannot be read", "see certificate:")
    if given is None and not environment.https.later:
        why = "the environment names none"
        remedy = "https: acme, or certificate: {chain: fullchain.pem, key: key.pem}"
        yield Finding(f"certificate for {', '.join(environment.hosts)}", Level.FAIL, why, remedy)
    yield machine.disk(cache(), least=LEAST, enough=ENOUGH)


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
