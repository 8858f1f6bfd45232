"""A public name on loopback: a zone at a real server, a gateway that serves it, time that passes at will."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scripts.benchmark.names import GATEWAY, KEY, NAME, ZONE, Knot, Side, free_port
from seaway.flow.domain import PublicName
from seaway.kit.dns import Records
from seaway.model.event import Event
from seaway.providers.dns.rfc2136 import Rfc2136
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.domain.course import Wish
from seaway.rooms.domain.outside import Gateway

OLD = (Records(NAME, "A", 3600, ("192.0.2.1", "192.0.2.2")), Records(NAME, "AAAA", 600, ("2001:db8::1",)))
WISH = Wish(NAME, (GATEWAY,), 60, "seaway-shop", "gateway/shop/edge")


#: Seconds for which the gateway is watched: a few looks beyond the TTL.
HOLD = 90


class Killed(BaseException):
    """The command ended here, as by an interrupt."""


@dataclass
class Clock:
    """Time that passes only while it is waited for; `deadly` ends the run at a wait, by its number from 1."""

    at: datetime = datetime(2026, 11, 29, 21, 0, tzinfo=UTC)
    waited: float = 0.0
    waits: int = 0
    deadly: int = 0

    def pause(self, seconds: float) -> None:
        self.waits += 1
        if self.waits == self.deadly:
            raise Killed
        self.waited += seconds
        self.at += timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self.at


@dataclass
class Told:
    """What a command tells."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def __contains__(self, text: str) -> bool:
        return any(text in event.text for event in self.events)


@dataclass
class Place:
    """The public name, the gateway's server, the authority that it trusts, and the clock."""

    here: PublicName
    side: Side
    authority: LocalCertificates
    clock: Clock
    told: Told


@contextmanager
def place(knot: Knot, folder: Path) -> Iterator[Place]:
    authority, clock, told, port = LocalCertificates(folder / "ca"), Clock(), Told(), free_port()
    side = Side(GATEWAY, port, NAME, authority, folder)
    gateway = Gateway(WISH.to, port, authority.authority_path())
    here = PublicName(
        WISH,
        ZONE,
        Rfc2136(ZONE, knot.server, KEY),
        gateway,
        (knot.server,),
        HOLD,
        told,
        clock.pause,
        clock.now,
    )
    with side.serving():
        yield Place(here, side, authority, clock, told)
