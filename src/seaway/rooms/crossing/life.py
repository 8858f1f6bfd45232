"""The life of a crossing: what becomes of it now, from what was seen. Pure and total.

    waiting → monolith → comparing → moving … moving → holding → settled
                              any of them → returning → returned → (start) waiting

`advance` decides; who calls it carries the effects out in this order, and may be killed between any two:

1. Write `Advance.state` to the resource's status, at once where `Advance.changed`, otherwise when convenient.
2. Carry out `Advance.effects` in their order. Writes of the route are conditional on the version that was
   seen; where that has passed, look again and ask again.
3. Ask again: at once after a change that was seen, and at the moment of `Requeue`.

The state is written first and says what the route shall be, so that one who was killed in between writes the
route again and not a second time something new. Entries are in the state's history too: whoever begins anew
adds those to the ledger that it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from seaway.rooms.crossing.commands import obey
from seaway.rooms.crossing.facts import Facts
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import FULL, Phase, State, What
from seaway.rooms.crossing.turn import (
    COMPARED,
    GUARDED,
    PILOT,
    READY,
    UNDER_WAY,
    Effect,
    Emit,
    Release,
    Requeue,
    SetSplit,
    Turn,
)

#: How often one looks while something moves.
TICK: Final = timedelta(seconds=1)
#: Seconds that the way back waits for those that crossed because of this one; then it goes all the same.
DEPENDENTS: Final = 5.0
#: Seconds after which a resource may go although the gateway has not taken up the way back: it is gone too.
GATEWAY: Final = 30.0
#: How the pilot says that it holds a crossing itself.
WRONG: Final = f"the {PILOT}: "
#: A look counts as watching for at most this many seconds.
LONGEST: Final = 5.0


@dataclass(frozen=True)
class Advance:
    """What the crossing becomes, and what must be done; `changed` where more is new than what is counted."""

    state: State
    effects: tuple[Effect, ...]
    changed: bool


def advance(spec: CrossingSpec, state: State, now: datetime, facts: Facts) -> Advance:
    """Decide what becomes of a crossing; every pair of phase and facts has an answer."""
    now = now.astimezone(UTC).replace(microsecond=now.microsecond // 1000 * 1000)
    turn = Turn(spec, facts, now, replace(state, generation=facts.generation))
    if state.phase is None:
        _adopt(turn)
    if facts.deleting:
        _leave(turn)
    else:
        obey(turn)
        _hold_what_is_wrong(turn)
        _notice(turn)
        _return_if_it_must(turn)
        PHASES[turn.phase](turn)
    _settle_route(turn)
    _requeue(turn)
    changed = replace(turn.state, watched=state.watched, evidence=state.evidence) != state
    return Advance(turn.state, tuple(turn.effects), changed)


def _adopt(turn: Turn) -> None:
    """Begin with what is there: a route that an earlier version made keeps its weight."""
    route = turn.facts.route
    weight = route.weight if route else 0
    phase = Phase.SETTLED if weight == FULL else Phase.MOVING if weight else Phase.WAITING
    held = "the upgrade" if 0 < weight < FULL else ""
    turn.enter(phase, weight=weight, epoch=route.epoch if route else 0, held=held, started=weight > 0)
    if weight:
        turn.record(What.ADOPTED, PILOT, weight, "its route was there before")


def _leave(turn: Turn) -> None:
    """The resource is to go: first its traffic, then its route, then the finalizer."""
    if turn.state.weight or turn.phase is Phase.COMPARING:
        turn.back("the crossing was removed", PILOT, now=True)
    _count(turn)
    route = turn.facts.route
    if route is None or (_is_as_wanted(turn) and (route.accepted or turn.state.watched > GATEWAY)):
        turn.effects.append(Release())


def _hold_what_is_wrong(turn: Turn) -> None:
    """Keep a crossing whose spec is wrong where it is, and no longer once it is mended."""
    held, wrong = turn.state.held, turn.facts.wrong
    if not held or held.startswith(WRONG):
        turn.become(held=f"{WRONG}{wrong}" if wrong else "")


def _notice(turn: Turn) -> None:
    """See whether somebody else wrote the route since: the way back is respected, the rest is mended."""
    route, state = turn.facts.route, turn.state
    if route is None:
        if state.taken:
            turn.become(taken=False)
            turn.record(What.MENDED, PILOT, state.weight, "its route was gone and is made again")
        return
    if route.epoch > state.epoch:
        if turn.phase is Phase.RETURNING:
            turn.drop()
        elif turn.phase is Phase.RETURNED:
            turn.become(epoch=route.epoch, taken=False)
        else:
            by = route.by or "somebody"
            turn.back(f"taken back by {by} at the route", by, now=True)
    elif state.taken and route.weight != state.weight:
        if route.weight == 0:
            turn.back("somebody set the route to 0 %: taken as the way back", "somebody", now=True)
            return
        turn.become(taken=False)
        reason = f"somebody set the route to {route.weight} %: it is {state.weight} % again"
        turn.record(What.MENDED, PILOT, state.weight, reason)


def _return_if_it_must(turn: Turn) -> None:
    """Go back where the guards are broken, nobody is there any more, or one goes back that came before."""
    if turn.phase in {Phase.RETURNING, Phase.RETURNED} or not turn.state.weight:
        return
    if leader := turn.leader_that_returns():
        turn.back(f"{leader} goes back, and this one crossed because of it", PILOT)
    if turn.phase not in UNDER_WAY or turn.fresh:
        return
    if turn.facts.ready == 0:
        turn.back(f"{turn.spec.to} has no ready pod", PILOT, now=True)
    elif (verdict := turn.facts.verdict) and verdict.broken:
        turn.back(verdict.reason, PILOT, verdict.figures)


def _waiting(turn: Turn) -> None:
    if behind := turn.behind():
        turn.become(reason=behind)
        return
    turn.enter(Phase.MONOLITH)
    _monolith(turn)


def _monolith(turn: Turn) -> None:
    if behind := turn.behind():
        turn.enter(Phase.WAITING, behind)
        return
    if not (turn.state.started or turn.spec.start == "automatic"):
        turn.become(reason="it waits for its start")
    elif turn.state.held:
        turn.become(reason=f"held by {turn.state.held}")
    elif turn.spec.compare is not None:
        turn.enter(Phase.COMPARING, "both sides are compared", started=True)
        turn.record(What.STARTED, PILOT, 0, "compares both sides")
    else:
        _first_step(turn, "its first step")


def _comparing(turn: Turn) -> None:
    compared = turn.facts.compared
    if behind := turn.behind():
        turn.enter(Phase.WAITING, behind)
    elif turn.state.held:
        turn.become(reason=f"held by {turn.state.held}")
    elif turn.spec.compare is None:
        _first_step(turn, "its first step")
    elif compared is None:
        turn.condition(COMPARED, "Unknown", "NoReport", "the comparator gives no report")
        turn.become(reason="the comparator gives no report")
    elif compared.differs:
        turn.condition(COMPARED, "False", "Different", compared.reason)
        turn.back(compared.reason, PILOT, compared.figures)
    elif not compared.enough:
        turn.condition(COMPARED, "Unknown", "Comparing", compared.reason)
        turn.become(reason=compared.reason)
    else:
        turn.condition(COMPARED, "True", "Alike", compared.reason)
        _first_step(turn, compared.reason, compared.figures)


def _first_step(turn: Turn, reason: str, figures: Mapping[str, object] | None = None) -> None:
    if blocked := _blocked(turn):
        turn.become(reason=blocked)
    else:
        turn.become(started=True)
        turn.rise(turn.spec.steps[0], PILOT, reason, figures)


def _moving(turn: Turn) -> None:
    """Watch this weight for as long as it is held; then go on to the next."""
    verdict = turn.facts.verdict
    if turn.fresh:
        return
    if verdict is None:
        _blind(turn)
        return
    turn.condition(GUARDED, "True", "Watched")
    if not turn.state.taken:
        turn.become(reason="the gateway has not taken up this weight yet")
        return
    _count(turn)
    left = turn.spec.hold_seconds - turn.state.watched
    patient = turn.state.watched < turn.spec.guard.patience_seconds
    if turn.state.held:
        turn.become(reason=f"held by {turn.state.held}")
    elif left > 0:
        turn.become(reason="")
    elif not verdict.enough and patient:
        turn.become(reason=verdict.reason)
    elif turn.phase is Phase.HOLDING:
        turn.enter(Phase.SETTLED, started=False)
        turn.record(What.SETTLED, PILOT, FULL, verdict.reason, verdict.figures)
    elif blocked := _blocked(turn):
        turn.become(reason=blocked)
    else:
        following = next(step for step in turn.spec.steps if step > turn.state.weight)
        turn.rise(following, PILOT, verdict.reason, verdict.figures)


def _blind(turn: Turn) -> None:
    """Without the gateway's metrics nothing moves, and the time does not count."""
    before = turn.state.condition(GUARDED)
    told = "the gateway's metrics are not seen"
    if before is None or before.status != "False":
        turn.effects.append(Emit("Warning", "CrossingBlind", f"it holds: {told}"))
    turn.condition(GUARDED, "False", "NoMetrics", told)
    turn.become(reason=f"it holds: {told}")


