"""What contradicts in names: those that nothing in the file has, and the public one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seaway.kit.near import did_you_mean
from seaway.kit.yaml import Path
from seaway.rooms.cluster.front import DnsSpec
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.domain.names import text_name


@dataclass(frozen=True)
class Found:
    """One contradiction: where, why, and what to do."""

    path: Path
    why: str
    remedy: str = ""


def unknown(word: str, known: frozenset[str], what: str) -> tuple[str, str]:
    """Say that the file has no such thing, and which ones it has."""
    have = f"there are: {', '.join(sorted(known))}" if known else f"there are no {what}s in the file"
    return f"there is no {what} {word!r}", did_you_mean(word, known) or have


def places_of_names(here: Path, env: EnvironmentSpec) -> Iterator[tuple[Path, str]]:
    """Give each public name of an environment with its place in the file."""
    if env.domain:
        yield (*here, "domain"), env.domain
    for i, name in enumerate(env.names):
        yield (*here, "names", i), name


def contradictions_of_name(here: Path, env: EnvironmentSpec) -> Iterator[Found]:
    """See that each name is there once, in the zone with its owner's text, and led where the gateway is."""
    seen: set[str] = set()
    for at, name in places_of_names(here, env):
        if name in seen:
            yield Found(at, f"{name} is there twice", "remove it here")
        else:
            yield from _in_its_zone((*here, "dns"), name, env.dns)
        seen.add(name)


def _in_its_zone(there: Path, name: str, spec: DnsSpec | None) -> Iterator[Found]:
    if spec is None:
        return
    if not f".{name}".endswith(f".{spec.zone}"):
        yield Found((*there, "zone"), f"{spec.zone} does not hold {name}", "name the zone that does")
        return
    if spec.named and name == spec.zone and spec.provider != "route53":
        why = f"{name} is the zone itself, which cannot be another's alias (RFC 1034, 3.6.2)"
        yield Found((*there, "to"), why, "give the gateway's addresses")
    if not text_name(name, "A", spec.prefix).endswith(f".{spec.zone}"):
        why = f"the text of who owns {name} would lie outside of {spec.zone}"
        yield Found((*there, "prefix"), why, 'say prefix: "%{record_type}-own."')
