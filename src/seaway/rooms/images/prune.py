"""Taking images out of a registry that nobody needs any more, with all that belongs to them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from seaway.kit import oci
from seaway.model.names import Digest, ImageRef
from seaway.rooms.images.facts import AT_ONCE
from seaway.rooms.images.promote import PROMOTION
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.statements import CREATED, announced

#: The tags that Seaway gives; an image that has another one is somebody's own.
OURS: Final = re.compile(r"src-[0-9a-f]{32}")


@dataclass(frozen=True)
class Kept:
    """What is needed: the digests in `used`, and what was made at the moment `since` (RFC 3339) or later."""

    used: Collection[str]
    since: str


@dataclass(frozen=True)
class Stored:
    """An image in a repository: its tags, and `why` it stays, if so.

    `manifests` are those that it consists of, `blobs` what these name, by digest with their sizes.
    """

    service: str
    digest: Digest
    tags: tuple[str, ...]
    manifests: Mapping[str, int]
    blobs: Mapping[str, int]
    why: str

    @property
    def size(self) -> int:
        """Its bytes, those that it shares with other images included."""
        return sum(self.manifests.values()) + sum(self.blobs.values())


def look(shelf: Shelf, service: str, current: ImageRef, kept: Kept) -> list[Stored]:
    """See which images of a service lie on a shelf and which stay; `current` is what the folder holds."""
    found, tags = [], tagged(shelf)
    images = {digest: _parts(shelf, digest) for digest in tags}
    inner = {part for digest, (manifests, _) in images.items() for part in manifests if part != digest}
    for digest, (manifests, blobs) in images.items():
        its = tags[digest]
        if not its and digest in inner:
            continue
        referrers = shelf.server.referrers(shelf.repository, digest)
        why = "what the folder holds now" if current.tag in its else needed(digest, its, referrers, kept)
        found.append(Stored(service, Digest(digest), tuple(its), manifests, blobs, why))
    return found


def tagged(shelf: Shelf) -> dict[str, list[str]]:
    """Find images with their tags; one that lost its own, as to a newer base, by the list of its papers.

    Among these are parts of indexes, which have papers too.
    """
    tags: dict[str, list[str]] = {}
    names = shelf.server.tags(shelf.repository)
    own = [tag for tag in names if not oci.of_companion(tag)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(partial(shelf.server.resolve, shelf.repository), own)
        for tag, digest in zip(own, found, strict=True):
            if digest:
                tags.setdefault(digest, []).append(tag)
    subjects = {subject for tag in names if (subject := oci.of_companion(tag))}
    return tags | {each: [] for each in sorted(subjects - tags.keys()) if _is_image(shelf, each)}


def _is_image(shelf: Shelf, digest: str) -> bool:
    """Whether a manifest is there, and is no paper that has papers of its own."""
    if not shelf.server.resolve(shelf.repository, digest):
        return False
    return "subject" not in json.loads(shelf.server.manifest(shelf.repository, digest)[1])


def needed(digest: str, tags: Iterable[str], referrers: Iterable[Mapping[str, Any]], kept: Kept) -> str:
    """Say why an image stays; nothing where it may go. Pure.

    What a registry claims of referrers is believed here: a lie can only keep an image.
    """
    if digest in kept.used:
        return "runs, or can be rolled back to"
    if others := [tag for tag in tags if not OURS.fullmatch(tag)]:
        return f"somebody named it {others[0]}"
    listed = tuple(referrers)
    if any(PROMOTION in announced(each) for each in listed):
        return "was promoted"
    made = (str((each.get("annotations") or {}).get(CREATED, "")) for each in listed)
    return "is new" if max(made, default="") >= kept.since else ""


def freed(images: Iterable[Stored]) -> int:
    """Count the bytes that only images name which may go."""
    kept, gone = dict[str, int](), dict[str, int]()
    for each in images:
        (kept if each.why else gone).update({**each.manifests, **each.blobs})
    return sum(size for digest, size in gone.items() if digest not in kept)


def remove(shelf: Shelf, images: Iterable[Stored]) -> None:
    """Take out the images of a shelf that may go; what was killed in between is finished the next time."""
    images = tuple(images)
    stay = {digest for each in images if each.why for digest in each.manifests}
    for each in images:
        if not each.why:
            for digest in each.manifests.keys() - stay:
                shelf.server.delete_manifest(shelf.repository, digest)
    # What referred to them may have had referrers of its own.
    while sum(_let_go(shelf, tag) for tag in shelf.server.tags(shelf.repository)):
        pass


def _let_go(shelf: Shelf, tag: str) -> bool:
    """Remove what a tag names beside an image that is gone."""
    subject = oci.of_companion(tag)
    if not subject or shelf.server.resolve(shelf.repository, subject):
        return False
    there = shelf.server.resolve(shelf.repository, tag)
    if there is None:
        return False
    media_type, body = shelf.server.manifest(shelf.repository, there)
    if media_type in oci.INDEXES:
        for each in json.loads(body).get("manifests") or ():
            shelf.server.delete_manifest(shelf.repository, str(each["digest"]))
    return shelf.server.delete_manifest(shelf.repository, there)


def _parts(shelf: Shelf, digest: str) -> tuple[dict[str, int], dict[str, int]]:
    """Give the manifests that an image or index consists of and the blobs that these name, with sizes."""
    media_type, body = shelf.server.manifest(shelf.repository, digest)
    manifests, blobs, manifest = {digest: len(body)}, dict[str, int](), json.loads(body)
    if media_type in oci.INDEXES:
        for each in manifest["manifests"]:
            for whole, part in zip((manifests, blobs), _parts(shelf, str(each["digest"])), strict=True):
                whole.update(part)
    else:
        blobs |= {
            str(each["digest"]): int(each["size"]) for each in (manifest["config"], *manifest["layers"])
        }
    return manifests, blobs
