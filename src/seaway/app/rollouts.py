"""Releases of services: how they were rolled out, and the way back."""

from __future__ import annotations

from seaway.app.world import looking
from seaway.flow.back import undo_release
from seaway.flow.observe import observe_rollouts
from seaway.flow.rollouts import Rollout, rollout, rollouts
from seaway.flow.system import System
from seaway.kit.machine import somebody
from seaway.model.event import Report


def rolled(system: System, on: str, report: Report, name: str = "") -> tuple[Rollout, ...]:
    """See how services were rolled out: one by name, or all. Raises UsageError for an unknown name."""
    with looking(system, on, report, observe_rollouts) as (seen, _):
        return (rollout(system, seen, name),) if name else tuple(rollouts(system, seen).values())


def undo(system: System, on: str, name: str, to: int, report: Report, *, force: bool) -> tuple[str, str]:
    """Take a service back to an earlier release, or the one before; gives both digests.

    A release that crosses goes back at once, with the pilot or without it.
    Raises NotFound where there is none, Refused where the data may no longer fit it, unless `force`.
    """
    with looking(system, on, report, observe_rollouts) as (seen, world):
        return undo_release(system, seen, world, name, to, by=somebody(), force=force)
