"""Moving a crossing: the only place that writes weights."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from seaway.errors import Unready
from seaway.kit.kube import MANAGER, Manifest, Ref
from seaway.model.manifests import labels, stamp
from seaway.model.names import Weight
from seaway.model.plan import Change, Outputs, Verb
from seaway.ports.world import World
from seaway.rooms.crossing.facts import Move, moves_of, weight_of
from seaway.rooms.crossing.routes import ROOM, Place, route
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.steps.objects import ApplyObject


@dataclass(frozen=True)
class ApplyRoute:
    """Bring a crossing's route to the file, with the weight that it has when the step runs.

    A move may come between the look and the step; it is not undone.
    """

    planned: ApplyObject
    place: Place
    name: str
    spec: CrossingSpec = field(hash=False)

    @property
    def id(self) -> str:
        return self.planned.id

    @property
    def after(self) -> tuple[str, ...]:
        return self.planned.after

    def describe(self) -> Change:
        return self.planned.describe()

    def run(self, world: World) -> Outputs:
        found = world.kube.get(Ref.of(self.planned.manifest))
        weight, moves = weight_of(found, self.spec.to), moves_of(found)
        world.kube.apply(stamp(route(self.place, self.name, self.spec, weight, moves)))
        return {}


@dataclass(frozen=True)
class MoveWeight:
    """Set one crossing's weight, record who did it, and wait until the gateway has taken it up.

    Raises Unready where the gateway does not take it up within `seconds`; the weight is set all the same.
    """

    place: Place
    name: str
    spec: CrossingSpec = field(hash=False)
    weight: Weight
    by: str
    after: tuple[str, ...] = ()
    seconds: float = 10.0

    @property
    def id(self) -> str:
        return f"{ROOM}/{self.name}/move"

    def describe(self) -> Change:
        return Change(self.id, Verb.UPDATE, f"crossing {self.name}", (f"to {self.weight}",))

    def run(self, world: World) -> Outputs:
        draft = route(self.place, self.name, self.spec, self.weight, ())
        before = world.kube.get(Ref.of(draft))
        move = Move(_now(), self.by, weight_of(before, self.spec.to).percent, self.weight.percent)
        moves = (*moves_of(before), move)
        applied = world.kube.apply(stamp(route(self.place, self.name, self.spec, self.weight, moves)))
        self._await_gateway(world, applied)
        world.kube.create(_event(self.place.system, applied, move))
        return {}

    def _await_gateway(self, world: World, applied: Manifest) -> None:
        ref, wanted, ends = (
            Ref.of(applied),
            applied["metadata"]["generation"],
            time.monotonic() + self.seconds,
        )
        found: Manifest | None = applied
        while not accepted(found, wanted):
            if time.monotonic() > ends:
                raise Unready(
                    f"the gateway has not taken up the new weight within {self.seconds:.0f} s",
                    where=str(ref),
                    why=_complaints(found),
                    remedy="seaway status tells what is wrong",
                )
            world.pause(0.02)
            found = world.kube.get(ref)


def accepted(found: Mapping[str, Any] | None, generation: int) -> bool:
    """Whether the gateway's controller has taken up this generation of a route and can serve it."""
    parents = (found or {}).get("status", {}).get("parents") or []
    return bool(parents) and all(
        c["status"] == "True" and c.get("observedGeneration", 0) >= generation
        for parent in parents
        for c in parent.get("conditions", [])
        if c["type"] in {"Accepted", "ResolvedRefs"}
    )


def _complaints(found: Mapping[str, Any] | None) -> str:
    parents = (found or {}).get("status", {}).get("parents") or []
    told = [c.get("message", "") for p in parents for c in p.get("conditions", []) if c["status"] != "True"]
    return "; ".join(told) or "the gateway's controller has not answered"


def _event(namespace: str, applied: Manifest, move: Move) -> Manifest:
    """Compose a Kubernetes Event, so that `kubectl describe` of the route tells the move."""
    meta, stamped = applied["metadata"], datetime.now(UTC)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{meta['name']}.{int(stamped.timestamp() * 1e6):x}",
            "namespace": namespace,
            "labels": labels(namespace, ROOM, meta["labels"]["app.kubernetes.io/name"]),
        },
        "involvedObject": {
            "apiVersion": applied["apiVersion"],
            "kind": applied["kind"],
            "name": meta["name"],
            "namespace": namespace,
            "uid": meta["uid"],
        },
        "type": "Normal",
        "reason": "CrossingMoved",
        "message": f"{move.by} moved it from {move.start} % to {move.end} %",
        "source": {"component": MANAGER},
        "firstTimestamp": move.at,
        "lastTimestamp": move.at,
        "count": 1,
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
