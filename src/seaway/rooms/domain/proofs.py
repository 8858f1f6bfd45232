"""Aliases that prove names to whoever signs for them, kept beside texts that say they are ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from seaway.errors import Refused
from seaway.kit.dns import Change, Records
from seaway.ports.dns import Dns
from seaway.ports.proofs import Standing
from seaway.rooms.domain.names import text_name
from seaway.rooms.domain.ownership import Ownership, owners, written

#: Seconds that a proof and its text may be kept.
TTL: Final = 300
KIND: Final = "CNAME"


@dataclass(frozen=True)
class ZoneProofs:
    """Implements ports/proofs.py in a zone, which is opened when it is first needed.

    `owner`, `resource` and `prefix` are those of the texts of ownership.
    """

    opened: Callable[[], Dns]
    owner: str
    resource: str
    prefix: str = ""

    @cached_property
    def dns(self) -> Dns:
        return self.opened()

    def standing(self, name: str, value: str) -> Standing:
        record, texts = self._there(name)
        if not _leads(record, value):
            return Standing.ABSENT
        return Standing.OURS if self._owner(name, texts) == self.owner else Standing.THEIRS

    def put(self, name: str, value: str) -> None:
        record, texts = self._there(name)
        owner = self._owner(name, texts)
        if owner not in {self.owner, ""} or (record.values and not owner):
            raise Refused(
                f"the place of the proof {name} is another's",
                where=f"{self.dns.place}: {'; '.join(filter(None, map(str, (record, texts))))}",
                why=f"it is owned by {owner}" if owner else "no TXT record says who owns it",
                remedy="have its owner let it go, or say environments.NAME.dns.owner",
            )
        text = written(Ownership(self.owner, self.resource))
        wanted = Records(name, KIND, TTL, (f"{value.rstrip('.')}.",))
        self.dns.change([Change(record, wanted), Change(texts, Records(texts.name, "TXT", TTL, (text,)))])

    def take(self, name: str, value: str) -> None:
        record, texts = self._there(name)
        if _leads(record, value) and self._owner(name, texts) == self.owner:
            self.dns.change([Change(each, Records(each.name, each.kind)) for each in (record, texts)])

    def _there(self, name: str) -> tuple[Records, Records]:
        """See what the zone has at the place, and at that of its owner's text."""
        at = text_name(name, KIND, self.prefix)
        return _of(self.dns, name, KIND), _of(self.dns, at, "TXT")

    @staticmethod
    def _owner(name: str, texts: Records) -> str:
        """Name whom the texts name, or the text that names nobody; empty where there is none."""
        found, others = owners([texts], name)
        return next((each.owner for each in found), "") or next(iter(others), "")


def _of(dns: Dns, name: str, kind: str) -> Records:
    return next((each for each in dns.read(name) if each.kind == kind), Records(name, kind))


def _leads(record: Records, value: str) -> bool:
    """Tell whether it leads there; names are the same in capitals, and without the dot at their end."""
    return [each.rstrip(".").lower() for each in record.values] == [value.rstrip(".").lower()]
