"""How a crossing is shown to people: where it stands, since when, why, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from seaway.model.manifests import Manifest
from seaway.model.names import Weight
from seaway.model.wrong import Wrong
from seaway.rooms.crossing.facts import Other
from seaway.rooms.crossing.resource import Crossing, understood
from seaway.rooms.crossing.routes import Split, split_of
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import FULL, Phase, State, moment

READY = "Ready"


@dataclass(frozen=True)
class CrossingView:
    """One crossing as it is. `there`: its route exists; `ready`: the gateway has taken it up.

    `weight` is what the route says, which is what visitors see; all else is what the pilot says.
    """

    name: str
    routes: tuple[str, ...]
    to: str
    weight: Weight
    phase: Phase
    after: tuple[str, ...] = ()
    alone: bool = True
    held: str = ""
    step: int = -1
    steps: tuple[int, ...] = ()
    since: datetime | None = None
    reason: str = ""
    next: str = ""
    epoch: int = 0
    there: bool = False
    ready: bool = False

    @property
    def other(self) -> Other:
        """Give it as a neighbour sees it."""
        return Other(self.phase, self.weight.percent, self.after, self.alone, self.held)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "routes": list(self.routes),
            "to": self.to,
            "weight": self.weight.percent,
            "phase": self.phase.value,
            "after": list(self.after),
            "held": self.held,
            "step": self.step,
            "since": moment(self.since) if self.since else "",
            "reason": self.reason,
            "next": self.next,
        }


def views(
    crossings: Mapping[str, CrossingSpec],
    resources: Mapping[str, Manifest | None],
    routes: Mapping[str, Manifest | None],
) -> dict[str, CrossingView]:
    """See every crossing of the file as its resource and its route (both by the crossing's name) show it."""
    return {
        name: _view(name, spec, resources.get(name), routes.get(name)) for name, spec in crossings.items()
    }


def _view(name: str, spec: CrossingSpec, resource: Manifest | None, route: Manifest | None) -> CrossingView:
    found, wrong = _read(resource)
    state, real = (found.state if found else State()), split_of(route) if route else Split(0, 0)
    spec = found.spec if found else spec
    ahead = route is not None and real.epoch > state.epoch and state.phase is not None
    condition = state.condition(READY)
    phase = Phase.RETURNED if ahead and not real.weight else _phase(spec, state, real.weight)
    pilot_behind = "taken back at the route; the pilot has not seen it yet"
    return CrossingView(
        name=name,
        routes=spec.routes,
        to=spec.to,
        weight=Weight(real.weight),
        phase=phase,
        after=spec.after,
        alone=spec.alone,
        held=state.held,
        step=sum(1 for step in spec.steps if step <= real.weight) - 1,
        steps=spec.steps,
        since=state.since if state.phase else None,
        reason=wrong or (pilot_behind if ahead else state.reason),
        next=_next(name, spec, state, phase),
        epoch=max(real.epoch, state.epoch),
        there=route is not None,
        ready=condition is not None and condition.status == "True",
    )


def _read(resource: Manifest | None) -> tuple[Crossing | None, str]:
    try:
        return understood(resource) if resource else (None, "")
    except Wrong as wrong:
        return None, wrong.why


def _phase(spec: CrossingSpec, state: State, weight: int) -> Phase:
    """Take the pilot's word; where it has not spoken yet, that of the route."""
    if state.phase:
        return state.phase
    if weight:
        return Phase.SETTLED if weight == FULL else Phase.MOVING
    return Phase.WAITING if spec.after else Phase.MONOLITH


def _next(name: str, spec: CrossingSpec, state: State, phase: Phase) -> str:
    """Say what happens next, and by whom: a command for people, or a weight and a time for the pilot."""
    if phase is Phase.SETTLED:
        return ""
    if phase is Phase.RETURNING:
        return "it is at the monolith in a moment"
    if state.held:
        return f"seaway cross resume {name}"
    if phase is Phase.RETURNED or not (state.started or spec.start == "automatic"):
        return f"seaway cross start {name}"
    if phase in {Phase.MOVING, Phase.HOLDING}:
        following = next((step for step in spec.steps if step > state.weight), None)
        left = max(0, spec.hold_seconds - int(state.watched))
        goal = f"{following} %" if following else "settled"
        return f"{goal} in {timedelta(seconds=left)}" if left else f"{goal} as soon as it may"
    return f"{spec.steps[0]} % as soon as it may"
