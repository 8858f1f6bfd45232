"""The records that prove that a name is ours (DNS-01, RFC 8555, 8.4), beside those of others. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from seaway.kit.dns import Change, Records

#: Seconds that resolvers may keep a proof: another one follows at the next try.
TTL: Final = 30


def shown(place: str, there: Sequence[Records], proofs: Iterable[str]) -> Change:
    """Put proofs beside the texts that are there: another client may prove the same name at the same time.

    Raises ValueError where the place is another's alias, whose zone is not ours.
    """
    if alias := next((each for each in there if each.kind == "CNAME"), None):
        raise ValueError(f"{place} is an alias of {alias.values[0]}, which is another's to change")
    before = _texts(place, there)
    values = tuple(sorted({*before.values, *map(_quoted, proofs)}))
    return Change(before, Records(place, "TXT", TTL, values))


def cleared(place: str, there: Sequence[Records], proofs: Iterable[str]) -> Change:
    """Take proofs away, and nothing else."""
    before, gone = _texts(place, there), {_quoted(each) for each in proofs}
    left = tuple(each for each in before.values if each not in gone)
    return Change(before, Records(place, "TXT", before.ttl if left else 0, left))


def holds(there: Records, proofs: Iterable[str]) -> bool:
    """Say whether all proofs are among the texts."""
    return set(map(_quoted, proofs)) <= set(there.values)


def _texts(place: str, there: Sequence[Records]) -> Records:
    return next((each for each in there if each.kind == "TXT"), Records(place, "TXT"))


def _quoted(proof: str) -> str:
    return f'"{proof}"'
