"""What ran before: the releases of a service, as the ReplicaSets of its Deployment remember them. Pure.

Kubernetes keeps a ReplicaSet for each of the last templates, and copies the Deployment's annotations to the
newest (deployment.kubernetes.io/revision counts them). So what Seaway notes at a Deployment stays with the
release that it was noted for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from seaway.errors import NotFound, Refused
from seaway.kit import moments
from seaway.model.manifests import Manifest
from seaway.model.plan import Verb
from seaway.rooms.services.spec import CONTRACT
from seaway.steps.objects import SIGNED_AT, SIGNED_BY, ApplyObject

REVISION: Final = "deployment.kubernetes.io/revision"
#: Annotation of a release whose change of the data takes something away: the one before may not run on it.
MIGRATIONS: Final = "seaway.dev/migrations"
EXPAND: Final = "expand"
_HASH: Final = "pod-template-hash"


@dataclass(frozen=True)
class Release:
    """One release. `at` (RFC 3339) and `by` tell when and by whom it was rolled out last."""

    revision: int
    image: str
    at: str
    by: str
    migrations: str
    current: bool
    template: Mapping[str, Any] = field(hash=False, repr=False)

    @property
    def digest(self) -> str:
        return short(self.image)

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "template"}


def short(image: str) -> str:
    """Give the first digits of an image's digest, as people compare them."""
    return image.rpartition("@sha256:")[2][:12]


def image_of(template: Mapping[str, Any]) -> str:
    return str(template["spec"]["containers"][0]["image"])


def releases(deployment: Manifest, sets: Iterable[Manifest]) -> tuple[Release, ...]:
    """List the releases of a Deployment that can be told, the oldest first."""
    uid = deployment["metadata"].get("uid")
    newest = _revision(deployment)
    found = []
    for each in sets:
        meta = each["metadata"]
        if uid not in {owner["uid"] for owner in meta.get("ownerReferences") or ()}:
            continue
        current = _revision(each) == newest
        notes = {**_notes(each), **(_notes(deployment) if current else {})}
        kept = _notes(deployment if current else each).get(MIGRATIONS, EXPAND)
        template = each["spec"]["template"]
        at = notes.get(SIGNED_AT) or meta.get("creationTimestamp", "")
        by = notes.get(SIGNED_BY, "")
        found.append(Release(_revision(each), image_of(template), at, by, kept, current, template))
    return tuple(sorted(found, key=lambda release: release.revision))


def ran(known: Iterable[Release], now: datetime) -> dict[str, float]:
    """Tell for how many seconds each image was the current one, by digest, as far as releases are kept."""
    there = sorted(known, key=lambda release: release.at)
    ends = [*(each.at for each in there[1:]), moments.written(now)]
    told: dict[str, float] = {}
    for each, end in zip(there, ends, strict=True):
        begun, digest = datetime.fromisoformat(each.at), each.image.rpartition("@")[2]
        seconds = (datetime.fromisoformat(end) - begun).total_seconds()
        told[digest] = told.get(digest, 0) + seconds
    return told


def decide_undo(name: str, known: tuple[Release, ...], to: int, *, force: bool) -> Release:
    """Choose the release to go back to: revision `to`, or the one before where that is 0.

    Raises NotFound where it is not kept, Refused where a release on the way took data away, unless `force`.
    """
    current = next((release for release in known if release.current), None)
    earlier = [release for release in known if current and release.revision < current.revision]
    named = [release for release in known if release.revision == to] if to else earlier
    target = named[-1] if named else None
    if current is None or target is None or target is current:
        there = ", ".join(str(release.revision) for release in known if not release.current)
        raise NotFound(
            f"{name} has no release {to} to go back to" if to else f"{name} has no release before this one",
            where=f"services.{name}",
            why=f"kept besides the present one: {there}" if there else "no other one is kept",
            remedy=f"seaway rollout history {name}",
        )
    on_the_way = (r for r in known if target.revision < r.revision <= current.revision)
    refuse_contract(name, on_the_way, force=force)
    return target


def refuse_contract(name: str, gone: Iterable[Release], *, force: bool) -> None:
    """See that no release that is taken back took data away. Raises Refused, unless `force`."""
    found = [release for release in gone if release.migrations == CONTRACT]
    if found and not force:
        raise Refused(
            f"{name} does not go back: release {found[0].digest} declares migrations: {CONTRACT}",
            where=f"services.{name}.migrations",
            why="it takes away of the data what the version before needs",
            remedy="mend it by a new release, or say --force if you know that the old version can run",
        )


def taken_back(deployment: Manifest, target: Release, *, autoscaled: bool) -> ApplyObject:
    """Compose the step that gives a Deployment the template of an earlier release.

    It is written on the condition that nobody wrote the Deployment since. Where it is `autoscaled`, its
    replicas stay the autoscaler's.
    """
    meta, spec = deployment["metadata"], dict(deployment["spec"])
    if autoscaled:
        spec.pop("replicas", None)
    inner = target.template["metadata"]
    labels = {key: value for key, value in inner["labels"].items() if key != _HASH}
    template = {**target.template, "metadata": {"labels": labels}}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            **{key: meta[key] for key in ("name", "namespace", "labels", "resourceVersion")},
            "annotations": {MIGRATIONS: CONTRACT} if target.migrations == CONTRACT else {},
        },
        "spec": {**spec, "template": template},
    }
    details = (f"back to release {target.revision}, {target.digest}",)
    return ApplyObject(f"services/{meta['name']}/deployment", (), Verb.UPDATE, manifest, details, signed=True)


def _revision(found: Manifest) -> int:
    text = _notes(found).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _notes(found: Manifest) -> Mapping[str, str]:
    notes: Mapping[str, str] = found["metadata"].get("annotations") or {}
    return notes
