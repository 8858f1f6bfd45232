"""Which images were promoted to an environment and are in its registry still, by the records beside them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seaway.kit import moments
from seaway.model.names import Digest
from seaway.rooms.images.facts import AT_ONCE
from seaway.rooms.images.promote import PROMOTION
from seaway.rooms.images.prune import tagged
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.statements import claimed


@dataclass(frozen=True)
class Record:
    """An image and its first promotion: when (RFC 3339), by whom, and what it does to the data, if it says.

    Who may push to an environment's registry may write such a record: it is no gate, those were before it.
    """

    digest: Digest
    at: str
    by: str
    migrations: str


def records(shelf: Shelf, environment: str, also: Digest | None = None) -> list[Record]:
    """Find what was promoted to an environment, the first one first.

    `also` is looked at besides what the registry has a list of: where that knows referrers, an image which
    lost its tag is in none.
    """
    digests = {*tagged(shelf)}
    if also and shelf.server.resolve(shelf.repository, also.value):
        digests.add(also.value)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda each: _record(shelf, Digest(each), environment), sorted(digests))
        return sorted((each for each in found if each), key=lambda each: each.at)


def _record(shelf: Shelf, digest: Digest, environment: str) -> Record | None:
    return of(digest, claimed(shelf, digest, PROMOTION), environment)


def of(digest: Digest, said: list[Any], environment: str) -> Record | None:
    """Make one of all records of an image; None where it was not promoted there. Pure.

    What one of them says to take away of the data is taken away.
    """
    mine = {at: each for each in reversed(said) if (at := _moment(each, environment))}
    if not mine:
        return None
    told = [each.get("migrations") for each in mine.values()]
    migrations = next((each for each in ("contract", "expand") if each in told), "")
    first = min(mine)
    return Record(digest, first, str(mine[first].get("by", "")), migrations)


def _moment(said: Any, environment: str) -> str:
    """Tell when a record says that the image came to the environment; nothing where it does not."""
    if not isinstance(said, dict) or said.get("to") != environment:
        return ""
    try:
        return moments.written(datetime.fromisoformat(str(said.get("at"))))
    except ValueError:
        return ""
