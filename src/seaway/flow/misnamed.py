"""What contradicts in names: those that nothing in the file has, and the public one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seaway.kit.near import did_you_mean
from seaway.kit.yaml import Path
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


def contradictions_of_name(here: Path, env: EnvironmentSpec) -> Iterator[Found]:
    """See that the zone holds the domain and its owner's text, and that the gateway is where it can lead."""
    if not (spec := env.dns) or not env.domain:
        return
    there = (*here, "dns")
    if not f".{env.domain}".endswith(f".{spec.zone}"):
        yield Found((*there, "zone"), f"{spec.zone} does not hold {env.domain}", "name the zone that does")
        return
    if spec.named and env.domain == spec.zone:
        why = f"{env.domain} is the zone itself, which cannot be another's alias (RFC 1034, 3.6.2)"
        yield Found((*there, "to"), why, "give the gateway's addresses")
    if not text_name(env.domain, "A", spec.prefix).endswith(f".{spec.zone}"):
        why = f"the text of who owns {env.domain} would lie outside of {spec.zone}"
        yield Found((*there, "prefix"), why, 'say prefix: "%{record_type}-own."')
