"""Reads the proxies of all gateways of the cluster again and again, and tells the rate to a Service."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx2 as httpx

from seaway.errors import SeawayError
from seaway.kit.kube import Kube, Manifest
from seaway.model.gateway import GATEWAY_API, OWNER, statistics_at
from seaway.model.manifests import SYSTEM_NAMESPACE
from seaway.rooms.requests.counts import QUERY, READING, WINDOW, Counts, Look, kept, leading_to, parse, rate
from seaway.steps.rollout import takes_traffic

#: Seconds that a proxy has for an answer.
PATIENCE: Final = 2.0
log = logging.getLogger(__name__)


class Unknown(Exception):  # noqa: N818  (reads as what it tells)
    """There is no rate of a Service; `lasting` where no HTTPRoute leads to it."""

    def __init__(self, why: str, *, lasting: bool = False) -> None:
        super().__init__(why)
        self.lasting = lasting


@dataclass
class Counting:
    """What was counted lately, by the gateway's namespace. Safe to use from several threads."""

    kube: Kube
    clock: Callable[[], float] = time.monotonic
    looks: Mapping[str, tuple[Look, ...]] = field(default_factory=dict)
    beat: float = 0.0
    rounds: int = 0

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="proxies")
        self._http = httpx.Client(timeout=PATIENCE, trust_env=False)

    def run(self, stop: threading.Event) -> None:
        """Look until `stop`; what goes wrong is told, and tried again."""
        while not stop.is_set():
            try:
                self.look()
            except SeawayError as error:
                log.warning("the gateway's proxies cannot be listed: %s %s", error, error.why)
            self.beat = self.clock()
            stop.wait(READING)
        self.close()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._http.close()

    def look(self) -> None:
        """Read every gateway. One with a ready proxy that does not answer is not seen: it would be too few.

        Raises SeawayError where the proxies cannot be listed.
        """
        gateways: dict[str, list[Manifest]] = {}
        for pod in self.kube.list("v1", "Pod", namespace=SYSTEM_NAMESPACE, labels=OWNER):
            if takes_traffic(pod):
                gateways.setdefault(pod["metadata"]["labels"][OWNER], []).append(pod)
        pods = [pod for proxies in gateways.values() for pod in proxies]
        told = dict(zip((_uid(pod) for pod in pods), self._pool.map(self._ask, pods), strict=True))
        at = self.clock()
        looks = {name: each for name, each in self.looks.items() if at - each[-1].at <= WINDOW}
        for name, proxies in gateways.items():
            counts = {uid: found for pod in proxies if (found := told[uid := _uid(pod)]) is not None}
            if len(counts) == len(proxies):
                looks[name] = kept(looks.get(name, ()), Look(at, counts))
        self.looks, self.rounds = looks, self.rounds + 1

    def of(self, namespace: str, service: str) -> tuple[float, datetime]:
        """Give the requests a second to a Service, and when (UTC) they were counted last.

        Raises Unknown where nobody can tell, SeawayError where the API server does not answer.
        """
        routes = self.kube.list(GATEWAY_API, "HTTPRoute", namespace=namespace)
        clusters = leading_to(service, routes)
        if not clusters:
            raise Unknown(f"no HTTPRoute leads to service {service}", lasting=True)
        now, looks = self.clock(), self.looks.get(namespace, ())
        found = rate(looks, clusters, now)
        if found is None:
            raise Unknown("the gateway's proxies were not read lately")
        return found, datetime.now(UTC) - timedelta(seconds=now - looks[-1].at)

    def _ask(self, pod: Manifest) -> Counts | None:
        try:
            answer = self._http.get(statistics_at(pod["status"]["podIP"], QUERY))
            return parse(answer.raise_for_status().text)
        except httpx.HTTPError as error:
            log.warning("proxy %s is not read: %s", pod["metadata"]["name"], error)
            return None


def _uid(pod: Manifest) -> str:
    return str(pod["metadata"]["uid"])
