"""One Kubernetes object at a time: what must change, and the steps that change it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from seaway.errors import Unready
from seaway.kit import moments
from seaway.kit.kube import Ref
from seaway.model.manifests import DESIRED, Manifest, differences, fill, missing, stamp
from seaway.model.plan import Change, Outputs, Verb
from seaway.model.snapshot import Live
from seaway.ports.world import World

#: Field manager of values that are only given at the start.
INITIAL = "seaway-initial"
#: Annotations of what was signed: when it was asked for, and by whom (the output `by` of the world).
SIGNED_AT: Final = "seaway.dev/released-at"
SIGNED_BY: Final = "seaway.dev/released-by"
#: Kinds whose removal loses what nobody can make again; `up` never deletes them.
PRECIOUS = frozenset({"PersistentVolumeClaim", "Secret", "Namespace"})


@dataclass(frozen=True)
class Desired:
    """An object as it shall be.

    `id` is the step's. `once` objects are left alone once they are there. `initial` are fields that matter
    only when it is made and belong to somebody else afterwards, such as the replicas of an autoscaled
    Deployment.
    """

    id: str
    manifest: Manifest
    after: tuple[str, ...] = ()
    once: bool = False
    initial: Manifest | None = None


@dataclass(frozen=True)
class ApplyObject:
    """Server-side apply of one manifest, its outputs filled in; `signed` tells who did it, and when."""

    id: str
    after: tuple[str, ...]
    verb: Verb
    manifest: Manifest = field(hash=False)
    details: tuple[str, ...] = ()
    initial: Manifest | None = field(default=None, hash=False)
    signed: bool = False

    @property
    def ref(self) -> Ref:
        return Ref.of(self.manifest)

    def describe(self) -> Change:
        return Change(self.id, self.verb, str(self.ref), self.details)

    def run(self, world: World) -> Outputs:
        manifest = stamp(fill(self.manifest, world.outputs))
        if self.signed:
            manifest["metadata"]["annotations"] |= _signature(world)
        if self.initial is None:
            world.kube.apply(manifest)
            return {}
        ref = Ref.of(manifest)
        head = {"apiVersion": ref.api_version, "kind": ref.kind}
        place = {"metadata": {"name": ref.name, "namespace": ref.namespace}}
        # Somebody must own a field before Seaway leaves it out, or the server sets it back to its default.
        if (found := world.kube.get(ref)) is not None:
            world.kube.apply({**head, **place, **_as_found(self.initial, found)}, manager=INITIAL)
            world.kube.apply(manifest)
        else:
            world.kube.apply(manifest)
            world.kube.apply({**head, **place, **self.initial}, manager=INITIAL)
        return {}


def _signature(world: World) -> dict[str, str]:
    return {SIGNED_AT: moments.now(), SIGNED_BY: world.outputs.get("by", "")}


def _as_found(fields: Manifest, found: Manifest) -> Manifest:
    return {
        key: _as_found(value, found[key]) if isinstance(value, dict) else found.get(key, value)
        for key, value in fields.items()
    }


@dataclass(frozen=True)
class RemoveObject:
    """Delete one object that the file no longer asks for, and see it gone within `seconds`."""

    id: str
    after: tuple[str, ...]
    ref: Ref
    seconds: float = 60.0

    def describe(self) -> Change:
        return Change(self.id, Verb.DELETE, str(self.ref))

    def run(self, world: World) -> Outputs:
        if not world.kube.serves(self.ref.api_version, self.ref.kind):
            return {}  # with its definition everything of a kind goes
        world.kube.delete(self.ref, propagation="Foreground")
        ends = time.monotonic() + self.seconds
        while world.kube.get(self.ref) is not None:
            if time.monotonic() > ends:
                raise Unready(
                    f"{self.ref} is still there after {self.seconds:.0f} s", remedy="run the command again"
                )
            world.pause(0.1)
        return {}


def changes(desired: Iterable[Desired], live: Live, known: Mapping[str, str]) -> list[ApplyObject]:
    """Compare and keep what must change.

    An object changes when it is missing, was applied from another manifest, contradicts the manifest, or
    waits for something that is still to be made.
    """
    steps = []
    for item in desired:
        manifest = fill(item.manifest, known)
        found = live.objects.get(Ref.of(manifest))
        if found is None:
            steps.append(ApplyObject(item.id, item.after, Verb.CREATE, manifest, initial=item.initial))
        elif not item.once and (why := _why(manifest, found)):
            steps.append(ApplyObject(item.id, item.after, Verb.UPDATE, manifest, tuple(why), item.initial))
    return steps


def _why(manifest: Manifest, found: Manifest) -> list[str]:
    if waits := missing(manifest):
        return [f"new {name}" for name in sorted(waits)]
    wanted = stamp(manifest)
    mark = wanted["metadata"]["annotations"].pop(DESIRED)
    differing = differences(wanted, found)
    if not differing and found["metadata"].get("annotations", {}).get(DESIRED) != mark:
        differing = ["removed or defaulted fields"]
    return differing[:8]


def orphans(room: str, desired: Iterable[Desired], found: Mapping[Ref, Manifest]) -> list[RemoveObject]:
    """List what is live, ours and no longer asked for. What holds data, and what has an owner, stays."""
    wanted = {Ref.of(item.manifest) for item in desired}
    return [
        RemoveObject(f"{room}/{ref.name}/remove-{ref.kind.lower()}", (), ref)
        for ref, manifest in found.items()
        if ref not in wanted
        and ref.kind not in PRECIOUS
        and not manifest["metadata"].get("ownerReferences")
        and not manifest["metadata"].get("deletionTimestamp")
    ]
