"""Which routes ask visitors to log in, and what contradicts in that. Pure.

A route asks all its visitors or none, as the policy before it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seaway.flow.misnamed import Found
from seaway.flow.system import System
from seaway.flow.vouchers import contradictions_of_voucher
from seaway.kit.yaml import Path
from seaway.rooms.cluster.front import LoginSpec
from seaway.rooms.edge.spec import OWN
from seaway.rooms.services.spec import next_name


@dataclass(frozen=True)
class Protected:
    """Crossings whose visitors must log in, releases among them, and the paths that these have `taken`."""

    crossings: tuple[str, ...]
    taken: frozenset[str]


def protected(system: System, paths: Sequence[str]) -> Protected:
    """Find the crossings of which every route lies below one of the paths."""
    names = [name for name, spec in system.crossings.items() if all(_below(r, paths) for r in spec.routes)]
    services = dict.fromkeys(system.crossings[name].to for name in names)
    releases = [next_name(to) for to in services if _crosses(system, to)]
    routes = (_bare(route) for name in names for route in system.crossings[name].routes)
    return Protected((*names, *releases), frozenset(routes))


def contradictions_of_login(system: System, name: str, *, monolith: bool) -> Iterator[Found]:
    """See that something answers on each path, and that each route is asked for whole or not at all."""
    env = system.environments[name]
    here: Path = ("environments", name, "login")
    if (spec := env.login) is None:
        return
    if env.on != "local" and spec.loopback:
        why = "the cluster asks it too, to which that is the pod itself"
        yield Found((*here, "issuer"), why, "name it as the cluster reaches it")
    yield from contradictions_of_voucher((*here, "ca"), system.folder, spec.ca)
    for i, path in enumerate(spec.paths):
        at = (*here, "paths", i)
        if not monolith:
            yield Found(at, f"nothing answers on {path}: there is no monolith", "add monolith:, or remove it")
        elif _below(path, [OWN]):
            yield Found(at, f"{OWN} is the gateway's own, for the way back from the issuer", "remove it")
        elif closed := next((each for each in system.closed if _below(path, [each])), ""):
            yield Found(at, f"the edge refuses {closed} to everybody", "remove it here, or from edge.closed")
        else:
            yield from _split(system, at, path)
    yield from _parts(system, here, spec)


def _split(system: System, at: Path, path: str) -> Iterator[Found]:
    for crossing, spec in system.crossings.items():
        for route in spec.routes:
            if _below(path, [route]) and _bare(path) != _bare(route):
                why = f"it is a part of {route}, which moves with crossing {crossing}"
                yield Found(at, why, f"ask on the whole of {route}, or let {path} cross by itself")


def _parts(system: System, here: Path, spec: LoginSpec) -> Iterator[Found]:
    asked = set(protected(system, spec.paths).crossings)
    for name, crossing in system.crossings.items():
        below = [route for route in crossing.routes if _below(route, spec.paths)]
        if below and name not in asked:
            others = ", ".join(route for route in crossing.routes if route not in below)
            why = f"crossing {name} has {below[0]}, on which visitors log in, and {others}, which is open"
            yield Found((*here, "paths"), why, "name all its routes, or make two crossings of it")
    for to in sorted({each.to for each in system.crossings.values() if _crosses(system, each.to)}):
        kinds = {name in asked for name, crossing in system.crossings.items() if crossing.to == to}
        if len(kinds) > 1:
            why = f"a release of {to} crosses on all its routes at once, and visitors log in on some only"
            yield Found((*here, "paths"), why, f"name all routes to {to}, or say release: rolling")


def _crosses(system: System, service: str) -> bool:
    return service in system.services and system.services[service].release == "crossing"


def _below(path: str, others: Iterable[str]) -> bool:
    return any(f"{_bare(path)}/".startswith(f"{_bare(other)}/") for other in others)


def _bare(path: str) -> str:
    return path.rstrip("/")
