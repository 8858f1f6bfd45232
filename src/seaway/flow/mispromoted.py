"""What contradicts in how images come into an environment."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.flow.misnamed import Found, unknown
from seaway.flow.system import System
from seaway.kit.yaml import Path
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.images.spec import VoucherSpec


def contradictions_of_promotion(system: System, name: str) -> Iterator[Found]:
    """See that images come from another environment, and that the keys of their gates are there."""
    known, promotion = frozenset(system.environments), system.promotions[name]
    here: Path = ("promotions", name)
    if name not in known:
        yield Found(here, *unknown(name, known, "environment"))
    elif (after := promotion.after or next(iter(system.environments))) == name:
        why = f"{name} cannot come after itself" if promotion.after else f"{name} is the first environment"
        yield Found((*here, "after"), why, "name the environment that its images come from")
    elif after not in known:
        yield Found((*here, "after"), *unknown(after, known, "environment"))
    else:
        yield from _apart(here, system.environments[after], system.environments[name])
    vouch: list[tuple[Path, VoucherSpec]] = [(("signed", i), one) for i, one in enumerate(promotion.signed)]
    vouch += [(("attested", kind), one) for kind, one in promotion.attested.items()]
    vouch += [(("scanned", "by"), promotion.scanned.by)] if promotion.scanned else []
    for place, one in vouch:
        if one.key and not one.kept and not (system.folder / one.key).is_file():
            yield Found((*here, *place), f"there is no key {one.key}", f"a public key, from {system.folder}")
        if one.trust and not (system.folder / one.trust).is_file():
            why = f"there is no trusted root {one.trust}"
            yield Found((*here, *place, "trust"), why, f"a file of Sigstore's form, from {system.folder}")


def _apart(here: Path, before: EnvironmentSpec, after: EnvironmentSpec) -> Iterator[Found]:
    """See that what was not promoted does not lie where what was promoted is pulled from."""
    if after.on == "local" and not after.registry:
        why = "images come by promotion, and there is no registry that is its own"
    elif after.registry and f"{before.registry}/".startswith(f"{after.registry}/"):
        why = f"what was not promoted lies in {after.registry} too"
    else:
        return
    place = after.registry or "127.0.0.1:5055"
    yield Found(here, why, f"say in environments.{here[-1]}: registry: {place}/{here[-1]}")
