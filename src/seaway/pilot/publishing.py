"""The proof that names are ours as records of their zone (DNS-01), for as long as an ACME server may look."""

from __future__ import annotations

import logging
import os
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Protocol

from seaway.errors import Conflict, NotFound, SeawayError
from seaway.kit.dns import Change, Key, Records, ask
from seaway.kit.kube import Kube
from seaway.kit.servers import NameServer
from seaway.providers.dns.rfc2136 import Rfc2136
from seaway.rooms.acme.challenge import Exhibit
from seaway.rooms.acme.texts import cleared, holds, shown
from seaway.rooms.acme.wish import Wish, key_ref

#: Seconds in which every server of the zone must have it, and between two looks.
SHOWN: Final = 120.0
PACE: Final = 0.5
#: How often a change is tried where others change the same place.
TRIES: Final = 5
Compose = Callable[[str, Sequence[Records], Sequence[str]], Change]
log = logging.getLogger(__name__)


class Zone(Protocol):
    """A zone as proofs need it, wherever it is kept; `read` and `change` are those of ports/dns.py."""

    @property
    def zone(self) -> str:
        """Give its name."""

    def servers(self) -> tuple[NameServer, ...]:
        """Name whom to ask for a proof before the ACME server does."""

    def read(self, name: str) -> tuple[Records, ...]: ...

    def change(self, changes: Sequence[Change]) -> None: ...

    def pending(self) -> str:
        """Say which change its keeper is still at work on; nothing where there is none."""


def open_zone(kube: Kube, system: str, wish: Wish, stop: threading.Event) -> Zone:
    """Find the zone with the key that `up` gave, or at Route 53 with the one that EKS gives to this pod.

    Raises NotFound where that is missing or broken, and as HostedZone.open.
    """
    if wish.granted:
        from seaway.providers.dns.hosted import HostedZone  # noqa: PLC0415  (memory)

        return HostedZone.open(wish.zone, os.environ, stop.wait)
    data = (kube.get(key_ref(system)) or {}).get("data") or {}
    try:
        key = Key.read(b64decode(data.get("key", "")).decode())
    except ValueError as error:
        raise NotFound(
            f"the Secret {key_ref(system).name} holds no key of the zone {wish.zone}", remedy="seaway up"
        ) from error
    return Rfc2136(wish.zone, NameServer.parse(wish.server), key)


@dataclass(frozen=True)
class Publishing:
    """The records of one order. `zone` opens the zone; raises SeawayError."""

    zone: Callable[[], Zone]
    leads: Callable[[], bool]
    stop: threading.Event
    _shown: list[Exhibit] = field(default_factory=list)

    def show(self, exhibits: Sequence[Exhibit]) -> str:
        """Put the proofs into the zone, and see that its servers have them: a look in vain counts against us.

        Gives why that did not come about, or nothing.
        """
        if not self.leads():
            return "another pilot leads, or nobody may at this moment"
        try:
            zone = self.zone()
            self._shown.extend(exhibits)
            for place, proofs in _by_place(exhibits):
                _change(zone, place, proofs, shown)
            return self._await(zone, exhibits)
        except SeawayError as error:
            return ": ".join(filter(None, (str(error), error.why)))
        except ValueError as error:
            return str(error)

    def clear(self) -> None:
        """Take them away; what cannot be taken away now stays, and proves nothing to anybody else."""
        if not self._shown:
            return
        try:
            zone = self.zone()
            for place, proofs in _by_place(self._shown):
                _change(zone, place, proofs, cleared)
        except (SeawayError, ValueError) as error:
            log.warning("the record of the proof stays: %s %s", error, getattr(error, "why", ""))

    def _await(self, zone: Zone, exhibits: Sequence[Exhibit]) -> str:
        """Wait for who keeps the zone, and the servers that it names. Gives who does not have it in time."""
        ends, servers = time.monotonic() + SHOWN, list(zone.servers())
        while late := zone.pending() or _late(zone, servers, exhibits):
            if time.monotonic() > ends or self.stop.wait(PACE):
                return late
        return ""


def _late(zone: Zone, servers: list[NameServer], exhibits: Sequence[Exhibit]) -> str:
    """Say which server does not have the proof yet; who does not answer from here is not asked again."""
    late = ""
    for server in list(servers):
        try:
            if not all(holds(ask(server, p, "TXT"), proofs) for p, proofs in _by_place(exhibits)):
                late = f"the server {server} of the zone {zone.zone} does not have the proof yet"
        except SeawayError as error:
            log.info("%s is not asked for the proof: %s %s", server, error, error.why)
            servers.remove(server)
    return late


def _change(zone: Zone, place: str, proofs: Sequence[str], compose: Compose) -> None:
    """Change one place, again where somebody else was quicker. Raises as the port does, and as `shown`."""
    for left in reversed(range(TRIES)):
        try:
            zone.change([compose(place, zone.read(place), proofs)])
        except Conflict:
            if not left:
                raise
        else:
            return


def _by_place(exhibits: Sequence[Exhibit]) -> list[tuple[str, list[str]]]:
    """Bring together the proofs at one place: a name and its wildcard have the same."""
    ordered = sorted(exhibits, key=lambda each: each.place)
    return [(p, [each.proof for each in some]) for p, some in groupby(ordered, lambda each: each.place)]
