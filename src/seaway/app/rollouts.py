"""Releases of services: how they were rolled out, and the way back."""

from __future__ import annotations

from seaway.app.world import looking
from seaway.errors import SeawayError
from seaway.flow.back import undo_release
from seaway.flow.observe import observe_rollouts
from seaway.flow.promoted import forgotten
from seaway.flow.rollouts import Rollout, rollout, rollouts
from seaway.flow.system import System
from seaway.kit.machine import somebody
from seaway.model.event import Report, notes
from seaway.rooms.services.history import Release, Wanted


def rolled(system: System, on: str, report: Report) -> tuple[Rollout, ...]:
    """See how all services were rolled out."""
    with looking(system, on, report, observe_rollouts) as (seen, _):
        return tuple(rollouts(system, seen).values())


def history(system: System, on: str, name: str, report: Report) -> tuple[Release, ...]:
    """List the releases of a service that can be gone back to and the present one, the oldest first.

    Those that the cluster forgot come first; a registry that cannot be asked leaves them out, and says so.
    Raises UsageError for an unknown name.
    """
    with looking(system, on, report, observe_rollouts) as (seen, world):
        known, before = rollout(system, seen, name).releases, tuple[Release, ...]()
        try:
            before = forgotten(system, seen, world, name)
        except SeawayError as error:
            notes(report, "images")(f"what was promoted earlier is left out: {error}")
        return (*before, *known)


def undo(system: System, on: str, name: str, to: Wanted, report: Report, *, force: bool) -> tuple[str, str]:
    """Take a service back to an earlier release, or the one before; gives both digests.

    A release that crosses goes back at once, with the pilot or without it.
    Raises NotFound where there is none, Refused where the data may no longer fit it, unless `force`.
    """
    with looking(system, on, report, observe_rollouts) as (seen, world):
        return undo_release(system, seen, world, name, to, by=somebody(), force=force)
