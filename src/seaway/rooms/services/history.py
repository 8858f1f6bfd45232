"""What ran before: the releases of a service, as the ReplicaSets of its Deployment remember them. Pure.

Of what these forgot, an image that was promoted to the environment can be gone back to as well.

Kubernetes keeps a ReplicaSet for each of the last templates, and copies the Deployment's annotations to the
newest (deployment.kubernetes.io/revision counts them). So what Seaway notes at a Deployment stays with the
release that it was noted for.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from seaway.errors import NotFound, Refused, UsageError
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
#: Digits of a digest that name an image: as many as people are shown.
SHOWN: Final = 12
_DIGITS: Final = re.compile(rf"[0-9a-f]{{{SHOWN},64}}")

#: What to go back to: the number of a release, 0 for the one before, or the first digits of a digest.
Wanted = int | str


@dataclass(frozen=True)
class Release:
    """One release. `at` (RFC 3339) and `by` tell when and by whom it was rolled out last.

    One that the cluster forgot has the `revision` 0: `at` and `by` are of its promotion, its settings those
    of the present release, and its `migrations` are empty where the record of the promotion does not say.
    """

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

    @property
    def name(self) -> str:
        """How it is named to go back to it: by its number, where it has one."""
        return str(self.revision or self.digest)

    def fits(self, wanted: Wanted) -> bool:
        """Whether this is the release of that number, or one of an image whose digest begins so."""
        if isinstance(wanted, int):
            return self.revision == wanted
        return self.image.rpartition("@sha256:")[2].startswith(wanted)

    def as_json(self) -> dict[str, Any]:
        told = {key: value for key, value in vars(self).items() if key != "template"}
        return {**told, "revision": self.revision or None}


def parsed(text: str) -> Wanted:
    """Read what somebody wants to go back to: a number, or 12 digits of a digest. Raises UsageError."""
    digits = text.rpartition("@")[2].removeprefix("sha256:")
    if digits == text and len(text) < SHOWN and text.isascii() and text.isdecimal():
        return int(text)
    if _DIGITS.fullmatch(digits):
        return digits
    raise UsageError(
        f"{text!r} names no release",
        why=f"it is neither a number of the history nor {SHOWN} digits or more of a digest",
        remedy="seaway rollout history SERVICE",
    )


def short(image: str) -> str:
    """Give the first digits of an image's digest, as people compare them."""
    return image.rpartition("@sha256:")[2][:SHOWN]


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


def promoted(image: str, at: str, by: str, migrations: str, present: Release) -> Release:
    """Compose the release of an image that the cluster forgot: with the settings of the present one."""
    template: Any = copy.deepcopy(present.template)
    template["spec"]["containers"][0]["image"] = image
    return Release(0, image, at, by, migrations, current=False, template=template)


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


def decide_undo(name: str, known: tuple[Release, ...], to: Wanted, *, force: bool) -> Release:
    """Choose the release to go back to: the one that is named, or the one before where `to` is 0.

    Raises NotFound where it is not kept, Refused where a release on the way took data away, unless `force`.
    """
    current = next((release for release in known if release.current), None)
    others = [release for release in known if not release.current]
    before = [release for release in others if current and 0 < release.revision < current.revision]
    named = [release for release in others if release.fits(to)] if to else before
    target = named[-1] if named else None
    if current is None or target is None:
        there = ", ".join(release.name for release in others)
        raise NotFound(
            f"{name} has no release {to} to go back to" if to else f"{name} has no release before this one",
            where=f"services.{name}",
            why=f"kept besides the present one: {there}" if there else "no other one is kept",
            remedy=f"seaway rollout history {name}",
        )
    on_the_way = (r for r in known if (target.revision, target.at) < (r.revision, r.at))
    refuse_contract(name, on_the_way, force=force)
    return target


def refuse_contract(name: str, gone: Iterable[Release], *, force: bool) -> None:
    """See that no release that is taken back took data away. Raises Refused, unless `force`."""
    found = [release for release in gone if release.migrations != EXPAND]
    if found and not force:
        takes = found[0].migrations == CONTRACT
        said = f"declares migrations: {CONTRACT}" if takes else "does not say what it did to the data"
        raise Refused(
            f"{name} does not go back: release {found[0].digest} {said}",
            where=f"services.{name}.migrations",
            why=f"it {'takes' if takes else 'may take'} away of the data what the version before needs",
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
    of = f"release {target.revision}" if target.revision else "the image that was promoted"
    details = (f"back to {of}, {target.digest}",)
    return ApplyObject(f"services/{meta['name']}/deployment", (), Verb.UPDATE, manifest, details, signed=True)


def _revision(found: Manifest) -> int:
    text = _notes(found).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _notes(found: Manifest) -> Mapping[str, str]:
    notes: Mapping[str, str] = found["metadata"].get("annotations") or {}
    return notes
