"""Load upon pods of this machine's clusters, by vegeta; what it costs them their control groups tell."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from seaway.errors import NotFound
from seaway.kit import process
from seaway.model.trial import Trial
from seaway.providers.local import cgroups, home
from seaway.providers.local.engine import Engine

#: Connections, and requests under way, at most; what a pod cannot take waits here and not in its queue.
CONNECTIONS: Final = 64
#: Seconds after which a request has failed, and how much longer than its time an attack may last.
TIMEOUT: Final = 3
NANO: Final = 1e-9
OK: Final = range(200, 400)


@dataclass(frozen=True)
class Gateway:
    """Where requests to a domain go, wherever its name leads.

    `at` is HOST:PORT, `authority` the file of who vouches for its certificate.
    """

    domain: str
    at: str
    authority: Path

    @property
    def options(self) -> tuple[str, ...]:
        return (f"-connect-to={self.domain}:443:{self.at}", f"-root-certs={self.authority}")


class LocalLoads:
    """Implements ports.Loads: this machine has a route to every pod of its clusters, and to a `gateway`."""

    def __init__(self, engine: Engine, gateway: Gateway | None = None) -> None:
        self._vegeta = engine.program("vegeta")
        self._way = gateway.options if gateway else ()

    def attack(self, urls: Sequence[str], rate: int, seconds: int) -> Trial:
        with tempfile.TemporaryDirectory() as folder:
            answers = Path(folder) / "answers"
            bounds = (f"-timeout={TIMEOUT}s", "-redirects=-1", "-max-body=0", "-http2=false")
            most = (f"-{each}={CONNECTIONS}" for each in ("connections", "max-connections", "max-workers"))
            process.run(
                *(self._vegeta, "attack", f"-rate={rate}/s", f"-duration={seconds}s", f"-output={answers}"),
                *(*bounds, *most, *self._way),
                stdin="".join(f"GET {url}\n" for url in urls),
                timeout=seconds + 2 * TIMEOUT,
            )
            return told(rate, json.loads(process.run(self._vegeta, "report", "-type=json", answers)))

    def used(self, cluster: str, pods: Iterable[str]) -> dict[str, float]:
        place = home.find(cluster)
        if place is None:
            raise NotFound(f"no cluster {cluster} on this machine", remedy="seaway cluster list")
        groups = cgroups.below(place.cgroup)
        found = {pod: cgroups.used(groups[f"pod{pod}"]) for pod in pods if f"pod{pod}" in groups}
        return {pod: seconds for pod, seconds in found.items() if seconds is not None}


def told(rate: int, report: Mapping[str, Any]) -> Trial:
    """Read vegeta's report (vegeta report -type=json: times in nanoseconds, codes as text)."""
    codes = report["status_codes"]
    failed = sum(count for code, count in codes.items() if int(code) not in OK)
    late = report["latencies"]["95th"] * NANO
    return Trial(rate, report["throughput"], failed, late, requests=report["requests"])
