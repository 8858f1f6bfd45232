"""Whether the program that counts requests must come into the cluster, be renewed, or is left out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from seaway.kit.kube import Ref
from seaway.model.manifests import COMPONENT, MANAGED_BY, NAME, PART_OF, SYSTEM_NAMESPACE, Manifest
from seaway.model.snapshot import Live
from seaway.rooms.requests import manifests
from seaway.rooms.requests.caller import GROUP
from seaway.rooms.requests.manifests import EVERYBODY, REGISTRATION, ROOM, SERVED
from seaway.rooms.requests.steps import AwaitServed, available
from seaway.steps.objects import Desired, RemoveObject, changes
from seaway.steps.rollout import AwaitRollout, rolled_out

#: Its image may have to be fetched first.
PATIENCE: Final = 180.0
#: The label selector of all that it is.
OWN: Final = f"{MANAGED_BY}=seaway,{PART_OF}={EVERYBODY},{COMPONENT}={ROOM}"
#: What it is, by API; the Secret is its own.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    REGISTRATION: ("APIService",),
    "v1": ("Service", "ServiceAccount"),
    "apps/v1": ("Deployment",),
    "policy/v1": ("PodDisruptionBudget",),
    "networking.k8s.io/v1": ("NetworkPolicy",),
    manifests.RBAC: ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
}


def another(registrations: Iterable[Manifest]) -> str:
    """Name what serves custom metrics beside this program; nothing where nobody does."""
    for found in registrations:
        name = str(found["metadata"]["name"])  # VERSION.GROUP (apiregistration: validation)
        if name.partition(".")[2] == GROUP and not _ours(found):
            return name
    return ""


def plan(live: Live, other: str, known: Mapping[str, str]) -> list[Any]:
    """Decide what must change, where some service follows its requests; nothing beside `other`'s metrics."""
    if other:
        return []
    wanted = manifests.desired()
    steps: list[Any] = list(changes(wanted, live, _as_it_runs(live, known)))
    touched = {step.id for step in steps}
    program, served = (_seen(live, wanted, f"{ROOM}/{each}") for each in ("deployment", "registration"))
    if f"{ROOM}/deployment" in touched or not program or not rolled_out(program):
        ref = Ref("apps/v1", "Deployment", manifests.NAME, SYSTEM_NAMESPACE)
        steps.append(AwaitRollout(f"{ROOM}/await", (f"{ROOM}/deployment",), ref, PATIENCE))
    if f"{ROOM}/registration" in touched or not available(served):
        steps.append(AwaitServed((f"{ROOM}/await", f"{ROOM}/registration")))
    return steps


def removals(found: Iterable[Ref], after: tuple[str, ...]) -> list[RemoveObject]:
    """Take it out of a cluster where nobody is left: first nothing is passed on to it any more."""
    refs = list(found)
    last = tuple(_removal(ref, after) for ref in refs if ref.kind == "APIService")
    then = tuple(step.id for step in last) or after
    return [*last, *(_removal(ref, then) for ref in refs if ref.kind != "APIService")]


def _removal(ref: Ref, after: tuple[str, ...]) -> RemoveObject:
    return RemoveObject(f"{ROOM}/remove-{ref.kind.lower()}-{ref.namespace or 'cluster'}", after, ref)


def _ours(found: Manifest) -> bool:
    labels = found["metadata"].get("labels") or {}
    return bool(labels.get(COMPONENT) == ROOM and labels.get(NAME) == SERVED)


def _seen(live: Live, wanted: list[Desired], step: str) -> Manifest | None:
    return next(live.objects.get(Ref.of(each.manifest)) for each in wanted if each.id == step)


def _as_it_runs(live: Live, known: Mapping[str, str]) -> Mapping[str, str]:
    """Leave the same image where another system's registry has brought it."""
    found = live.get("apps/v1", "Deployment", manifests.NAME, SYSTEM_NAMESPACE)
    if found is None or manifests.IMAGE.name not in known:
        return known
    running = str(found["spec"]["template"]["spec"]["containers"][0].get("image", ""))
    same = running.partition("@")[2] == known[manifests.IMAGE.name].partition("@")[2] != ""
    return {**known, manifests.IMAGE.name: running} if same else known
