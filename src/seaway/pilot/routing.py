"""A crossing's route: as Seaway would write it, and what is to be known of the one that was found."""

from __future__ import annotations

from seaway.kit.kube import Manifest
from seaway.model.manifests import DESIRED, differences, stamp
from seaway.rooms.crossing.facts import RouteFacts
from seaway.rooms.crossing.resource import API, KIND, Crossing
from seaway.rooms.crossing.routes import Split, route, split_of
from seaway.rooms.crossing.turn import SetSplit


def wanted_route(crossing: Crossing, split: SetSplit) -> Manifest:
    """Compose the route, with the mark of what was asked for; it goes when its crossing goes."""
    composed = route(
        crossing.place, crossing.name, crossing.spec, Split(split.weight, split.epoch, split.comparing)
    )
    owner = {
        "apiVersion": API,
        "kind": KIND,
        "name": crossing.name,
        "uid": crossing.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return stamp({**composed, "metadata": {**composed["metadata"], "ownerReferences": [owner]}})


def facts_of(crossing: Crossing, found: Manifest | None) -> RouteFacts | None:
    """See a route as the decisions need it; None where there is none."""
    if found is None or "deletionTimestamp" in found["metadata"]:
        return None
    split = split_of(found)
    wanted = wanted_route(crossing, SetSplit(split.weight, split.epoch, split.comparing))
    mark = wanted["metadata"]["annotations"].pop(DESIRED)
    notes = found["metadata"].get("annotations") or {}
    complaint = _complaint(found)
    return RouteFacts(
        weight=split.weight,
        epoch=split.epoch,
        comparing=split.comparing,
        ours=notes.get(DESIRED) == mark and not differences(wanted, found),
        accepted=not complaint,
        why=complaint,
    )


def _complaint(found: Manifest) -> str:
    """Say why the gateway does not serve this generation of the route yet; nothing where it does.

    By the conditions Accepted and ResolvedRefs of every parent (Gateway API, RouteParentStatus).
    """
    parents = found.get("status", {}).get("parents") or []
    conditions = [c for parent in parents for c in parent.get("conditions", [])]
    told = [c for c in conditions if c["type"] in {"Accepted", "ResolvedRefs"}]
    if not told or any(c.get("observedGeneration", 0) < found["metadata"]["generation"] for c in told):
        return "the gateway's controller has not answered yet"
    return "; ".join(c.get("message", c["reason"]) for c in told if c["status"] != "True")
