"""What people ask: orders that the pilot carries out, and the way back that needs no pilot."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from seaway.errors import Conflict, NotFound, Refused, SeawayError, Unready
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.kit.near import unknown
from seaway.model.event import Event, Outcome
from seaway.model.gateway import GATEWAY_API
from seaway.model.plan import Change, Outputs
from seaway.model.plan import Verb as Does
from seaway.model.wrong import Wrong
from seaway.ports.world import World
from seaway.rooms.crossing.compare.kept import differences_name, report_of
from seaway.rooms.crossing.deployment import PILOT
from seaway.rooms.crossing.facts import BY
from seaway.rooms.crossing.ledger import entries_of, ledger_name, merged
from seaway.rooms.crossing.place import Place
from seaway.rooms.crossing.resource import API, COMMAND, KIND, ROOM, understood
from seaway.rooms.crossing.routes import Split, route, split_of
from seaway.rooms.crossing.sides import route_name
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import Command, Entry, Phase, State, Verb
from seaway.rooms.crossing.steps import reason_of, reference

#: Seconds between two looks while a command waits; short, since people and load tests feel it.
LOOK: Final = 0.02
#: How often a conditional write is tried again: each time somebody else was first.
TRIES: Final = 20


@dataclass(frozen=True)
class Order:
    """Ask the pilot for something, and wait until it is done and the gateway has taken it up.

    Raises NotFound where there is no such Crossing in the cluster, Refused where the pilot says no or a guard
    took the weight back at once, Conflict where another order came between, Unready
    where it does not answer within `seconds` (the order is then withdrawn), or the gateway does not.
    """

    system: str
    name: str
    command: Command
    after: tuple[str, ...] = ()
    seconds: float = 15.0

    @property
    def id(self) -> str:
        return f"{ROOM}/{self.name}/{self.command.verb}"

    def describe(self) -> Change:
        weight = f" to {self.command.weight} %" if self.command.verb is Verb.MOVE else ""
        return Change(self.id, Does.UPDATE, f"crossing {self.name}", (f"{self.command.verb}{weight}",))

    def run(self, world: World) -> Outputs:
        ref = reference(self.system, self.name)
        _must_be_there(world, ref, self.name)
        _write_command(world, ref, self.command)
        state = self._await_pilot(world, ref)
        if state.answer:
            raise Refused(
                f"the pilot refuses to {self.command.verb} {self.name}",
                where=str(ref),
                why=state.answer,
                remedy="seaway cross status",
            )
        state = self._await_gateway(world, ref)
        if self.command.verb is Verb.MOVE and state.weight != self.command.weight:
            raise Refused(
                f"{self.name} is at {state.weight} %, not at {self.command.weight} %",
                where=str(ref),
                why=state.reason,
                remedy=f"seaway cross history {self.name}",
            )
        return {}

    def _await_pilot(self, world: World, ref: Ref) -> State:
        ends = time.monotonic() + self.seconds
        while True:
            found = world.kube.get(ref)
            state = State.from_status((found or {}).get("status"))
            if state.command == self.command.id:
                return state
            if found and _command_of(found) != self.command.as_text():
                why = "another order came before the pilot saw this one"
                raise Conflict(f"{self.name} was not asked to {self.command.verb}", where=str(ref), why=why)
            if found is None or time.monotonic() > ends:
                why = reason_of(world, self.system, found)
                withdrawn = _withdraw(world, ref, self.command)
                raise Unready(
                    f"the pilot has not answered within {self.seconds:.0f} s; {withdrawn}",
                    where=f"Deployment {self.system}/{PILOT}",
                    why=why,
                    remedy=f"kubectl -n {self.system} logs deploy/{PILOT}; cross back works without it",
                )
            _tell(world, self.id, f"waiting for the pilot: {self.command.verb} {self.name}")
            world.pause(LOOK)

    def _await_gateway(self, world: World, ref: Ref) -> State:
        ends = time.monotonic() + self.seconds
        while not _done(state := State.from_status((found := world.kube.get(ref) or {}).get("status"))):
            if time.monotonic() > ends:
                raise Unready(
                    f"the gateway has not taken up the weight of {self.name} within {self.seconds:.0f} s",
                    where=str(ref),
                    why=reason_of(world, self.system, found),
                    remedy="seaway status tells what is wrong",
                )
            _tell(world, self.id, f"waiting for the gateway: {self.name} at {state.weight} %")
            world.pause(LOOK)
        return state


@dataclass(frozen=True)
class TakeBack:
    """Send all of a crossing's requests to the monolith at once, with the pilot or without it.

    The command goes first, so that a living pilot never undoes what comes then; the route is written here, on
    the condition that nobody else wrote it in between. Raises NotFound where there is no route, Unready where
    the gateway does not take it up within `seconds`; the weight is written all the same. `hear` gives the
    pilot a moment to answer.
    """

    place: Place
    name: str
    spec: CrossingSpec = field(hash=False)
    command: Command
    hear: bool = True
    after: tuple[str, ...] = ()
    seconds: float = 10.0

    @property
    def id(self) -> str:
        return f"{ROOM}/{self.name}/back"

    def describe(self) -> Change:
        return Change(self.id, Does.UPDATE, f"crossing {self.name}", ("to 0 %",))

    def run(self, world: World) -> Outputs:
        ref = reference(self.place.system, self.name)
        try:
            commanded = _write_command(world, ref, self.command)
        except SeawayError as error:
            world.report(Event(self.id, Outcome.NOTE, f"without the pilot: {error}"))
            commanded = None
        place, spec = self._known(commanded)
        written = self._write_route(world, place, spec)
        self._await_gateway(world, written)
        if commanded is not None and self.hear:
            self._hear(world, ref, place.monolith.name)
        return {}

    def _known(self, commanded: Manifest | None) -> tuple[Place, CrossingSpec]:
        """Go by the resource where it can be read, else by the file: the way back needs neither whole."""
        try:
            known = understood(commanded)[0] if commanded else self
        except Wrong:
            known = self
        return known.place, known.spec

    def _write_route(self, world: World, place: Place, spec: CrossingSpec) -> Manifest:
        ref = Ref(GATEWAY_API, "HTTPRoute", route_name(self.name), place.system)
        for _ in range(TRIES):
            found = world.kube.get(ref)
            if found is None:
                raise NotFound(f"crossing {self.name} has no route", where=str(ref), remedy="seaway up")
            before = split_of(found)
            if not before.weight and not before.comparing:
                return found
            wanted = route(place, self.name, spec, Split(0, before.epoch + 1))
            try:
                return world.kube.patch(ref, _over(wanted, found, self.command.by))
            except Conflict:
                continue
        raise Conflict(f"others write the route of {self.name} all the time", where=str(ref))

    def _await_gateway(self, world: World, written: Manifest) -> None:
        ref, wanted = Ref.of(written), written["metadata"]["generation"]
        ends, found = time.monotonic() + self.seconds, written
        while not accepted(found, wanted):
            if time.monotonic() > ends:
                raise Unready(
                    f"the gateway has not taken up the way back of {self.name} within {self.seconds:.0f} s",
                    where=str(ref),
                    why=complaints(found),
                    remedy="seaway status tells what is wrong",
                )
            world.pause(LOOK)
            found = world.kube.get(ref) or {}

    def _hear(self, world: World, ref: Ref, old: str) -> None:
        """Give the pilot a moment to answer, so that the next look shows what it knows; it is not needed."""
        ends = time.monotonic() + 1.0
        while time.monotonic() < ends:
            if State.from_status((world.kube.get(ref) or {}).get("status")).command == self.command.id:
                return
            world.pause(LOOK)
        text = f"{self.name} is back at {old}; the pilot has not answered yet, and will leave it there"
        world.report(Event(self.id, Outcome.NOTE, text))


@dataclass(frozen=True)
class Park:
    """Let a release leave all traffic to the crossings below it, before what it consists of is removed.

    Raises as Order does. Every proxy has a moment to see it: one that asks for what is gone answers 503.
    """

    system: str
    name: str
    after: tuple[str, ...] = ()
    seconds: float = 2.0

    @property
    def id(self) -> str:
        return f"{ROOM}/{self.name}/park"

    def describe(self) -> Change:
        return Change(self.id, Does.UPDATE, f"crossing {self.name}", ("its traffic goes back first",))

    def run(self, world: World) -> Outputs:
        Order(self.system, self.name, command(Verb.BACK, world.outputs.get("by", ""))).run(world)
        world.pause(self.seconds)
        return {}


def command(verb: Verb, by: str, weight: int = 0) -> Command:
    """Make a command of one's own, with an id that nobody else gives."""
    return Command(uuid4().hex[:12], verb, by, datetime.now(UTC), weight)


