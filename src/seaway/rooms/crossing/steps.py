"""What `up` and `down` do to crossings: they wait for the pilot, which does the rest."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from seaway.errors import SeawayError, Unready
from seaway.kit.kube import Ref
from seaway.model.manifests import COMPONENT, PART_OF, SYSTEM_NAMESPACE
from seaway.model.plan import Change, Outputs, Verb
from seaway.ports.world import World
from seaway.rooms.crossing.deployment import PILOT, RBAC
from seaway.rooms.crossing.resource import API, KIND, ROOM
from seaway.rooms.crossing.state import State
from seaway.rooms.crossing.views import READY
from seaway.steps.rollout import explain


@dataclass(frozen=True)
class AwaitCrossing:
    """Wait until the pilot has made a crossing's route and the gateway has taken it up.

    Raises Unready where that takes longer than `seconds`; what the route did before it does still.
    """

    system: str
    name: str
    after: tuple[str, ...] = ()
    seconds: float = 60.0

    @property
    def id(self) -> str:
        return f"{ROOM}/{self.name}/route"

    def describe(self) -> Change:
        return Change(self.id, Verb.WAIT, f"crossing {self.name}", ("until the gateway has its route",))

    def run(self, world: World) -> Outputs:
        ends, ref = time.monotonic() + self.seconds, reference(self.system, self.name)
        while not taken(found := world.kube.get(ref)):
            if time.monotonic() > ends:
                raise Unready(
                    f"crossing {self.name} has no route in the gateway after {self.seconds:.0f} s",
                    where=str(ref),
                    why=reason_of(world, self.system, found),
                    remedy=f"kubectl -n {self.system} logs deploy/{PILOT} tells more",
                )
            world.pause(0.1)
        return {}


@dataclass(frozen=True)
class RemoveCrossing:
    """Delete a Crossing that the file no longer has; the pilot brings its traffic back before it goes.

    Raises Unready where it does not go within `seconds`.
    """

    system: str
    name: str
    after: tuple[str, ...] = ()
    seconds: float = 60.0
    old: str = "the monolith"

    @property
    def id(self) -> str:
        return f"{ROOM}/{self.name}/remove-crossing"

    def describe(self) -> Change:
        return Change(
            self.id, Verb.DELETE, f"crossing {self.name}", (f"its traffic goes to {self.old} first",)
        )

    def run(self, world: World) -> Outputs:
        ends, ref = time.monotonic() + self.seconds, reference(self.system, self.name)
        world.kube.delete(ref)
        while (found := world.kube.get(ref)) is not None:
            if time.monotonic() > ends:
                raise Unready(
                    f"crossing {self.name} is still there after {self.seconds:.0f} s",
                    where=str(ref),
                    why=reason_of(world, self.system, found),
                    remedy=f"kubectl -n {self.system} logs deploy/{PILOT} tells more; run seaway up again",
                )
            world.pause(0.1)
        return {}


@dataclass(frozen=True)
class LetGo:
    """Let every Crossing of a system go at once, since its namespace goes with all that it leads to.

    What the pilot may do in the gateway's namespace goes too.
    """

    system: str
    after: tuple[str, ...] = ()
    id: str = f"{ROOM}/let-go"

    def describe(self) -> Change:
        return Change(self.id, Verb.DELETE, f"crossings of {self.system}")

    def run(self, world: World) -> Outputs:
        for found in world.kube.list(API, KIND, namespace=self.system):
            world.kube.delete(Ref.of(found))
            with suppress(SeawayError):  # the pilot was quicker
                world.kube.patch(Ref.of(found), {"metadata": {"finalizers": None}})
        own = f"{PART_OF}={self.system},{COMPONENT}={ROOM}"
        for kind in ("RoleBinding", "Role"):
            for found in world.kube.list(RBAC, kind, namespace=SYSTEM_NAMESPACE, labels=own):
                world.kube.delete(Ref.of(found))
        return {}


def taken(resource: Mapping[str, Any] | None) -> bool:
    """Whether the pilot has looked at this very Crossing and the gateway has taken up its route."""
    status = (resource or {}).get("status", {})
    condition = State.from_status(status).condition(READY)
    seen = status.get("observedGeneration", 0) >= (resource or {}).get("metadata", {}).get("generation", 0)
    return bool(seen and condition and condition.status == "True")


def reference(system: str, name: str) -> Ref:
    """Name a Crossing as the API server does."""
    return Ref(API, KIND, name, system)


def reason_of(world: World, system: str, found: Mapping[str, Any] | None) -> str:
    """Say what the Crossing says of itself, or else what is wrong with the pilot."""
    condition = State.from_status((found or {}).get("status")).condition(READY)
    if condition and condition.status != "True" and condition.message:
        return condition.message
    labels = f"app.kubernetes.io/part-of={system},app.kubernetes.io/name={PILOT}"
    pods = world.kube.list("v1", "Pod", namespace=system, labels=labels)
    return explain(world.kube, pods) if pods else "no pod of the pilot runs"
