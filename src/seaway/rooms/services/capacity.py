"""What one pod of a service bears: the search for it, and where it is kept. Pure.

A pod is asked for more and more requests a second, each rate for a few seconds: twice as many while it bears
them, then halfway between what it bore and what it did not, until the two are close.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from seaway.model.manifests import Manifest, labels
from seaway.model.trial import Trial
from seaway.rooms.services.manifests import ROOM

#: ConfigMap of the system that keeps what was found, one JSON document by service.
KEPT: Final = "capacity"
#: Component of the pod that is probed: no Service, budget or autoscaler takes it for one of its own.
COMPONENT: Final = "probe"
FIRST: Final = 10
#: The search ends once what was not borne is at most this many times what was.
CLOSE: Final = 1.15
#: Share of what a pod bears at which others should come: the load still grows until they are ready.
EARLY: Final = 0.7


@dataclass(frozen=True)
class Capacity:
    """What one pod bears at `objective` (seconds, 95th percentile), in requests a second to these `paths`.

    `cpu` is what one request costs each workload of the system, in seconds of CPU. `whole` is false where
    the search ended at its limit: the pod bears more.
    """

    requests: int
    objective: float
    late: float
    paths: tuple[str, ...]
    cpu: Mapping[str, float]
    whole: bool
    image: str
    at: str

    @property
    def aim(self) -> int:
        """The requests a second of each replica that the file should aim at (`scale.requests`)."""
        return max(1, int(self.requests * EARLY))

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self)) | {"paths": list(self.paths), "cpu": dict(self.cpu)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**{**document, "paths": tuple(document["paths"])})


def next_rate(trials: Sequence[Trial], objective: float, limit: int) -> int:
    """Choose the rate to try next, at most `limit`; 0 once enough is known."""
    best, worst = _best(trials, objective), _worst(trials, objective)
    if worst is None:
        following = min(limit, 2 * best.rate if best else FIRST)
        return following if best is None or following > best.rate else 0
    if best is None:
        return worst // 2
    return round(math.sqrt(best.rate * worst)) if worst > CLOSE * best.rate and worst - best.rate > 1 else 0


def found(
    trials: Sequence[Trial],
    objective: float,
    idle: Mapping[str, float],
    paths: tuple[str, ...],
    *,
    image: str,
    at: str,
) -> Capacity | None:
    """Say what the pod bears; None where it bore nothing. `idle` is the CPU in cores used without it."""
    best = _best(trials, objective)
    if best is None:
        return None
    cost = {name: max(0.0, cores - idle.get(name, 0.0)) / best.answered for name, cores in best.cpu.items()}
    whole = _worst(trials, objective) is not None
    return Capacity(best.rate, objective, best.late, paths, cost, whole, image, at)


def probe_pod(deployment: Manifest, seconds: int) -> Manifest:
    """Compose a pod like those of a Deployment that nothing sends requests to, and that ends by itself."""
    meta, template = deployment["metadata"], deployment["spec"]["template"]
    name, namespace = meta["name"], meta["namespace"]
    own = {
        "name": f"{name}-probe",
        "namespace": namespace,
        "labels": labels(namespace, COMPONENT, name),
    }
    spec = {**template["spec"], "activeDeadlineSeconds": seconds}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": own, "spec": spec}


def kept(system: str, service: str, capacity: Capacity) -> Manifest:
    """Compose the ConfigMap with what was found of one service; of others it says nothing."""
    meta = {"name": KEPT, "namespace": system, "labels": labels(system, ROOM, KEPT)}
    data = {service: json.dumps(capacity.as_json(), sort_keys=True)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def capacities(config: Mapping[str, Any] | None) -> dict[str, Capacity]:
    """Read what was found, by service; what cannot be read was not found."""
    known = {}
    for service, text in ((config or {}).get("data") or {}).items():
        try:
            known[service] = Capacity.from_json(json.loads(text))
        except (ValueError, KeyError, TypeError):
            continue
    return known


def _best(trials: Sequence[Trial], objective: float) -> Trial | None:
    """Give the highest rate that was borne, below any that was not."""
    worst = _worst(trials, objective) or math.inf
    good = [trial for trial in trials if trial.borne(objective) and trial.rate < worst]
    return max(good, key=lambda trial: trial.rate, default=None)


def _worst(trials: Sequence[Trial], objective: float) -> int | None:
    """Give the lowest rate that was not borne."""
    return min((trial.rate for trial in trials if not trial.borne(objective)), default=None)