def read_history(kube: Kube, system: str, name: str, known: Collection[str]) -> tuple[Entry, ...]:
    """Read the ledger of a crossing, which may be gone itself.

    Raises UsageError where neither the cluster nor the file, whose names are `known`, has ever had it.
    """
    config = kube.get(Ref("v1", "ConfigMap", ledger_name(name), system))
    resource = kube.get(reference(system, name))
    if config is None and resource is None:
        _must_be_known(name, known)
    return merged(entries_of(config), State.from_status((resource or {}).get("status")).history)


def read_differences(kube: Kube, system: str, name: str, known: Collection[str]) -> dict[str, Any]:
    """Read what the comparison of a crossing's two sides found.

    Raises NotFound where none was made, UsageError where neither cluster nor file has such a crossing.
    """
    report = report_of(kube.get(Ref("v1", "ConfigMap", differences_name(name), system)))
    if report is None:
        if kube.get(reference(system, name)) is None:
            _must_be_known(name, known)
        raise NotFound(
            f"nothing was compared for crossing {name}",
            why="the comparison begins once it is started, and with compare: in the file",
            remedy="seaway cross status",
        )
    return report


def _must_be_known(name: str, known: Collection[str]) -> None:
    if name not in known:
        what = f"nothing is known of a crossing {name!r}"
        raise unknown(what, name, known, "seaway cross status", none="the file has none")


