"""What people ask of a crossing, and when that is refused. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from seaway.rooms.crossing.state import FULL, Command, Phase, Verb, What
from seaway.rooms.crossing.turn import UNDER_WAY, Turn

#: A command to go up that comes later than this is refused: whoever gave it has long looked elsewhere.
#: Longer than two clocks are apart; the ways down, `back` and `hold`, are never too late.
LATE: Final = timedelta(minutes=10)
UP: Final = frozenset({Verb.START, Verb.RESUME, Verb.MOVE})


def obey(turn: Turn) -> None:
    """Deal with the command that waits, if one does that was not dealt with before."""
    command = turn.facts.command
    if command is None or command.id == turn.state.command:
        return
    answer = _unready(turn, command) or VERBS[command.verb](turn, command)
    turn.become(command=command.id, answer=answer)
    if answer:
        turn.record(What.REFUSED, command.by, turn.state.weight, f"{command.verb.value}: {answer}")


def _unready(turn: Turn, command: Command) -> str:
    """Say why nothing may go up by this command; nothing where it leads down."""
    if command.verb not in UP or (command.verb is Verb.MOVE and command.weight <= turn.state.weight):
        return ""
    if turn.now - command.at > LATE:
        return f"it came too late: it is of {command.at:%Y-%m-%d %H:%M} UTC"
    return turn.facts.wrong


def _start(turn: Turn, command: Command) -> str:
    if turn.phase is Phase.SETTLED:
        return ""
    if turn.phase is Phase.RETURNING:
        return "it is still on its way back"
    if turn.phase in UNDER_WAY:
        return _resume(turn, command)
    if turn.state.started and not turn.state.held:
        return ""
    if turn.phase is Phase.RETURNED:
        turn.enter(Phase.WAITING)
    turn.become(started=True, held="", reason="")
    turn.record(What.STARTED, command.by, turn.state.weight)
    return ""


def _hold(turn: Turn, command: Command) -> str:
    if turn.phase in {Phase.SETTLED, Phase.RETURNING, Phase.RETURNED}:
        return f"it is {turn.phase.value}: there is nothing to hold"
    if not turn.state.held:
        turn.become(held=command.by)
        turn.record(What.HELD, command.by, turn.state.weight)
    return ""


def _resume(turn: Turn, command: Command) -> str:
    if turn.phase in {Phase.RETURNING, Phase.RETURNED}:
        return f"it is {turn.phase.value}: start it again"
    if turn.state.held:
        turn.become(held="", reason="")
        turn.record(What.RESUMED, command.by, turn.state.weight)
    return ""


def _move(turn: Turn, command: Command) -> str:
    if command.weight == 0:
        return _back(turn, command) if turn.state.weight or turn.phase is Phase.COMPARING else ""
    if turn.phase is Phase.RETURNING:
        return "it is still on its way back"
    if command.weight == turn.state.weight:
        return "" if command.weight == FULL else _hold(turn, command)
    if refusal := _unfit(turn, command.weight):
        return refusal
    held = "" if command.weight == FULL else f"{command.by}, by hand"
    turn.become(started=True, held=held)
    turn.rise(command.weight, command.by, "by hand")
    return ""


def _unfit(turn: Turn, weight: int) -> str:
    """Say why this weight may not be set by hand."""
    if weight < FULL and (ahead := turn.dependents()):
        return f"{', '.join(ahead)} crossed because of it: take them back first"
    if weight < turn.state.weight:
        return ""
    if behind := turn.behind(full=True):
        return behind
    if turn.facts.ready is None:
        return f"the endpoints of {turn.spec.to} are not seen"
    return "" if turn.facts.ready else f"{turn.spec.to} has no ready pod"


def _back(turn: Turn, command: Command) -> str:
    if turn.phase not in {Phase.RETURNING, Phase.RETURNED}:
        found = turn.facts.route
        done = found is not None and found.epoch > turn.state.epoch  # whoever asked wrote the route already
        turn.back(f"taken back by {command.by}", command.by, now=done)
    return ""


VERBS: Final[Mapping[Verb, Callable[[Turn, Command], str]]] = MappingProxyType(
    {
        Verb.START: _start,
        Verb.HOLD: _hold,
        Verb.RESUME: _resume,
        Verb.MOVE: _move,
        Verb.BACK: _back,
    }
)
