"""The port Dns over DNS itself: any BIND, Knot or PowerDNS that takes signed updates (RFC 2136, RFC 8945)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seaway.errors import UsageError
from seaway.kit.dns import Key, ask, update
from seaway.kit.servers import NameServer
from seaway.ports.dns import KINDS, Change, Records
from seaway.steps.secrets import given_variable


@dataclass(frozen=True)
class Rfc2136:
    """Implements ports/dns.py at the zone's server. Questions are signed too: a wrong key is told at once."""

    zone: str
    server: NameServer
    key: Key

    @property
    def place(self) -> str:
        return f"zone {self.zone} at {self.server}"

    @property
    def weighs(self) -> bool:
        return False

    def alias(self, host: str) -> str:  # noqa: ARG002  (no zone knows aliases but those of CNAME)
        return ""

    def servers(self) -> tuple[NameServer, ...]:
        """Name the servers of the zone as it does itself, at their usual port. Raises as `read`."""
        return tuple(
            NameServer(each.rstrip(".")) for each in ask(self.server, self.zone, "NS", self.key).values
        )

    def read(self, name: str) -> tuple[Records, ...]:
        found = (ask(self.server, name, kind, self.key) for kind in KINDS)
        return tuple(records for records in found if records.values)

    def change(self, changes: Sequence[Change]) -> None:
        update(self.server, self.zone, changes, self.key)

    def pending(self) -> str:
        """Say which change the server is still at work on: none, it is made with the answer."""
        return ""


def load_key(named: str, folder: Path) -> Key:
    """Read the key that the file names: a file, where there is a / in it, else a secret of the environment.

    Raises UsageError where there is none, or it is of no form that is known.
    """
    if "/" in named:
        where = str(folder / named)
        try:
            text = Path(where).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"the key {named} cannot be read",
                where=where,
                why=getattr(error, "strerror", "") or str(error),
            ) from error
    else:
        where = given_variable(named)
        text = os.environ.get(where, "")
        if not text:
            raise UsageError(
                f"the key {named} of the server of names is not given",
                remedy=f"set {where}=hmac-sha256:NAME:BASE64, or name a file: key: ./{named}",
            )
    try:
        return Key.read(text)
    except ValueError as error:
        raise UsageError(f"{named} is no key that can be used", where=where, why=str(error)) from error
