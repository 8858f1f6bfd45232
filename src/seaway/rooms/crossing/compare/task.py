"""What the comparator is told of one crossing: its routes, both sides, and how they are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from seaway.rooms.crossing.compare.spec import CompareSpec
from seaway.rooms.crossing.place import Side
from seaway.rooms.crossing.resource import Crossing

HTTP: Final = 80


@dataclass(frozen=True)
class Target:
    """Where a side is asked: `http://HOST:PORT`, or https.

    `host` is the Host header where it must not be the visitor's. For https, `name` is what its certificate
    must have: without it `host`, and without that the host of `url`. `ca` are certificates (PEM) that are
    trusted instead of the system's; `verify` tells whether any must be.
    """

    url: str
    host: str = ""
    verify: bool = True
    ca: str = ""
    name: str = ""


@dataclass(frozen=True)
class Task:
    """One crossing that is being compared. `basis` names this try: another one begins to count anew.

    `names` are public names beside the domain.
    """

    name: str
    basis: str
    domain: str
    routes: tuple[str, ...]
    old: Target
    new: Target
    spec: CompareSpec
    names: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "basis": self.basis,
            "domain": self.domain,
            "names": list(self.names),
            "routes": list(self.routes),
            "old": asdict(self.old),
            "new": asdict(self.new),
            "spec": self.spec.model_dump(mode="json"),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Task:
        """Read a task. Raises KeyError, TypeError or ValueError where it is none."""
        return cls(
            name=str(found["name"]),
            basis=str(found["basis"]),
            domain=str(found["domain"]),
            routes=tuple(map(str, found["routes"])),
            old=Target(**found["old"]),
            new=Target(**found["new"]),
            spec=CompareSpec.model_validate(found["spec"]),
            names=tuple(map(str, found.get("names", ()))),
        )


def target_of(side: Side) -> Target:
    """Give where a Service of the system is asked, from a pod of its namespace."""
    return Target(f"http://{side.name}" if side.port == HTTP else f"http://{side.name}:{side.port}")


def task_of(crossing: Crossing, old: Target | None = None) -> Task | None:
    """Give the task of a crossing; None where it compares nothing.

    `old` is where a monolith is asked that is no Service. A change of its spec, or a way back, gives another
    basis: what was compared before says nothing about what is there now.
    """
    spec, place = crossing.spec, crossing.place
    if spec.compare is None:
        return None
    return Task(
        name=crossing.name,
        basis=f"{crossing.uid}/{crossing.generation}/{crossing.state.epoch}",
        domain=place.domain,
        routes=spec.routes,
        old=old or target_of(place.monolith),
        new=target_of(Side(spec.to)),
        spec=spec.compare,
        names=place.names,
    )


def find(tasks: Iterable[Task], path: str) -> tuple[Task, str] | None:
    """Find whose request this is, and its route: the longest prefix of whole segments (HTTPPathMatch)."""
    fitting = [(task, route) for task in tasks for route in task.routes if _leads(route, path)]
    return max(fitting, key=lambda each: len(each[1]), default=None)


def _leads(route: str, path: str) -> bool:
    plain = route.rstrip("/")
    return path == plain or path.startswith(f"{plain}/")
