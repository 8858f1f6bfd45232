"""The records of one zone, wherever it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from seaway.kit.dns import Change, Records

__all__ = ["ALIAS", "KINDS", "SIDES", "Change", "Dns", "Records"]

#: The types that a public name and its owner's text are made of.
KINDS: Final = ("A", "AAAA", "CNAME", "TXT")
#: The old server's records and the gateway's, where visitors are shared between them.
SIDES: Final = ("old", "new")
#: How the value of a record begins that has no addresses of its own; what follows is the provider's.
ALIAS: Final = "alias:"


class Dns(Protocol):
    """Reads and changes a zone where it is kept, past every cache."""

    @property
    def place(self) -> str:
        """Say for people where the zone is kept."""

    @property
    def weighs(self) -> bool:
        """Whether it can answer with one of two sides by weight; elsewhere no records have a side."""

    def read(self, name: str) -> tuple[Records, ...]:
        """See what the zone has at a name, of KINDS. Raises Unreachable, Refused."""

    def change(self, changes: Sequence[Change]) -> None:
        """Put every `after` in the place of its `before`, all or none.

        Raises Conflict where a `before` is no longer what is there, Refused where it may not be changed.
        """
