"""Production as it is rehearsed: what would reach beyond this machine, or take hours, is another. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from seaway.errors import UsageError
from seaway.flow.system import System
from seaway.rooms.cluster.front import CertificateSpec, HttpsSpec
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.crossing.spec import CrossingSpec

#: Nodes at most: they are this machine's.
NODES: Final = 3
#: How long a step of a crossing is watched, and how many requests it must have seen.
HOLD: Final = "1s"
MINIMUM: Final = 10
PATIENCE: Final = "5s"


@dataclass(frozen=True)
class Stage:
    """What stands in for production's own.

    `old` is the address of the old server, which is the real one unless it is `played`. `registry` takes the
    images where the file names one. `chain` and `key` are the certificate of the domain.
    """

    old: str
    played: bool
    registry: str
    chain: Path
    key: Path


def rehearsable(system: System, on: str) -> tuple[str, EnvironmentSpec]:
    """Choose an environment that can be rehearsed. Raises UsageError for any that is not on: eks."""
    name, environment = system.environment(on)
    if environment.on != "eks":
        others = [each for each, spec in system.environments.items() if spec.on == "eks"]
        here = (
            "it is a rehearsal itself: seaway up"
            if environment.here
            else "only AWS is played on this machine"
        )
        remedy = f"seaway rehearse --on {others[0]}" if others else "add an environment that is on: eks"
        raise UsageError(f"environment {name} cannot be rehearsed", why=here, remedy=remedy)
    return name, environment


def rehearsed(system: System, name: str, stage: Stage) -> System:
    """Give the system with this environment, and all that crosses there, as a rehearsal has it."""
    environment = system.environments[name]
    nodes, control = environment.nodes, environment.control
    least = min(nodes.min, NODES)
    here: dict[str, Any] = {
        "monolith": stage.old if system.monolith else "",
        "registry": stage.registry if environment.registry else "",
        "certificate": CertificateSpec(chain=str(stage.chain), key=str(stage.key)),
        "nodes": nodes.model_copy(update={"min": least, "max": max(least, min(nodes.max, NODES))}),
        "https": HttpsSpec(),
        "dns": None,
        "login": None,
        "adopt": None,
        "control": control and control.model_copy(update={"version": "", "private": None, "key": ""}),
    }
    old = system.monolith
    changes: dict[str, Any] = {
        "environments": {**system.environments, name: environment.model_copy(update=here)},
        "crossings": {each: _quickly(spec, stage) for each, spec in system.crossings.items()},
        "promotions": {each: spec for each, spec in system.promotions.items() if each != name},
        "monolith": old and old.model_copy(update={"address": stage.old, "also": (), "ca": "", "name": None}),
    }
    return system.model_copy(update=changes)


def _quickly(spec: CrossingSpec, stage: Stage) -> CrossingSpec:
    """Let a crossing move within seconds; how fast a stand-in answers says nothing of the old server."""
    ratio: dict[str, Any] = {"latency": 0.0} if stage.played else {}
    guard = spec.guard.model_copy(
        update={"minimum": min(spec.guard.minimum, MINIMUM), "patience": PATIENCE, **ratio}
    )
    moves = {"hold": HOLD, "only": "", "start": "manual", "compare": None, "guard": guard}
    return spec.model_copy(update=moves)
