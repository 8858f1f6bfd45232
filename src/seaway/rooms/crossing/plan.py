"""From the crossings of the file to the pilot and what it steers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from seaway.kit.kube import Ref
from seaway.model.gateway import GATEWAY_API
from seaway.model.manifests import Manifest
from seaway.model.snapshot import Live
from seaway.rooms.crossing import deployment
from seaway.rooms.crossing.compare import manifests
from seaway.rooms.crossing.definition import NAME, definition
from seaway.rooms.crossing.orders import Park
from seaway.rooms.crossing.place import Place
from seaway.rooms.crossing.resource import API, KIND, ROOM, manifest
from seaway.rooms.crossing.sides import route_name
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.steps import AwaitCrossing, RemoveCrossing, taken
from seaway.steps.objects import Desired, RemoveObject, changes, orphans
from seaway.steps.rollout import AwaitRollout, rolled_out

DEFINITION: Final = Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", NAME)
PILOT: Final = f"{ROOM}/{deployment.PILOT}"
#: A program is waited for this long; its image may have to be fetched first.
PATIENCE: Final = 180.0
WAITS: Final = (
    "cluster/namespace",
    "edge/controller/await",
    "edge/monolith/answers",
    "edge/default-route",
    f"{ROOM}/definition",
)


def resources_in(
    live: Live, system: str, crossings: Mapping[str, CrossingSpec]
) -> dict[str, Manifest | None]:
    """Find each crossing's resource among what was seen."""
    return {name: live.get(API, KIND, name, system) for name in crossings}


def routes_in(live: Live, system: str, crossings: Mapping[str, CrossingSpec]) -> dict[str, Manifest | None]:
    """Find each crossing's route among what was seen."""
    return {name: live.get(GATEWAY_API, "HTTPRoute", route_name(name), system) for name in crossings}


@dataclass(frozen=True)
class Releases:
    """Releases that cross, by the names of their crossings; those `renewed` begin with another version."""

    crossings: Mapping[str, tuple[Place, CrossingSpec]] = field(default_factory=dict)
    renewed: frozenset[str] = frozenset()


def plan(
    place: Place,
    crossings: Mapping[str, CrossingSpec],
    live: Live,
    known: Mapping[str, str],
    releases: Releases = Releases(),
    *,
    piloted: bool = False,
    granted: bool = False,
) -> list[Any]:
    """Decide what must change. Weights are the pilot's: none is planned here, and no route.

    The pilot is there for crossings, and where it is wanted for more (`piloted`); in AWS it may be
    `granted` rights.
    """
    piloted = piloted or bool(crossings)
    old = {Ref(API, KIND, name, place.system) for name in releases.renewed}
    before, live = live, Live({ref: m for ref, m in live.objects.items() if ref not in old})
    programs = deployment.desired(place.system, granted=granted) if piloted else []
    compared = [spec.to for spec in crossings.values() if spec.compare is not None]
    programs += manifests.desired(place.system, compared) if compared else []
    first = [Desired(f"{ROOM}/definition", definition(), ("cluster/create",))] if piloted else []
    together = {name: (place, spec) for name, spec in crossings.items()} | dict(releases.crossings)
    wanted = [
        Desired(
            f"{ROOM}/{name}/crossing",
            manifest(at, name, spec),
            (
                *(*WAITS, f"services/{spec.to}/service", f"services/{spec.to}/await"),
                *((f"{ROOM}/{name}/remove-crossing", f"{PILOT}/await") if at.over else ()),
            ),
        )
        for name, (at, spec) in together.items()
    ]
    steps: list[Any] = list(changes([*first, *programs, *wanted], live, known))
    steps += _await_programs(programs, live, {step.id for step in steps})
    steps += _await_crossings(
        place, {name: spec for name, (_, spec) in together.items()}, live, {step.id for step in steps}
    )
    steps += [step for ref in sorted(old) for step in _removal(before.objects[ref])]
    return [*steps, *_removals(place, crossings, [*programs, *wanted], live)]


def _await_programs(programs: list[Desired], live: Live, touched: set[str]) -> list[AwaitRollout]:
    """Wait for pilot and comparator where they change, or do not run as they shall."""
    steps = []
    for program in programs:
        ref = Ref.of(program.manifest)
        found = live.objects.get(ref)
        if ref.kind == "Deployment" and (program.id in touched or not found or not rolled_out(found)):
            wait = program.id.replace("/deployment", "/await")
            steps.append(AwaitRollout(wait, (program.id,), ref, PATIENCE))
    return steps


def _await_crossings(
    place: Place, crossings: Mapping[str, CrossingSpec], live: Live, touched: set[str]
) -> list[AwaitCrossing]:
    """Wait for the routes of those that are new, that change, or whose route the pilot has not made yet."""
    resources, steps = resources_in(live, place.system, crossings), []
    for name in crossings:
        ids = f"{ROOM}/{name}/crossing", f"{PILOT}/await"
        if ids[0] in touched or not taken(resources[name]):
            patience = AwaitCrossing.seconds + len(crossings)  # others may come before it
            steps.append(AwaitCrossing(place.system, name, ids, patience))
    return steps


def _removals(
    place: Place, crossings: Mapping[str, CrossingSpec], desired: list[Desired], live: Live
) -> list[Park | RemoveCrossing | RemoveObject]:
    """Remove what the file no longer asks for: a Crossing brings its traffic back first, then goes its route.

    A route of a crossing in the file that an earlier version made, and what is beside it, is the pilot's.
    """
    adopted = {(route_name(name), place.system) for name in crossings}
    found = {r: m for r, m in live.of_component(ROOM).items() if (r.name, r.namespace) not in adopted}
    steps: list[Park | RemoveCrossing | RemoveObject] = []
    for step in orphans(ROOM, desired, found):
        steps += _removal(found[step.ref]) if step.ref.kind == KIND else [step]
    return steps


def _removal(found: Manifest) -> list[Park | RemoveCrossing]:
    """Remove a Crossing; that of a release once the version before can take its traffic."""
    name, system, spec = found["metadata"]["name"], found["metadata"]["namespace"], found["spec"]
    after = ("edge/default-route", f"{PILOT}/await")
    if not spec.get("over"):
        return [RemoveCrossing(system, name, after)]
    old = spec["from"]["name"]
    park = Park(system, name, (*after, f"services/{old}/await"))
    return [park, RemoveCrossing(system, name, (park.id,), old=old)]
