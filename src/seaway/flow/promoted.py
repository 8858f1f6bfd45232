"""Images that were promoted to an environment and that its cluster forgot: releases to go back to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from seaway.flow.rollouts import rollout
from seaway.flow.system import System
from seaway.model.names import Digest, ImageRef
from seaway.model.snapshot import Snapshot
from seaway.ports.world import World
from seaway.rooms.images.promoted import Record, records
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.services.history import Release, promoted

#: Digits of a whole digest (sha256).
WHOLE: Final = 64


def forgotten(system: System, seen: Snapshot, world: World, name: str, also: str = "") -> tuple[Release, ...]:
    """Find the earlier images of a service that its environment's registry has and its cluster forgot.

    `also` are the digits that are asked for. Raises Unreachable where the registry does not answer.
    """
    known = rollout(system, seen, name).releases
    if seen.environment not in system.promotions or not known:
        return ()
    image = ImageRef.within(world.registry.place, f"{system.system}/{name}")
    shelf = Shelf.of(image, "see that this machine reaches the registry of the environment")
    whole = Digest(f"sha256:{also}") if len(also) == WHOLE else None
    return earlier(known, image, records(shelf, seen.environment, whole))


def earlier(known: Collection[Release], image: ImageRef, found: Iterable[Record]) -> tuple[Release, ...]:
    """Leave out what the cluster knows, and what came after the present release began. Pure."""
    there = {each.image.rpartition("@")[2] for each in known}
    present = next((each for each in known if each.current), None)
    return tuple(
        promoted(str(image.at(each.digest)), each.at, each.by, each.migrations, present)
        for each in found
        if present and each.digest.value not in there and each.at < present.at
    )