def accepted(found: Mapping[str, Any] | None, generation: int) -> bool:
    """Whether the gateway has taken up this generation of a route that leads to the monolith alone.

    By the condition Accepted of every parent (RouteParentStatus): what gets no traffic may be gone.
    """
    parents = (found or {}).get("status", {}).get("parents") or []
    told = [c for parent in parents for c in parent.get("conditions", []) if c["type"] == "Accepted"]
    return bool(told) and all(
        c["status"] == "True" and c.get("observedGeneration", 0) >= generation for c in told
    )


def complaints(found: Mapping[str, Any] | None) -> str:
    """Say what the gateway's controller has against a route."""
    parents = (found or {}).get("status", {}).get("parents") or []
    told = [c.get("message", "") for p in parents for c in p.get("conditions", []) if c["status"] != "True"]
    return "; ".join(told) or "the gateway's controller has not answered"


def _done(state: State) -> bool:
    return state.taken and state.phase is not Phase.RETURNING


def _must_be_there(world: World, ref: Ref, name: str) -> None:
    if not world.kube.serves(API, KIND) or world.kube.get(ref) is None:
        raise NotFound(f"crossing {name} is not in the cluster yet", where=str(ref), remedy="seaway up")


def _write_command(world: World, ref: Ref, command: Command) -> Manifest:
    return world.kube.patch(ref, {"metadata": {"annotations": {COMMAND: command.as_text()}}})


def _command_of(found: Mapping[str, Any]) -> str:
    return str((found["metadata"].get("annotations") or {}).get(COMMAND, ""))


def _withdraw(world: World, ref: Ref, command: Command) -> str:
    """Take back an order that nobody dealt with, unless another came since."""
    found = world.kube.get(ref)
    if found is None or _command_of(found) != command.as_text():
        return "nothing was changed"
    gone = {"resourceVersion": found["metadata"]["resourceVersion"], "annotations": {COMMAND: None}}
    try:
        world.kube.patch(ref, {"metadata": gone})
    except Conflict:
        return "it may still do it: see seaway cross status"
    return "the order is withdrawn, nothing was changed"


def _over(wanted: Manifest, found: Manifest, by: str) -> Manifest:
    """Lay a route's spec and notes over the one that was seen, on the condition that it is still that one."""
    notes = {**wanted["metadata"].get("annotations", {}), BY: by}
    version = found["metadata"]["resourceVersion"]
    return {"metadata": {"resourceVersion": version, "annotations": notes}, "spec": wanted["spec"]}


def _tell(world: World, step: str, text: str) -> None:
    world.report(Event(step, Outcome.PROGRESS, text))
