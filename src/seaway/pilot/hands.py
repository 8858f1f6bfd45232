"""What the pilot writes: statuses, routes, the ledger, Events. Nothing here decides.

Every write of a status or a route names the version that was seen, so that nobody's newer one is overwritten,
and none is made once another leads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from seaway.errors import Conflict
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.model.gateway import GATEWAY_API
from seaway.model.manifests import labels
from seaway.pilot.desk import CROSSING, ROUTE, Desk
from seaway.rooms.crossing.ledger import entries_of, ledger, ledger_name, merged
from seaway.rooms.crossing.resource import API, FINALIZER, Crossing
from seaway.rooms.crossing.sides import route_name
from seaway.rooms.crossing.state import Entry, State, moment
from seaway.rooms.crossing.turn import Emit

COMPONENT: Final = "seaway-pilot"
ROOM: Final = "crossing"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hands:
    """One system's objects, written by whoever `leads`.

    Every method raises Conflict where another was first, and SeawayError where the API server does not take
    it; what was written before stays.
    """

    kube: Kube
    desk: Desk
    leads: Callable[[], bool]

    def save(self, crossing: Crossing, state: State) -> State:
        """Write the status; gives it as it is read from there again."""
        self._must_lead()
        change = {
            "metadata": {"resourceVersion": crossing.version},
            "status": state.as_status(crossing.spec.steps, crossing.generation),
        }
        written = self.kube.patch(_ref(crossing), change, subresource="status")
        self.desk.put(CROSSING, written)
        return State.from_status(written["status"])

    def keep(self, crossing: Crossing, finalizers: list[str]) -> None:
        """Put the finalizer on, before the first route is written."""
        self.desk.put(CROSSING, self._finalize(crossing, [*finalizers, FINALIZER]))

    def release(self, crossing: Crossing, finalizers: list[str]) -> None:
        """Remove the route, then let the crossing go."""
        self._must_lead()
        self.kube.delete(Ref(GATEWAY_API, ROUTE, route_name(crossing.name), crossing.place.system))
        left = [each for each in finalizers if each != FINALIZER]
        self.desk.drop(CROSSING, self._finalize(crossing, left))

    def _finalize(self, crossing: Crossing, finalizers: list[str]) -> Manifest:
        self._must_lead()
        meta = {"resourceVersion": crossing.version, "finalizers": finalizers}
        return self.kube.patch(_ref(crossing), {"metadata": meta})

    def write_route(self, wanted: Manifest, seen: Manifest | None) -> None:
        """Write a route over the one that was seen."""
        self._must_lead()
        if seen is not None:
            version = {"resourceVersion": seen["metadata"]["resourceVersion"]}
            wanted = {**wanted, "metadata": {**wanted["metadata"], **version}}
        self.desk.put(ROUTE, self.kube.apply(wanted))

    def write_beside(self, companion: Manifest) -> None:
        """Write what a route needs beside it; nobody else has a say in it."""
        self._must_lead()
        self.desk.put(companion["kind"], self.kube.apply(companion))

    def note(self, crossing: Crossing, entries: Iterable[Entry]) -> None:
        """Add entries to the ledger; those that are there already are not added twice."""
        self._must_lead()
        system = crossing.place.system
        found = self.kube.get(Ref("v1", "ConfigMap", ledger_name(crossing.name), system))
        before = entries_of(found)
        after = merged(before, entries)
        if after != before:
            self.kube.apply(ledger(system, crossing.name, after))

    def tell(self, crossing: Crossing, event: Emit) -> None:
        """Tell a Kubernetes Event of the crossing."""
        self._must_lead()
        self.kube.create(told(_ref(crossing), crossing.uid, event))
        log.info("%s %s: %s", crossing.name, event.reason, event.message)

    def look_again(self, kind: str, ref: Ref) -> None:
        """Lay the object on the desk as it is now: the one there has passed."""
        found = self.kube.get(ref)
        if found is None:
            self.desk.forget(kind, ref.name)
        else:
            self.desk.put(kind, found)

    def _must_lead(self) -> None:
        if not self.leads():
            raise Conflict("another pilot leads, or nobody may at this moment")


def _ref(crossing: Crossing) -> Ref:
    return Ref(API, CROSSING, crossing.name, crossing.place.system)


def told(about: Ref, uid: str, event: Emit) -> dict[str, Any]:
    """Compose an Event (v1) about an object, so that `kubectl describe` of it tells."""
    now = datetime.now(UTC)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{about.name}.{int(now.timestamp() * 1e6):x}",
            "namespace": about.namespace,
            "labels": labels(about.namespace, ROOM, about.name),
        },
        "involvedObject": {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "name": about.name,
            "namespace": about.namespace,
            "uid": uid,
        },
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:1024],
        "source": {"component": COMPONENT},
        "firstTimestamp": moment(now),
        "lastTimestamp": moment(now),
        "count": 1,
    }
