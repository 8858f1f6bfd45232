"""All that is seen of a crossing and its surroundings before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from seaway.rooms.crossing.state import Command, Phase

#: Annotation of a route: who took it back there, without the pilot.
BY: Final = "seaway.dev/taken-back-by"


@dataclass(frozen=True)
class RouteFacts:
    """A crossing's HTTPRoute as it was found.

    `weight` and `epoch` are what it says, `comparing` whether it mirrors to the comparator. `ours` tells
    whether all the rest is what Seaway would write now, `accepted` whether the gateway has taken up this very
    generation, `why` what the gateway says where it has not. `by` names who wrote it last, if that is told.
    One that is `leaving` takes no request any more.
    """

    weight: int
    epoch: int = 0
    comparing: bool = False
    ours: bool = True
    accepted: bool = True
    why: str = ""
    by: str = ""
    leaving: bool = False


@dataclass(frozen=True)
class Other:
    """Another crossing of the same system, as it is after the pilot's last decision about it."""

    phase: Phase
    weight: int
    after: tuple[str, ...] = ()
    alone: bool = True
    held: str = ""

    @property
    def moves(self) -> bool:
        """Whether traffic of it is on the way, so that one that wants to be alone waits."""
        return self.phase in {Phase.MOVING, Phase.HOLDING} or (
            self.phase is Phase.RETURNING and self.weight > 0
        )


@dataclass(frozen=True)
class Compared:
    """What the comparator says: whether it has seen `enough`, whether too much `differs`, in one sentence."""

    enough: bool
    differs: bool
    reason: str
    figures: Mapping[str, Any] = field(default_factory=dict)


class Verdict(Protocol):
    """What the guards say: whether one is `broken`, whether the step has seen `enough`, in one sentence."""

    @property
    def broken(self) -> bool: ...
    @property
    def enough(self) -> bool: ...
    @property
    def reason(self) -> str: ...
    @property
    def figures(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Facts:
    """All that a decision about one crossing needs, seen at one moment.

    `route` is None where there is none. `others` are the other crossings of the system by name. `verdict` is
    what the guards say of the evidence of this step, None where the gateway's metrics are not seen. `ready`
    counts the new side's endpoints that may get traffic, None where they are not seen. `compared` is None
    where the comparator gives no report. `wrong` says what the pilot cannot go by in the spec. `elapsed` is
    the seconds since this very pilot's last look, 0 at its first, by a clock that only goes forward.
    `deleting` tells that the resource is to go, `generation` which version of its spec this is.
    """

    name: str
    route: RouteFacts | None = None
    command: Command | None = None
    others: Mapping[str, Other] = field(default_factory=dict)
    verdict: Verdict | None = None
    ready: int | None = None
    compared: Compared | None = None
    wrong: str = ""
    elapsed: float = 0.0
    deleting: bool = False
    generation: int = 0
