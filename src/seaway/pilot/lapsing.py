"""Certificates that end soon: a Warning at the gateway, once a day for as long as nobody renews them.

What the proxies show is what counts, so they are asked, whatever the certificate's Secret holds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx2 as httpx

from seaway.errors import SeawayError
from seaway.kit.kube import Kube, Ref
from seaway.model.gateway import GATEWAY_API, statistics_at
from seaway.pilot.hands import told
from seaway.pilot.readings import PATIENCE, proxies
from seaway.rooms.crossing.lapse import QUERY, ends, warnings
from seaway.rooms.crossing.turn import Emit

#: Seconds between two looks.
EVERY: Final = 600.0
DAY: Final = timedelta(days=1)
REASON: Final = "CertificateEnds"
#: Label of a proxy's pod that names its Gateway.
OWNER: Final = "gateway.envoyproxy.io/owning-gateway-name"
log = logging.getLogger(__name__)


@dataclass
class Lapsing:
    """Looks at the certificates of one system's gateway for as long as it `leads`.

    `soon` gives what a certificate may have left that the pilot renews itself; None where `up` does.
    """

    kube: Kube
    system: str
    leads: Callable[[], bool]
    soon: Callable[[], timedelta | None] = lambda: None
    _told: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Look again and again until `stop`; a server that is away is asked again later."""
        while not stop.is_set():
            try:
                if self.leads():
                    self.look()
            except SeawayError as error:
                log.warning("the certificates were not looked at: %s %s", error, error.why)
            stop.wait(EVERY)

    def look(self) -> None:
        """Ask every proxy, and tell what ends soon unless that was told within a day.

        Raises SeawayError where the API server does not answer.
        """
        found: dict[str, datetime] = {}
        gateway = ""
        for pod in proxies(self.kube, self.system).values():
            for name, end in _ask(pod["status"]["podIP"]).items():
                found[name] = min(end, found.get(name, end))
            gateway = pod["metadata"]["labels"][OWNER]
        now = datetime.now(UTC)
        said = warnings(found, now, self.soon())
        if said and (self._told is None or now - self._told >= DAY):
            self._tell(
                Ref(GATEWAY_API, "Gateway", gateway, self.system), Emit("Warning", REASON, "; ".join(said))
            )
            self._told = now

    def _tell(self, about: Ref, event: Emit) -> None:
        log.warning("%s: %s", event.reason, event.message)
        if gateway := self.kube.get(about):
            self.kube.create(told(about, gateway["metadata"]["uid"], event))


def _ask(address: str) -> dict[str, datetime]:
    try:
        answer = httpx.get(statistics_at(address, QUERY), timeout=PATIENCE, trust_env=False)
        return ends(answer.raise_for_status().text)
    except httpx.HTTPError as error:
        log.warning("the proxy at %s does not tell its certificates: %s", address, error)
        return {}
