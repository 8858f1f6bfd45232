"""The records of one zone, wherever it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from seaway.kit.dns import Change, Records

__all__ = ["ALIAS", "ALIAS_TTL", "KINDS", "SIDES", "Change", "Dns", "Records", "led_to"]

#: The types that a public name and its owner's text are made of.
KINDS: Final = ("A", "AAAA", "CNAME", "TXT")
#: The old server's records and the gateway's, where visitors are shared between them.
SIDES: Final = ("old", "new")
#: How the value of a record begins that has no addresses of its own: alias:HOSTED:HOST:HEALTHY, where the
#: first and the last are the provider's.
ALIAS: Final = "alias:"
#: Seconds for which one may be kept: as long as what it leads to (Route 53: 60 for load balancers).
ALIAS_TTL: Final = 60


def led_to(value: str) -> str:
    """Give the address or the host name to which a value leads, that of an alias too."""
    return value.split(":")[2] if value.startswith(ALIAS) else value


class Dns(Protocol):
    """Reads and changes a zone where it is kept, past every cache."""

    @property
    def place(self) -> str:
        """Say for people where the zone is kept."""

    @property
    def weighs(self) -> bool:
        """Whether it can answer with one of two sides by weight; elsewhere no records have a side."""

    def alias(self, host: str) -> str:
        """Give the value of an alias to a host name, where it has such beside other records; else nothing.

        Raises SeawayError where that is not known.
        """

    def read(self, name: str) -> tuple[Records, ...]:
        """See what the zone has at a name, of KINDS. Raises Unreachable, Refused."""

    def change(self, changes: Sequence[Change]) -> None:
        """Put every `after` in the place of its `before`, all or none.

        Raises Conflict where a `before` is no longer what is there, Refused where it may not be changed.
        """
