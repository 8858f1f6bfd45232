"""Copies are whole and unchanged, or refused by name; between real registries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import NotFound, Refused, SeawayError, Unreachable
from seaway.kit import distribution, oci
from seaway.model.event import silent
from seaway.model.names import Digest, ImageRef
from seaway.rooms.images.copy import Copied, copy
from seaway.rooms.images.shelf import Shelf, companion_tag
from tests.rooms.images.registries import before, push, push_index, shelf, stored

pytestmark = pytest.mark.cluster
NOTE = "application/vnd.example.note"


@pytest.fixture
def source(server: Any) -> Shelf:
    return shelf(server.host)


@pytest.fixture
def target(second_server: Any) -> Shelf:
    return shelf(second_server.host, "prod/app")


def carry(source: Shelf, target: Shelf, digest: Digest) -> Copied:
    return copy(source, target, digest, silent, "test")


def note(where: Shelf, about: Digest, text: bytes) -> Digest:
    return where.refer(about, NOTE, text, {"text": text.decode()})


def known(where: Shelf, digest: Digest) -> set[str]:
    return {each["digest"] for each in where.server.referrers(where.repository, digest.value)}


def same(source: Shelf, target: Shelf, digest: Digest) -> None:
    assert target.server.manifest(target.repository, digest.value) == source.server.manifest(
        source.repository, digest.value
    )


def test_an_image_is_copied_unchanged_and_only_once(source: Shelf, target: Shelf) -> None:
    digest = push(source, b"one" * 1000, b"two" * 1000)
    first = carry(source, target, digest)
    same(source, target, digest)
    assert (first.manifests, first.blobs, first.mounted) == (1, 3, 0)
    assert first.sent > 6000
    assert target.server.tags(target.repository) == ()
    again = carry(source, target, digest)
    assert (again.blobs, again.sent) == (0, 0)


def test_an_index_comes_with_its_images_and_what_refers_to_each(source: Shelf, target: Shelf) -> None:
    images = [push(source, each.encode(), arch=each) for each in ("amd64", "arm64")]
    whole = push_index(source, *images)
    of_index, of_image = note(source, whole, b"of the index"), note(source, images[1], b"of an image")
    of_note = note(source, of_image, b"of a note")
    assert carry(source, target, whole).manifests == 6
    for each in (whole, *images, of_index, of_image, of_note):
        same(source, target, each)
    assert known(target, whole) == {of_index.value}
    assert known(target, images[0]) == set()
    assert known(target, images[1]) == {of_image.value}
    assert known(target, of_image) == {of_note.value}
    (entry,) = target.server.referrers(target.repository, whole.value)
    assert (entry["artifactType"], entry["annotations"]) == (NOTE, {"text": "of the index"})


def test_what_refers_to_an_image_at_the_target_stays(source: Shelf, target: Shelf) -> None:
    digest = push(source, b"app")
    carry(source, target, digest)
    there, fresh = note(target, digest, b"of the target"), note(source, digest, b"of the source")
    carry(source, target, digest)
    assert known(target, digest) == {there.value, fresh.value}


def test_registries_that_know_referrers_are_asked_page_by_page(server: Any, second_server: Any) -> None:
    first, second = (before(each.host, knows_referrers=True) for each in (server, second_server))
    with first as one, second as two:
        source, target = shelf(one.host), shelf(two.host)
        digest = push(source, b"app")
        notes = {note(source, digest, b"%d" % n).value for n in range(5)}
        assert known(source, digest) == notes
        carry(source, target, digest)
        assert known(target, digest) == notes
        assert target.server.tags(target.repository) == ()
        assert [path for _, path in one.asked if path.endswith(oci.fallback_tag(digest.value))] == []


def test_within_a_registry_nothing_is_sent(source: Shelf) -> None:
    digest = push(source, os.urandom(100_000), b"app")
    target = Shelf(source.server, "prod/app")
    copied = carry(source, target, digest)
    assert (copied.mounted, copied.sent) == (3, 0)
    same(source, target, digest)


def test_signatures_beside_the_image_are_joined_with_those_of_others(source: Shelf, target: Shelf) -> None:
    digest = push(source, b"app")
    carry(source, target, digest)
    tag = companion_tag(digest.value, "sig")
    for where, names in ((source, (b"a", b"b")), (target, (b"b", b"c"))):
        for each in names:
            where.put(each)
        where.put_beside(tag, [oci.descriptor(NOTE, each) for each in names])
    carry(source, target, digest)
    layers = json.loads(target.server.manifest(target.repository, tag)[1])["layers"]
    assert [each["digest"] for each in layers] == [oci.digest(each) for each in (b"b", b"c", b"a")]
    kept = target.server.resolve(target.repository, tag)
    carry(source, target, digest)
    assert target.server.resolve(target.repository, tag) == kept


def test_a_connection_that_breaks_is_taken_up_again(server: Any, target: Shelf) -> None:
    big = os.urandom(1_050_000)
    with before(server.host, cut=3, after=30_000) as front:
        digest = push(shelf(front.host), big)
        assert carry(shelf(front.host), target, digest).sent > len(big)
        asked = [path for method, path in front.asked if method == "GET" and oci.digest(big) in path]
    assert len(asked) == 1 + 3
    assert b"".join(target.server.read_blob(target.repository, oci.digest(big), 0, len(big))) == big


@pytest.mark.parametrize("piece", [100_000, 1 << 20], ids=["then in pieces", "then at once"])
@pytest.mark.parametrize("after", [30_000, 1 << 20], ids=["half sent", "all sent"])
def test_an_upload_that_breaks_is_taken_up_again(
    source: Shelf, second_server: Any, monkeypatch: pytest.MonkeyPatch, piece: int, after: int
) -> None:
    monkeypatch.setattr(distribution, "PIECE", piece)
    big = os.urandom(250_000)
    digest = push(source, big)
    with before(second_server.host, lost=2, after=after) as front:
        assert carry(source, shelf(front.host, "prod/app"), digest).sent > len(big)
        assert front.lost == (1 if after == 1 << 20 else 0)
    begun = [path for method, path in front.asked if method == "POST"]
    assert len(begun) == 2, "an upload was begun anew"
    target = shelf(second_server.host, "prod/app")
    assert b"".join(target.server.read_blob(target.repository, oci.digest(big), 0, len(big))) == big


def test_a_registry_that_does_not_know_ranges_will_do(server: Any, target: Shelf) -> None:
    big = os.urandom(250_000)
    with before(server.host, whole=True, cut=1, after=30_000) as front:
        digest = push(shelf(front.host), big)
        carry(shelf(front.host), target, digest)
    assert b"".join(target.server.read_blob(target.repository, oci.digest(big), 100, 1000)) == big[100:1100]


def test_a_registry_that_dies_is_waited_for(source: Shelf, target: Shelf, second_server: Any) -> None:
    digest = push(source, b"app")
    second_server.stop()
    with pytest.raises(Unreachable):
        carry(source, shelf(second_server.host, "prod/app"), digest)
    second_server.start()
    carry(source, target, digest)
    same(source, target, digest)


def test_a_blob_damaged_in_storage_is_named(source: Shelf, target: Shelf, server: Any) -> None:
    layer = b"right" * 1000
    digest = push(source, layer)
    stored(server.folder, oci.digest(layer)).write_bytes(b"wrong" * 1000)
    with pytest.raises(SeawayError, match=f"{source} gave a blob that is not {oci.digest(layer)}"):
        carry(source, target, digest)
    assert target.server.resolve(target.repository, digest.value) is None
    assert not target.server.has_blob(target.repository, oci.digest(layer))


def test_a_blob_damaged_on_its_way_is_named(source: Shelf, target: Shelf) -> None:
    layer = b"right" * 10_000
    digest = push(source, layer)
    with before(source.server.host, spoil=1) as front:
        with pytest.raises(SeawayError, match=f"{oci.digest(layer)} arrived damaged"):
            carry(shelf(front.host), target, digest)
        assert target.server.resolve(target.repository, digest.value) is None
        carry(shelf(front.host), target, digest)
    same(source, target, digest)


def test_a_manifest_damaged_in_storage_is_refused(source: Shelf, target: Shelf, server: Any) -> None:
    digest = push(source, b"app")
    path = stored(server.folder, digest.value)
    path.write_bytes(path.read_bytes().replace(b"amd64", b"arm64") + b" ")
    with pytest.raises(SeawayError, match="gave a manifest that is not"):
        carry(source, target, digest)


def test_a_referrer_that_is_missing_is_named(source: Shelf, target: Shelf) -> None:
    digest = push(source, b"app")
    lost = oci.digest(b"lost")
    entry = {"mediaType": oci.MANIFEST, "digest": lost, "size": 4, "artifactType": NOTE}
    with before(source.server.host, knows_referrers=True) as front:
        front.referrers[digest.value] = [entry]
        with pytest.raises(NotFound, match=f"does not have {lost}") as caught:
            carry(shelf(front.host), target, digest)
    assert caught.value.why == f"it refers to {digest}"
    assert target.server.resolve(target.repository, digest.value) is None


def test_a_manifest_of_an_unknown_kind_is_refused(server: Any, target: Shelf) -> None:
    digest = push(shelf(server.host), b"app")
    future = "application/vnd.example.future.v9+json"
    refused = pytest.raises(Refused, match="of a kind that cannot be copied whole")
    with before(server.host, types={digest.value: future}) as front, refused as caught:
        carry(shelf(front.host), target, digest)
    assert future in caught.value.what
    assert target.server.resolve(target.repository, digest.value) is None


def test_a_tag_is_read_once(source: Shelf, target: Shelf) -> None:
    first = push(source, b"gate", tag="v1")
    image = ImageRef(source.server.host, source.repository, "v1")
    found = source.find(image)
    push(source, b"moved", tag="v1")
    carry(source, target, found)
    assert found == first
    same(source, target, first)
    with pytest.raises(NotFound, match="there is no image"):
        source.find(ImageRef(source.server.host, source.repository, "v2"))


STREAM = """
import resource, sys
from seaway.model.event import silent
from seaway.model.names import Digest
from seaway.rooms.images.copy import copy
from tests.rooms.images.registries import shelf
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(copy(shelf(sys.argv[1]), shelf(sys.argv[2]), Digest(sys.argv[3]), silent, "test").sent,
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_follow_the_size(server: Any, second_server: Any, tmp_path: Path) -> None:
    source, big = shelf(server.host), tmp_path / "big"
    block = os.urandom(1 << 20)
    big.write_bytes(block * 150)
    with big.open("rb") as file:
        digest = oci.digest(file.read())
    source.server.put_blob(source.repository, digest, big)
    layer = oci.Layer(digest, digest, big.stat().st_size)
    config = oci.config([layer], oci.Settings(), "amd64")
    source.put(config)
    image = source.server.put_manifest(source.repository, "", oci.MANIFEST, oci.manifest(config, [layer]))
    argv = [sys.executable, "-c", STREAM, server.host, second_server.host, image]
    sent, grown = map(int, subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split())
    assert sent > 150 << 20
    assert grown < 40 << 10, f"{grown} KiB"
