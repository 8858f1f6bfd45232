"""Copying an image or an index, with all that belongs to it and unchanged, between repositories."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from seaway.errors import NotFound, Refused, SeawayError, Unreachable
from seaway.kit import oci
from seaway.kit.distribution import again
from seaway.model.event import Event, Outcome, Report
from seaway.model.names import Digest
from seaway.rooms.images.shelf import SUFFIXES, Shelf, companion_tag

#: Blobs under way at a time.
SIDE_BY_SIDE: Final = 6
#: Manifests that may belong to one image, and how deep they lead: more is no honest registry's.
MOST: Final = 500
DEEPEST: Final = 16


@dataclass(frozen=True)
class Copied:
    """What a copy was: `manifests` of all that belongs together, `blobs` sent or mounted, bytes `sent`."""

    digest: Digest
    manifests: int
    blobs: int
    mounted: int
    sent: int


@dataclass
class Whole:
    """An image with all that belongs to it. Manifests by digest, each after those that it names.

    `blobs` are sizes by digest, `tags` what cosign's tags name, `referrers` who refers to what; `known` are
    all tags of the source.
    """

    known: frozenset[str] = frozenset()
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, int] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    referrers: dict[str, tuple[str, ...]] = field(default_factory=dict)


def copy(source: Shelf, target: Shelf, digest: Digest, report: Report, step: str) -> Copied:
    """Copy the image `digest`, its referrers and its signatures; what is there already is left.

    Nothing is named at the target before all of it is there. Raises Refused for what cannot be copied
    unchanged, NotFound for what the source names and does not have, SeawayError for what arrives damaged.
    """
    whole = collect(source, digest)

    def send() -> dict[str, str]:
        moved = _move(source, target, whole.blobs, report, step)
        for media_type, body in whole.manifests.values():
            target.server.put_manifest(target.repository, "", media_type, body)
        return moved

    moved = again(send)
    for tag, named in whole.tags.items():
        _put_tag(target, tag, whole.manifests[named])
    _verify(target, whole)
    sent = sum(whole.blobs[each] for each, how in moved.items() if how == "sent")
    mounted = sum(how == "mounted" for how in moved.values())
    return Copied(digest, len(whole.manifests), len(moved), mounted, sent)


def collect(source: Shelf, digest: Digest, known: Iterable[str] | None = None) -> Whole:
    """Find all that belongs to an image: its parts, what refers to it and to these, cosign's signatures.

    `known` are all tags of the source, where somebody has asked for them already. Raises NotFound and Refused
    as copy does.
    """
    whole = Whole(frozenset(source.server.tags(source.repository) if known is None else known))
    _visit(source, whole, digest.value, "")
    return whole


def _visit(source: Shelf, whole: Whole, digest: str, why: str, depth: int = 0) -> None:
    if digest in whole.manifests:
        return
    if len(whole.manifests) >= MOST or depth > DEEPEST:
        raise Refused(
            f"more belongs to this image than anybody would make: {digest}", where=str(source), why=why
        )
    media_type, body = _fetch(source, digest, why)
    parts, blobs = _named(media_type, body, source)
    for part in parts:
        _visit(source, whole, part, f"the index {digest} names it", depth + 1)
    whole.manifests[digest] = (media_type, body)
    whole.blobs |= blobs
    found = [_digest(each, source) for each in source.server.referrers(source.repository, digest)]
    whole.referrers[digest] = tuple(found)
    for each in found:
        _visit(source, whole, each, f"it refers to {digest}", depth + 1)
    for suffix in SUFFIXES:
        tag = companion_tag(digest, suffix)
        if tag in whole.known and (named := source.server.resolve(source.repository, tag)):
            whole.tags[tag] = _digest({"digest": named}, source)
            _visit(source, whole, named, f"the tag {tag} names it", depth + 1)


def _fetch(source: Shelf, digest: str, why: str) -> tuple[str, bytes]:
    """Download a manifest of a kind that is understood: of another, nobody knows what belongs to it."""
    try:
        media_type, body = source.server.manifest(source.repository, digest)
    except NotFound as error:
        raise NotFound(
            f"{source} does not have {digest}", where=error.where, why=why,
            remedy="push it again, or remove what names it",
        ) from error  # fmt: skip
    if media_type not in {*oci.INDEXES, *oci.MANIFESTS}:
        raise Refused(
            f"{digest} is of a kind that cannot be copied whole: {media_type or 'none'}", where=str(source),
            why=why or "what belongs to it is not known",
        )  # fmt: skip
    return media_type, body


def _named(media_type: str, body: bytes, source: Shelf) -> tuple[list[str], dict[str, int]]:
    """Read what a manifest names: others by digest, and the sizes of blobs by theirs.

    Blobs that lie at an address of their own stay there.
    """
    try:
        manifest = json.loads(body)
        if media_type in oci.INDEXES:
            return [_digest(each, source) for each in manifest["manifests"]], {}
        named = [each for each in (manifest["config"], *manifest["layers"]) if not each.get("urls")]
        return [], {_digest(each, source): int(each["size"]) for each in named}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SeawayError(
            f"{oci.digest(body)} is no manifest", where=str(source), why=f"{type(error).__name__}: {error}"
        ) from error


def _digest(entry: Mapping[str, Any], source: Shelf) -> str:
    try:
        return Digest(str(entry.get("digest"))).value
    except ValueError as error:
        raise Refused(
            "a manifest names something by no sha256 digest", where=str(source), why=str(error)
        ) from error


def _move(
    source: Shelf, target: Shelf, blobs: Mapping[str, int], report: Report, step: str
) -> dict[str, str]:
    """Send what the target lacks, several at a time; tells for each blob whether it was sent or mounted."""
    mount = source.repository if source.server.host == target.server.host else ""
    done: dict[str, str] = {}

    def move(digest: str, size: int) -> None:
        if target.server.has_blob(target.repository, digest):
            return
        read = partial(source.server.read_blob, source.repository, digest)
        try:
            mounted = target.server.put_stream(target.repository, digest, size, read, mount)
        except SeawayError as error:
            raise _blamed(source, target, digest, size, error) from error
        done[digest] = "mounted" if mounted else "sent"
        report(Event(step, Outcome.PROGRESS, f"copying to {target}", len(done) / len(blobs)))

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        moving = [pool.submit(move, digest, size) for digest, size in blobs.items()]
        try:
            for each in moving:
                each.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return done


def _blamed(source: Shelf, target: Shelf, digest: str, size: int, error: SeawayError) -> SeawayError:
    """Find out whether the source is at fault, or the way, where the target refused a blob."""
    if isinstance(error, Unreachable):
        return error
    seen = hashlib.sha256()
    try:
        for piece in source.server.read_blob(source.repository, digest, 0, size):
            seen.update(piece)
    except SeawayError as of_source:
        return of_source
    if f"sha256:{seen.hexdigest()}" == digest:
        # Such a word is in every registry's answer (distribution spec, Error Codes).
        if "DIGEST_INVALID" not in error.why:
            return error
        return SeawayError(
            f"{digest} arrived damaged", where=str(target), why=f"{source} has it whole: it was the way",
            remedy="run the command again",
        )  # fmt: skip
    return SeawayError(
        f"{source} gave a blob that is not {digest}", where=str(source),
        why="it is damaged in the registry's storage, or on the way",
        remedy="push the image again from where it was built",
    )  # fmt: skip


def _put_tag(target: Shelf, tag: str, manifest: tuple[str, bytes]) -> None:
    """Name signatures by cosign's tag; those that the target has from others stay."""
    media_type, body = manifest
    server, repository = target.server, target.repository
    there = server.resolve(repository, tag)
    if there is None:
        server.put_manifest(repository, tag, media_type, body)
    elif there != oci.digest(body):
        known = json.loads(server.manifest(repository, there)[1])["layers"]
        fresh = [layer for layer in json.loads(body)["layers"] if layer not in known]
        if fresh:
            target.put_beside(tag, [*known, *fresh])


def _verify(target: Shelf, whole: Whole) -> None:
    """See that the target gives every manifest in the same bytes, and knows who refers to what."""
    for digest, (_, body) in whole.manifests.items():
        if target.server.manifest(target.repository, digest)[1] != body:
            raise SeawayError(f"{target} gives other bytes for {digest}", where=str(target))
    for digest, wanted in whole.referrers.items():
        if not wanted:
            continue
        known = {each["digest"] for each in target.server.referrers(target.repository, digest)}
        if lost := set(wanted) - known:
            raise SeawayError(
                f"{target} does not list {min(lost)} as a referrer of {digest}", where=str(target)
            )
