"""Looks after the certificate of an ACME server, where one is wished for, for as long as this pilot leads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from seaway.errors import SeawayError
from seaway.kit.kube import Kube
from seaway.rooms.acme.wish import Wish, wish_ref

#: Seconds between two looks: so long may a certificate that was deleted be away.
EVERY: Final = 5.0
#: Share of its life that a certificate may have left before people are warned: it was due at a third.
LEFT: Final = 6
#: Seconds in which a first look is over that has nothing to order.
FIRST: Final = 5.0
log = logging.getLogger(__name__)


@dataclass
class Renewing:
    """The certificate of one system, by the clock `now`. Safe to use from several threads."""

    kube: Kube
    system: str
    leads: Callable[[], bool]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _soon: timedelta | None = None
    _looked: threading.Event = field(default_factory=threading.Event)

    def soon(self) -> timedelta | None:
        """Give what the certificate may have left without a warning; None where it is `up` that renews it."""
        self._looked.wait(FIRST)
        return self._soon

    def run(self, stop: threading.Event) -> None:
        """Look again and again until `stop`; whatever goes wrong, crossings are steered on."""
        while not stop.is_set():
            try:
                if self.leads():
                    self.look(stop)
            except SeawayError as error:
                log.warning("the certificate was not looked after: %s %s", error, error.why)
            except Exception:
                log.exception("the certificate was not looked after")
            stop.wait(EVERY)

    def look(self, stop: threading.Event) -> None:
        """Look once. Raises SeawayError where the API server does not answer, or another was quicker."""
        found = self.kube.get(wish_ref(self.system))
        wish = Wish.read(found)
        if found is None or wish is None:
            self._soon = None
            self._looked.set()
            return
        from seaway.pilot.certifying import Certifying  # noqa: PLC0415  (memory, where nobody wishes for one)

        held = Certifying(self.kube, self.system, wish, found, self.leads, stop, self.now).look()
        self._soon = (held.until - held.since) / LEFT if held else None
        self._looked.set()
