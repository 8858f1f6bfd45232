"""The world that steps run in: every port, and what earlier steps found out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from seaway.errors import SeawayError
from seaway.kit.kube import Kube
from seaway.model.event import Report
from seaway.ports.certificates import Certificates
from seaway.ports.charts import Charts
from seaway.ports.clusters import Clusters
from seaway.ports.ground import Ground
from seaway.ports.registry import Registry


class Abandoned(SeawayError):  # noqa: N818  (reads as what happened)
    """A step stopped waiting because the rest of the plan will not come."""


@dataclass
class World:
    """What a step may use.

    `outputs` are those of the steps that are done, and what was known before. `stop` is set once the rest of
    the plan will not be carried out: steps that only wait give up then. `ground` is there where the cluster
    stands on rented parts; what was made of one that cannot be made stays where `keep` says so. `place` says
    where changes happen, for whoever is asked; nothing on this machine.
    """

    clusters: Clusters
    registry: Registry
    certificates: Certificates
    charts: Charts
    connect: Callable[[], Kube]
    report: Report
    outputs: dict[str, str] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    ground: Ground | None = None
    place: Callable[[], str] = str
    keep: bool = False
    _kube: Kube | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def kube(self) -> Kube:
        """The cluster's API, connected when a step first needs it: it may not exist before that."""
        with self._lock:
            if self._kube is None:
                self._kube = self.connect()
            return self._kube

    def close(self) -> None:
        """Let the connection to the cluster go; the next use makes a new one."""
        with self._lock:
            if self._kube is not None:
                self._kube.close()
                self._kube = None

    def pause(self, seconds: float) -> None:
        """Wait a moment. Raises Abandoned once another step has failed or the user has had enough."""
        if self.stop.wait(seconds):
            raise Abandoned("given up, since another step did not end well")
