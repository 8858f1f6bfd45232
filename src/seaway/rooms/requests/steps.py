"""Waiting for the custom metrics API to be served."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seaway.errors import Unready
from seaway.kit.kube import Ref
from seaway.model.plan import Change, Outputs, Verb
from seaway.ports.world import World
from seaway.rooms.requests.manifests import REGISTRATION, ROOM, SERVED

SERVICE: Final = Ref(REGISTRATION, "APIService", SERVED)


def available(found: Mapping[str, Any] | None) -> bool:
    """Whether the API server reaches what serves the API, and is told whom to trust in that."""
    told = bool(found and found["spec"].get("caBundle"))
    return told and _condition(found).get("status") == "True"


def trouble(found: Mapping[str, Any] | None) -> str:
    """Say why the API server passes nothing on to what serves the API; nothing where it does."""
    if available(found):
        return ""
    if not (found and found["spec"].get("caBundle")):
        return "it is not told whom to trust in that" if found else "it does not know of it"
    return str(_condition(found).get("message", "it says nothing"))


@dataclass(frozen=True)
class AwaitServed:
    """Wait until the API server passes the API on. Raises Unready with what it says where it does not."""

    after: tuple[str, ...]
    id: str = f"{ROOM}/served"
    seconds: float = 60.0

    def describe(self) -> Change:
        return Change(self.id, Verb.WAIT, "count of requests", ("until the API server passes it on",))

    def run(self, world: World) -> Outputs:
        ends = time.monotonic() + self.seconds
        while not available(found := world.kube.get(SERVICE)):
            if time.monotonic() > ends:
                raise Unready(
                    f"the API server does not reach what counts requests after {self.seconds:.0f} s",
                    where=str(SERVICE),
                    why=trouble(found),
                    remedy="let the control plane reach port 10250 of pods, then run seaway up again",
                )
            world.pause(0.2)
        return {}


def _condition(found: Mapping[str, Any] | None) -> Mapping[str, Any]:
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == "Available"), {})
