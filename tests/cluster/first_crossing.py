"""The crossing `first` of the small system, as the API server shows it, with holds that are soon over."""

from __future__ import annotations

from typing import Any

from seaway.kit.kube import Ref
from seaway.model.gateway import GATEWAY_API
from seaway.rooms.crossing.ledger import entries_of, ledger_name
from seaway.rooms.crossing.resource import API, understood
from seaway.rooms.crossing.routes import Split, split_of
from seaway.rooms.crossing.sides import route_name
from seaway.rooms.crossing.state import Entry, Phase, State, What
from tests.cluster.support import until
from tests.cluster.tiny_system import SYSTEM, Tiny

STEPS = [20, 60, 100]
SHORT: dict[str, Any] = {"steps": STEPS, "hold": "2s", "guard": {"minimum": 5}}
CROSSING = Ref(API, "Crossing", "first", SYSTEM)
ROUTE = Ref(GATEWAY_API, "HTTPRoute", route_name("first"), SYSTEM)
#: Seconds that a whole life takes at most here, and a change of leaders.
LIFE, SUCCESSION = 40, 30


def state_of(tiny: Tiny) -> State:
    found = tiny.cluster.kube.get(CROSSING)
    assert found
    return understood(found)[0].state


def route_of(tiny: Tiny) -> Split:
    return split_of(tiny.cluster.kube.get(ROUTE) or {})


def await_phase(tiny: Tiny, phase: Phase, patience: float = LIFE) -> State:
    try:
        until(lambda: state_of(tiny).phase is phase, f"phase {phase}", patience)
    except AssertionError as error:
        error.add_note(f"its history: {state_of(tiny).history}")
        raise
    return state_of(tiny)


def start(tiny: Tiny) -> None:
    """Let it go, and see it arrive at its first step."""
    tiny.seaway("cross", "start", "first")
    until(lambda: route_of(tiny).weight == STEPS[0], "the first step")


def at_the_monolith(tiny: Tiny) -> Tiny:
    """See the system up and whole, with all traffic at the monolith."""
    tiny.whole()
    if route_of(tiny).weight:
        tiny.seaway("cross", "back", "first")
        await_phase(tiny, Phase.RETURNED)
    return tiny


def ledger_of(tiny: Tiny) -> tuple[Entry, ...]:
    return entries_of(tiny.cluster.kube.get(Ref("v1", "ConfigMap", ledger_name("first"), SYSTEM)))


def since_last_start(tiny: Tiny) -> list[Entry]:
    """What happened since, in its order; all of it is in the ledger too."""
    told = list(state_of(tiny).history)
    until(lambda: all(entry in ledger_of(tiny) for entry in told), "the ledger of all that", 5)
    starts = [i for i, entry in enumerate(told) if entry.what is What.STARTED]
    return told[starts[-1] :]


def moves_since_last_start(tiny: Tiny) -> list[int]:
    return [entry.end for entry in since_last_start(tiny) if entry.what is What.MOVED]
