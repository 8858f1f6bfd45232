"""Where the comparator asks a monolith that is outside the cluster: read from the objects of the gateway."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from seaway.errors import NotFound
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.model.gateway import ENVOY_API, GATEWAY_API
from seaway.rooms.crossing.compare.task import Target, target_of
from seaway.rooms.crossing.place import Side
from seaway.rooms.crossing.resource import Crossing

#: Seconds after which it is read again where a monolith is asked: whoever changes it changes no crossing.
KNOWN: Final = 30.0


@dataclass
class OldSides:
    """Where the old sides of crossings are asked, by what `read` gives for a side.

    It is read when a crossing begins to be compared, when its old side is another one, and every now and
    then. `clock` gives seconds and only goes forward.
    """

    read: Callable[[Side], Target]
    clock: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[tuple[object, ...], float, Target]] = field(default_factory=dict)

    def of(self, crossing: Crossing) -> Target:
        """Give where a crossing's old side is asked. Raises what `read` raises."""
        side = crossing.place.monolith
        key = (crossing.uid, crossing.generation, crossing.state.epoch, side)
        had, at, target = self._known.get(crossing.name, ((), 0.0, None))
        if target is None or had != key or self.clock() - at >= KNOWN:
            target = self.read(side)
            self._known[crossing.name] = key, self.clock(), target
        return target


def old_target(kube: Kube, system: str, side: Side) -> Target:
    """Give where the old side is asked: a Service by its name, a Backend at its first endpoint.

    Its TLS is that of the BackendTLSPolicy of the same name (Gateway API, GEP-1897). Raises NotFound where
    there is no such Backend.
    """
    if side.kind != "Backend":
        return target_of(side)
    backend = kube.get(Ref(ENVOY_API, "Backend", side.name, system))
    if backend is None or not backend["spec"].get("endpoints"):
        raise NotFound(f"there is no Backend {side.name} with an endpoint", where=system, remedy="seaway up")
    policy = kube.get(Ref(GATEWAY_API, "BackendTLSPolicy", side.name, system))
    trusted = policy["spec"]["validation"].get("caCertificateRefs") if policy else None
    authority = kube.get(Ref("v1", "Secret", trusted[0]["name"], system)) if trusted else None
    return target_at(backend, policy, authority)


def target_at(backend: Manifest, policy: Manifest | None, authority: Manifest | None) -> Target:
    """Read where a Backend with an endpoint is asked: with a `policy` over TLS, as `authority` vouches."""
    first: dict[str, Any] = backend["spec"]["endpoints"][0]
    at = first.get("fqdn") or first["ip"]
    address = at.get("hostname") or at["address"]
    place = f"[{address}]" if ":" in address else address  # RFC 3986, 3.2.2
    host = first.get("hostname", "")
    if policy is None:
        return Target(f"http://{place}:{at['port']}", host)
    pem = base64.b64decode((authority or {}).get("data", {}).get("ca.crt", "")).decode()
    name = policy["spec"]["validation"]["hostname"]
    return Target(f"https://{place}:{at['port']}", host, ca=pem, name=name)
