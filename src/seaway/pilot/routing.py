"""A crossing's route and what it needs beside it: as Seaway would write them, and what was found of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seaway.kit.kube import Manifest
from seaway.model.manifests import differences, stamp
from seaway.rooms.crossing.facts import BY, RouteFacts
from seaway.rooms.crossing.failover import companions
from seaway.rooms.crossing.resource import API, KIND, Crossing
from seaway.rooms.crossing.routes import Split, route, split_of

#: Kinds of what a route needs beside it; each object of them is named after the route.
COMPANIONS: Final = ("EnvoyPatchPolicy", "BackendTrafficPolicy")


def wanted_route(crossing: Crossing, split: Split) -> Manifest:
    """Compose the route, with the mark of what was asked for; it goes when its crossing goes."""
    composed = route(crossing.place, crossing.name, crossing.spec, split)
    return stamp({**composed, "metadata": {**composed["metadata"], "ownerReferences": [_owner(crossing)]}})


def missing_companions(crossing: Crossing, found: Mapping[str, Manifest | None]) -> list[Manifest]:
    """Compose those companions that are not there as they shall be; `found` are this route's, by kind."""
    wanted = map(stamp, companions(crossing.place, crossing.name, _owner(crossing)))
    return [each for each in wanted if not _is(each, found.get(each["kind"]))]


def facts_of(
    crossing: Crossing, found: Manifest | None, beside: Mapping[str, Manifest | None]
) -> RouteFacts | None:
    """See a route, and what it needs beside it, as the decisions need it; None where there is none."""
    if found is None or "deletionTimestamp" in found["metadata"]:
        return None
    split = split_of(found)
    wanted = wanted_route(crossing, split)
    complaint = _complaint(found, split.weight)
    return RouteFacts(
        weight=split.weight,
        epoch=split.epoch,
        comparing=split.comparing,
        ours=_is(wanted, found) and not missing_companions(crossing, beside),
        accepted=not complaint,
        why=complaint,
        by=(found["metadata"].get("annotations") or {}).get(BY, ""),
        leaving=split.leaving,
    )


def _owner(crossing: Crossing) -> Manifest:
    return {
        "apiVersion": API,
        "kind": KIND,
        "name": crossing.name,
        "uid": crossing.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _is(wanted: Manifest, found: Manifest | None) -> bool:
    """Whether it was applied from this manifest and nobody has changed what that says."""
    if found is None or "deletionTimestamp" in found["metadata"]:
        return False
    return not differences(wanted, found)


def _complaint(found: Manifest, weight: int) -> str:
    """Say why the gateway does not serve this generation of the route yet; nothing where it does.

    By the conditions of every parent (Gateway API, RouteParentStatus): Accepted, and ResolvedRefs where the
    new side has traffic; at 0 % it may be gone.
    """
    parents = found.get("status", {}).get("parents") or []
    conditions = [c for parent in parents for c in parent.get("conditions", [])]
    told = [c for c in conditions if c["type"] in {"Accepted", "ResolvedRefs"}]
    if not told or any(c.get("observedGeneration", 0) < found["metadata"]["generation"] for c in told):
        return "the gateway's controller has not answered yet"
    counts = {"Accepted", "ResolvedRefs"} if weight else {"Accepted"}
    return "; ".join(
        c.get("message", c["reason"]) for c in told if c["type"] in counts and c["status"] != "True"
    )
