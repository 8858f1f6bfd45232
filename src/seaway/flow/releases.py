"""Which services get a new version beside them, and how each such release stands. Pure.

A service with `release: crossing` to which every crossing is settled gets its new version as a second
Deployment, and a Crossing from the old to the new one over the routes of its crossings. What comes then
follows from the phase of that Crossing alone, so that `up` may be run at any moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from seaway.errors import Refused
from seaway.flow.system import System
from seaway.kit.kube import Manifest
from seaway.model.snapshot import Live
from seaway.rooms.crossing.place import Place, Side
from seaway.rooms.crossing.plan import Releases
from seaway.rooms.crossing.resource import API, KIND, understood
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import Phase, State
from seaway.rooms.crossing.views import CrossingView, views
from seaway.rooms.services.manifests import Surroundings, deployment
from seaway.rooms.services.plan import would_release
from seaway.rooms.services.spec import CONTRACT, next_name


@dataclass
class Course:
    """What the plan shall do: services that get or keep a new version beside them, and what to tell."""

    beside: list[str] = field(default_factory=list)
    crossings: dict[str, tuple[Place, CrossingSpec]] = field(default_factory=dict)
    renewed: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @property
    def releases(self) -> Releases:
        return Releases(self.crossings, frozenset(self.renewed))


def leading_to(system: System, service: str) -> dict[str, CrossingSpec]:
    """Find the crossings of the file that lead to a service."""
    return {name: spec for name, spec in system.crossings.items() if spec.to == service}


def release_crossing(
    place: Place, service: str, bases: Mapping[str, CrossingSpec]
) -> tuple[Place, CrossingSpec]:
    """Compose the crossing of a release: over the routes of `bases`, with steps and guards of the first."""
    first = next(iter(bases))
    changes: dict[str, Any] = {
        "routes": tuple(route for spec in bases.values() for route in spec.routes),
        "to": next_name(service),
        "after": tuple(bases),
        "start": "automatic",
        "compare": None,
        "testers": None,
    }
    return replace(place, monolith=Side(service), over=first), bases[first].model_copy(update=changes)


def decide_releases(
    system: System, place: Place, around: Surroundings, live: Live, known: Mapping[str, str]
) -> Course:
    """Decide for every service how its new version comes.

    Raises Refused where a release is under way and the file asks for a third version.
    """
    course = Course()
    for name, spec in system.services.items():
        old = live.get("apps/v1", "Deployment", name, system.system)
        if old is None or not would_release(deployment(around, name, spec), live, known):
            continue
        if spec.release == "crossing":
            beside = deployment(around, next_name(name), spec, name)
            _decide(course, system, place, name, live, same=not would_release(beside, live, known))
        elif spec.migrations == CONTRACT:
            course.notes.append(
                f"{name}: this release declares migrations: {CONTRACT}; there is no safe return from it"
            )
    return course


def releases_in(live: Live) -> dict[str, CrossingView]:
    """See every release that crosses, by the name of its crossing."""
    found = {r.name: m for r, m in live.objects.items() if r.kind == KIND and m["spec"].get("over")}
    routes = {r.name: m for r, m in live.objects.items() if r.kind == "HTTPRoute"}
    specs = {name: understood(each)[0].spec for name, each in found.items()}
    return views(specs, found, {name: routes.get(f"crossing-{name}") for name in found})


def _decide(course: Course, system: System, place: Place, name: str, live: Live, *, same: bool) -> None:
    following, bases = next_name(name), leading_to(system, name)
    found = live.get(API, KIND, following, system.system)
    state = State.from_status((found or {}).get("status"))
    if found is None:
        if open_ones := [each for each in bases if not _is_settled(live.get(API, KIND, each, system.system))]:
            course.notes.append(
                f"{name}: a rolling update, since {', '.join(open_ones)} is not settled: "
                "a release crosses once all crossings to it are"
            )
            return
    elif state.phase is Phase.SETTLED and same:
        course.notes.append(f"{name}: its release is at 100 %; this makes it the service itself")
        return
    elif state.phase is Phase.RETURNED and not same:
        course.renewed.add(following)
    elif not same:
        raise Refused(
            f"a release of {name} is under way, and the file asks for another one",
            where=f"services.{name}",
            why=f"{following} is {_stands(state)}",
            remedy=f"seaway rollout undo {name}, or let it settle and run seaway up with its version first",
        )
    elif state.phase is Phase.RETURNED:
        course.notes.append(
            f"{name}: this version has gone back ({state.reason}) and stays until the file asks for another"
        )
    else:
        course.notes.append(f"{name}: its release is {_stands(state)}")
    course.beside.append(name)
    course.crossings[following] = release_crossing(place, name, bases)


def _stands(state: State) -> str:
    return f"{state.phase.value if state.phase else 'about to begin'} at {state.weight} %"


def _is_settled(found: Manifest | None) -> bool:
    return State.from_status((found or {}).get("status")).phase is Phase.SETTLED