def _settled(turn: Turn) -> None:
    turn.condition(GUARDED, "Unknown", "Settled", "nothing moves")


def _returning(turn: Turn) -> None:
    if turn.state.weight:
        _count(turn)
        if not turn.dependents() or turn.state.watched > DEPENDENTS or turn.facts.ready == 0:
            start = turn.state.weight
            turn.drop()
            turn.record(What.MOVED, PILOT, start, turn.state.reason)
    elif turn.state.taken or (_is_as_wanted(turn) and turn.facts.route and turn.facts.route.accepted):
        turn.become(phase=Phase.RETURNED, since=turn.now)
        turn.record(What.RETURNED, PILOT, 0, turn.state.reason)


def _returned(turn: Turn) -> None:
    turn.condition(GUARDED, "Unknown", "Returned", "nothing moves")


PHASES: Final[Mapping[Phase, Callable[[Turn], None]]] = MappingProxyType(
    {
        Phase.WAITING: _waiting,
        Phase.MONOLITH: _monolith,
        Phase.COMPARING: _comparing,
        Phase.MOVING: _moving,
        Phase.HOLDING: _moving,
        Phase.SETTLED: _settled,
        Phase.RETURNING: _returning,
        Phase.RETURNED: _returned,
    }
)


def _blocked(turn: Turn) -> str:
    """Say what keeps the weight from rising now; nothing where it may."""
    hours = turn.spec.hours
    if not hours.is_open(turn.now):
        opens = hours.next_open(turn.now)
        turn.effects.append(Requeue(opens))
        return f"it may move up only {hours} ({hours.zone}), next from {opens:%Y-%m-%d %H:%M} UTC"
    if not turn.state.weight and (found := turn.neighbour()):
        name, other = found
        held = f", held by {other.held}" if other.held else ""
        return f"one at a time: {name} is {other.phase.value} at {other.weight} %{held}"
    if not turn.facts.ready:
        seen = turn.facts.ready is not None
        return f"{turn.spec.to} has no ready pod" if seen else f"the endpoints of {turn.spec.to} are not seen"
    return turn.behind(full=True)


