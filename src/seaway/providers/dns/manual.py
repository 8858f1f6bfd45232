"""The port Dns by hand: it says what to put into the zone, and waits until its servers have it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from seaway.errors import Conflict, Refused, SeawayError, Unready
from seaway.kit.dns import ask, resolve
from seaway.kit.servers import NameServer
from seaway.model.event import Event, Outcome, Report
from seaway.ports.dns import KINDS, Change, Records

#: Seconds between two looks, and for the records to come.
PACE: Final = 3.0
PATIENCE: Final = 3600.0


@dataclass(frozen=True)
class Manual:
    """Implements ports/dns.py for a zone that only a person may change.

    Its servers are asked, all of them: the one that is named, or those that `resolvers` know.
    """

    zone: str
    named: tuple[NameServer, ...]
    resolvers: tuple[NameServer, ...]
    report: Report
    pause: Callable[[float], None] = time.sleep
    patience: float = PATIENCE
    pace: float = field(default=PACE)

    @property
    def place(self) -> str:
        return f"zone {self.zone}, changed by hand"

    @property
    def weighs(self) -> bool:
        return False

    def alias(self, host: str) -> str:  # noqa: ARG002  (no zone knows aliases but those of CNAME)
        return ""

    @cached_property
    def servers(self) -> tuple[NameServer, ...]:
        """The servers that keep the zone. Raises Refused where nobody knows any."""
        return self.named or self._delegated()

    def read(self, name: str) -> tuple[Records, ...]:
        found = (ask(self.servers[0], name, kind) for kind in KINDS)
        return tuple(records for records in found if records.values)

    def change(self, changes: Sequence[Change]) -> None:
        """Tell what to change and wait for it. Raises Unready where it does not come.

        Raises Conflict where the zone is no longer what the changes begin from: nothing is told then.
        """
        real = [each for each in changes if each.before != each.after]
        if missing := self._missing(real):
            for each in real:
                if self._at(self.servers[0], each.before) not in {each.before, each.after}:
                    raise Conflict(
                        f"somebody else changed {each.before.name} in between",
                        remedy="look at it (seaway domain status) and run the command again",
                    )
            self._tell(real)
        waited = 0.0
        while missing:
            if waited >= self.patience:
                raise Unready(
                    f"{missing} is not yet as it was asked for",
                    where=self.place,
                    remedy="put the records there and run the command again: it goes on from here",
                )
            self.pause(self.pace)
            waited += self.pace
            missing = self._missing(real)

    def _tell(self, changes: Sequence[Change]) -> None:
        lines = [f"change this in the zone {self.zone}; it is waited for:"]
        for each in changes:
            lines += [f"- {line}" for line in str(each.before).splitlines()]
            lines += [f"+ {line}" for line in str(each.after).splitlines()]
        self.report(Event("dns", Outcome.NOTE, "\n".join(lines)))

    def _missing(self, changes: Sequence[Change]) -> str:
        """Say at which server something is missing; empty where all have all. One that is away is one."""
        for server in self.servers:
            for each in changes:
                try:
                    there = self._at(server, each.after) == each.after
                except SeawayError:
                    there = False
                if not there:
                    return f"{each.after.kind} of {each.after.name} at {server}"
        return ""

    @staticmethod
    def _at(server: NameServer, like: Records) -> Records:
        """Ask for what is there in the place of these records, without a TTL where there are none."""
        return ask(server, like.name, like.kind)

    def _delegated(self) -> tuple[NameServer, ...]:
        for resolver in self.resolvers:
            try:
                names = resolve(resolver, self.zone, "NS").values
                found = [server for name in names for server in _addresses(resolver, name.rstrip("."))]
            except SeawayError:
                continue
            if found:
                return tuple(found)
        raise Refused(
            f"nobody knows a server of the zone {self.zone}",
            where=f"asked: {', '.join(map(str, self.resolvers))}",
            why="it is not delegated yet, or the resolvers do not answer",
            remedy="have the zone above name its servers, or name one: environments.NAME.dns.server",
        )


def _addresses(resolver: NameServer, name: str) -> list[NameServer]:
    """Find a server's addresses: those of IPv6 only where there are no others, as not all can reach them."""
    found = resolve(resolver, name, "A").values or resolve(resolver, name, "AAAA").values
    return [NameServer(address) for address in found]
