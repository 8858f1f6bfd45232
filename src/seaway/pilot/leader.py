"""One of several pilots acts, by a Lease (coordination.k8s.io/v1, KEP-589), in the way of client-go.

Whoever holds it renews it; another takes it once it was not renewed for as long as it says. Moments of other
machines are never compared with ours: what counts is how long ago *we* saw the record change, by a clock that
only goes forward, so that clocks that are apart do no harm.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from seaway.errors import Conflict, SeawayError
from seaway.kit import moments
from seaway.kit.kube import Kube, Manifest, Ref

API: Final = "coordination.k8s.io/v1"
#: Seconds that a record holds without being renewed.
DURATION: Final = 15
#: Seconds between two renewals.
RENEW: Final = 5.0
#: Seconds after the last renewal from which the holder no longer acts: well before another may begin.
DEADLINE: Final = 10.0
#: Seconds until the next try, of a standby and of a holder whose renewal failed.
RETRY: Final = 1.0


@dataclass
class Candidate:
    """One process that may lead. `identity` is its own alone: a new process is another candidate.

    `clock` gives seconds and only goes forward. Safe to use from several threads.
    """

    kube: Kube
    namespace: str
    name: str
    identity: str
    clock: Callable[[], float] = time.monotonic
    _record: dict[str, Any] = field(default_factory=dict)
    _seen: float | None = None
    _renewed: float | None = None
    _lost: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ref(self) -> Ref:
        return Ref(API, "Lease", self.name, self.namespace)

    @property
    def leads(self) -> bool:
        """Whether it may act at this moment."""
        renewed = self._renewed
        return renewed is not None and not self._lost and self.clock() - renewed < DEADLINE

    @property
    def lost(self) -> bool:
        """Whether it led, and another has taken over."""
        return self._lost

    def attempt(self) -> bool:
        """Take the lease or renew it; gives whether we hold it now.

        Raises SeawayError where the API server does not answer or refuses.
        """
        with self._lock:
            began = self.clock()
            found = self.kube.get(self.ref)
            spec: dict[str, Any] = (found or {}).get("spec", {})
            if spec != self._record or self._seen is None:
                self._record, self._seen = spec, began
            holder = spec.get("holderIdentity") or ""
            if holder not in {"", self.identity}:
                self._lost = self._renewed is not None
                if self._lost or began < self._seen + spec.get("leaseDurationSeconds", 0):
                    return False
            try:
                self._write(found, self._claim(spec))
            except Conflict:
                return False
            self._renewed = began
            return True

    def release(self) -> None:
        """Let it go, if we hold it, so that another takes over at once."""
        with self._lock:
            if self._renewed is None or self._lost:
                return
            found = self.kube.get(self.ref)
            spec: dict[str, Any] = (found or {}).get("spec", {})
            self._lost = True
            if spec.get("holderIdentity") == self.identity:
                now = _micro_time()
                gone = {**spec, "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now}
                self._write(found, gone)

    def keep(self, stop: threading.Event) -> None:
        """Renew until `stop`, or until another has taken over; a server that is away is waited for."""
        while not self._lost and not stop.wait(RENEW if self._attempted() else RETRY):
            pass

    def _attempted(self) -> bool:
        try:
            return self.attempt()
        except SeawayError:
            return False

    def _claim(self, spec: dict[str, Any]) -> dict[str, Any]:
        now, mine = _micro_time(), spec.get("holderIdentity") == self.identity
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": DURATION,
            "acquireTime": spec.get("acquireTime", now) if mine else now,
            "renewTime": now,
            "leaseTransitions": spec.get("leaseTransitions", 0) + (0 if mine or not spec else 1),
        }

    def _write(self, found: Manifest | None, spec: dict[str, Any]) -> None:
        """Write the record, only over the version that was read. Raises Conflict where another was first."""
        meta = {"name": self.name, "namespace": self.namespace}
        lease = {"apiVersion": API, "kind": "Lease", "metadata": meta, "spec": spec}
        if found is None:
            if self.kube.create(lease) is None:
                raise Conflict("another made the lease first")
        else:
            version = {"resourceVersion": found["metadata"]["resourceVersion"]}
            self.kube.patch(self.ref, {"metadata": version, "spec": spec})
        self._record, self._seen = spec, self.clock()


def _micro_time() -> str:
    """Now, as the Lease API writes moments (metav1.MicroTime)."""
    return moments.now("microseconds")