def _count(turn: Turn) -> None:
    """Count the time since the last look as watched."""
    turn.become(watched=turn.state.watched + min(max(turn.facts.elapsed, 0.0), LONGEST))


def _wanted(turn: Turn) -> SetSplit:
    state = turn.state
    return SetSplit(state.weight, state.epoch, turn.phase is Phase.COMPARING, turn.facts.deleting)


def _is_as_wanted(turn: Turn) -> bool:
    route = turn.facts.route
    if route is None or not route.ours:
        return False
    return SetSplit(route.weight, route.epoch, route.comparing, route.leaving) == _wanted(turn)


def _settle_route(turn: Turn) -> None:
    """Bring the route to what the state says, and see whether the gateway has taken it up."""
    if any(isinstance(effect, Release) for effect in turn.effects):
        return
    if not _is_as_wanted(turn):
        turn.become(taken=False)
        turn.condition(READY, "False", "Writing", "the route is being written")
        turn.effects.insert(0, _wanted(turn))
        return
    route = turn.facts.route
    if route is None or not route.accepted:
        why = route.why if route else ""
        turn.become(taken=False)
        turn.condition(READY, "False", "NotTaken", why or "the gateway has not taken up the route yet")
    else:
        if not turn.state.taken and turn.phase is not Phase.RETURNING:
            turn.become(since=turn.now)
        turn.become(taken=True)
        turn.condition(READY, "True", "Taken")


def _requeue(turn: Turn) -> None:
    """Look again soon while something moves or is about to; the earliest moment counts."""
    moves = turn.phase in {*UNDER_WAY, Phase.COMPARING, Phase.RETURNING} or not turn.state.taken
    blocked = [effect for effect in turn.effects if isinstance(effect, Requeue)]
    moments = [turn.now + TICK] if moves else []
    moments += [effect.at for effect in blocked]
    turn.effects = [effect for effect in turn.effects if not isinstance(effect, Requeue)]
    if moments:
        turn.effects.append(Requeue(min(moments)))
