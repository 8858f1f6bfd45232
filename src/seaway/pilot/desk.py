"""What the watches have seen, on one desk: crossings, routes and endpoints, always the newest of each."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from seaway.kit.kube import Manifest
from seaway.rooms.crossing.resource import COMMAND

CROSSING: Final = "Crossing"
ROUTE: Final = "HTTPRoute"
SLICE: Final = "EndpointSlice"
#: Label of an EndpointSlice that names its Service (Kubernetes API, discovery.k8s.io/v1).
SERVICE: Final = "kubernetes.io/service-name"


@dataclass
class Desk:
    """Objects by kind and name. Safe to use from several threads.

    `changed` is set by whatever is new; `asked` names crossings with a command that came since it was taken.
    """

    changed: threading.Event = field(default_factory=threading.Event)
    asked: set[str] = field(default_factory=set)
    _objects: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    _whole: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, kind: str, item: Mapping[str, Any]) -> None:
        """Take in what was seen; what is older than what lies here is left."""
        key = (kind, item["metadata"]["name"])
        with self._lock:
            known = self._objects.get(key)
            if known is None or _newer(item, known):
                self._objects[key] = dict(item)
                if kind == CROSSING and _command(item) != _command(known):
                    self.asked.add(key[1])
                self.changed.set()

    def take_asked(self) -> set[str]:
        """Give the names of the crossings that were asked something since."""
        with self._lock:
            taken, self.asked = self.asked, set()
            return taken

    def drop(self, kind: str, item: Mapping[str, Any]) -> None:
        """Take away what was deleted, unless one of the same name was made since."""
        key = (kind, item["metadata"]["name"])
        with self._lock:
            known = self._objects.get(key)
            if known and known["metadata"]["uid"] == item["metadata"]["uid"]:
                del self._objects[key]
                self.changed.set()

    def forget(self, kind: str, name: str) -> None:
        """Take away what was asked for and is not there."""
        with self._lock:
            if self._objects.pop((kind, name), None):
                self.changed.set()

    def replace(self, kind: str, items: Iterable[Manifest], before: Mapping[str, Manifest]) -> None:
        """Take in a whole list. What lay here `before` it was asked for, and is not in it, is gone."""
        listed = {item["metadata"]["name"]: item for item in items}
        for item in listed.values():
            self.put(kind, item)
        for name, item in before.items():
            if name not in listed:
                self.drop(kind, item)
        with self._lock:
            if kind not in self._whole:
                self._whole.add(kind)
                self.changed.set()

    def whole(self, *kinds: str) -> bool:
        """Whether lists of these kinds were taken in, so that what is not here is not there."""
        return self._whole >= set(kinds)

    def all(self, kind: str) -> dict[str, Manifest]:
        """Give the objects of a kind by name, as they are now."""
        with self._lock:
            return {name: item for (k, name), item in self._objects.items() if k == kind}

    def get(self, kind: str, name: str) -> Manifest | None:
        with self._lock:
            return self._objects.get((kind, name))

    def ready(self) -> dict[str, int]:
        """Count for each Service the endpoints that may get traffic; one without a slice is not in it."""
        found: dict[str, set[str]] = {}
        for item in self.all(SLICE).values():
            service = (item["metadata"].get("labels") or {}).get(SERVICE)
            if service:
                found.setdefault(service, set()).update(_serving(item))
        return {service: len(addresses) for service, addresses in found.items()}


def _command(item: Mapping[str, Any] | None) -> str:
    return str(((item or {"metadata": {}})["metadata"].get("annotations") or {}).get(COMMAND, ""))


def _serving(item: Manifest) -> Iterable[str]:
    """Addresses that are ready; unset means ready (EndpointConditions, discovery.k8s.io/v1)."""
    for endpoint in item.get("endpoints") or ():
        if (endpoint.get("conditions") or {}).get("ready", True) is not False:
            yield from endpoint["addresses"]


def _newer(item: Mapping[str, Any], known: Manifest) -> bool:
    """Compare versions: they rise, as numbers, within a kind (KEP-5504); another uid is another object."""
    mine, other = item["metadata"], known["metadata"]
    if mine.get("uid") != other.get("uid"):
        return bool(mine.get("creationTimestamp", "") >= other.get("creationTimestamp", ""))
    return int(mine["resourceVersion"]) > int(other["resourceVersion"])
