"""Proofs that names are ours: aliases in their zone, which whoever signs for the names looks at."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Standing(StrEnum):
    """What a zone has at the place of a proof: nothing of it, or just that, by us or by somebody else."""

    ABSENT = "absent"
    OURS = "ours"
    THEIRS = "theirs"


class Proofs(Protocol):
    """Keeps CNAME records that prove names; where somebody else keeps one already, that does."""

    def standing(self, name: str, value: str) -> Standing:
        """See whether the zone leads `name` to `value`, and whose doing that is. Raises as the port Dns."""

    def put(self, name: str, value: str) -> None:
        """Lead `name` to `value`, and note that we did. Raises Refused where the place is another's."""

    def take(self, name: str, value: str) -> None:
        """Take our own record away again, with the note; anybody else's stays."""
