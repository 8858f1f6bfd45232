"""Pruning: what is needed stays with all that belongs to it, the rest goes, and no upload is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seaway.kit import oci
from seaway.model.names import Digest, ImageRef
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.images.attest import attest
from seaway.rooms.images.build import push as push_layers
from seaway.rooms.images.keys import PrivateKey, make_pair, private_key
from seaway.rooms.images.kinds import TYPES
from seaway.rooms.images.promote import PROMOTION
from seaway.rooms.images.prune import Kept, Stored, freed, look, needed, remove
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.signatures import sign, signatures
from seaway.rooms.images.statements import CREATED, PREDICATE, UNSIGNED_PREDICATE, attach, statements
from seaway.rooms.images.store import Store
from tests.rooms.images.registries import push, push_index, shelf, stored

cluster = pytest.mark.cluster
DIGEST = f"sha256:{'a' * 64}"
OLD, SINCE, NEW = "2026-11-01T00:00:00Z", "2026-11-27T12:00:00Z", "2026-11-28T00:00:00Z"
#: Later than every moment of these tests: whatever is new counts as old.
LATER = "2999-01-01T00:00:00Z"


def named(number: int) -> str:
    return f"src-{number:032x}"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> PrivateKey:
    return private_key(make_pair(tmp_path_factory.mktemp("keys") / "release", None)[0])


@pytest.mark.parametrize(
    ("tags", "notes", "used", "why"),
    [
        ((named(1),), {CREATED: OLD}, (), ""),
        ((named(1),), {}, (), ""),
        ((named(1),), {CREATED: OLD}, (DIGEST,), "runs, or can be rolled back to"),
        ((named(1), "v1"), {CREATED: OLD}, (), "somebody named it v1"),
        ((named(1),), {CREATED: OLD, PREDICATE: PROMOTION}, (), "was promoted"),
        ((named(1),), {CREATED: OLD, UNSIGNED_PREDICATE: PROMOTION}, (), "was promoted"),
        ((named(1),), {CREATED: NEW}, (), "is new"),
        ((named(1),), {CREATED: SINCE}, (), "is new"),
    ],
)
def test_what_is_needed_stays(tags: Any, notes: dict[str, str], used: tuple[str, ...], why: str) -> None:
    referrers = [{"annotations": {CREATED: oci.CREATED}}, {"annotations": notes}, {}]
    assert needed(DIGEST, tags, referrers, Kept(used, SINCE)) == why


def test_what_is_shared_with_what_stays_is_not_freed() -> None:
    def image(why: str, **blobs: int) -> Stored:
        return Stored("web", Digest(DIGEST), (named(1),), {f"manifest-{len(blobs)}": 1}, blobs, why)

    assert freed([image("is new", base=100, app=10), image("", base=100, app=10, other=7)]) == 8
    assert freed([image("is new", base=100)]) == 0


def see(where: Shelf, current: int, *used: Digest) -> list[Stored]:
    image = ImageRef(where.server.host, where.repository, named(current))
    return look(where, "app", image, Kept([each.value for each in used], LATER))


@cluster
def test_the_rest_goes_with_all_that_belongs_to_it(server: Any, key: PrivateKey) -> None:
    where = shelf(server.host)
    images = [push(where, b"base", f"app {n}".encode(), tag=named(n)) for n in range(4)]
    for digest in images:
        sign(where, digest, key)
        attest(where, digest, TYPES["tests"], {"result": "PASSED"}, key)
    attach(where, images[2], PROMOTION, {}, None)
    found = see(where, 0, images[1])
    assert [each.why for each in sorted(found, key=lambda each: each.tags)] == [
        *("what the folder holds now", "runs, or can be rolled back to", "was promoted", "")
    ]
    remove(where, found)
    server.clean()
    lost = [tag for tag in where.server.tags(where.repository) if images[3].hex in tag or tag == named(3)]
    assert (lost, where.server.resolve(where.repository, images[3].value)) == ([], None)
    blobs = server.folder / "data/docker/registry/v2/blobs"
    assert not [*blobs.rglob(images[3].hex), *blobs.rglob(oci.digest(b"app 3").removeprefix("sha256:"))]
    for digest in images[:3]:
        assert len(signatures(where, digest, [key.public])) == 2
        assert TYPES["tests"] in [each.predicate_type for each in statements(where, digest, [key.public])]
    assert stored(server.folder, oci.digest(b"base"))
    assert [each.digest for each in see(where, 0) if each.why] == [images[0], images[2]]


@cluster
def test_what_was_killed_half_way_is_finished_the_next_time(server: Any, key: PrivateKey) -> None:
    where = shelf(server.host)
    kept, gone = push(where, b"kept", tag=named(0)), push(where, b"gone", tag=named(1))
    sign(where, gone, key)
    attach(where, attach(where, gone, TYPES["sbom"], {}, None), TYPES["approval"], {}, key)
    where.server.delete_manifest(where.repository, gone.value)
    remove(where, see(where, 0))
    assert where.server.tags(where.repository) == (named(0),)
    assert where.server.resolve(where.repository, named(0)) == kept.value


@cluster
def test_an_image_that_lost_its_tag_goes_too_and_what_refers_to_another_stays(
    server: Any, key: PrivateKey
) -> None:
    where = shelf(server.host)
    before, runs = push(where, b"before", tag=named(0)), push(where, b"runs", tag=named(1))
    for digest in (before, runs):
        attach(where, attach(where, digest, TYPES["sbom"], {}, None), TYPES["approval"], {}, key)
    after, again = push(where, b"after", tag=named(0)), push(where, b"again", tag=named(1))
    found = see(where, 0, runs)
    assert {each.digest: (len(each.tags), each.why) for each in found} == {
        after: (1, "what the folder holds now"),
        before: (0, ""),
        again: (1, ""),
        runs: (0, "runs, or can be rolled back to"),
    }
    remove(where, found)
    assert {each.digest for each in see(where, 0, runs)} == {after, runs}
    (paper,) = where.server.referrers(where.repository, runs.value)
    assert len(where.server.referrers(where.repository, paper["digest"])) == 1


@cluster
def test_a_part_of_two_indexes_goes_with_the_last(server: Any) -> None:
    where = shelf(server.host)
    one, shared, two = (push(where, layer) for layer in (b"one", b"shared", b"two"))
    first, second = push_index(where, one, shared), push_index(where, shared, two)
    for each in (one, shared, first):
        attach(where, each, TYPES["sbom"], {}, None)
    manifest = where.server.manifest(where.repository, second.value)
    where.server.put_manifest(where.repository, named(1), *manifest)
    remove(where, see(where, 0, first))
    there = [where.server.resolve(where.repository, each.value) is not None for each in (one, shared, two)]
    assert there == [True, True, False]


@cluster
def test_an_upload_outlives_a_clean_up_in_its_midst(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, store, cleaned = LocalRegistry(server.host), Store(tmp_path / "store"), list[str]()
    layer = store.layer("layer", "a layer", list)
    whole = LocalRegistry.put_manifest

    def put(self: LocalRegistry, ref: ImageRef, media_type: str, body: bytes) -> Digest:
        if not cleaned:
            cleaned.append(ref.repository)
            server.clean()
        return whole(self, ref, media_type, body)

    monkeypatch.setattr(LocalRegistry, "put_manifest", put)
    ref = ImageRef(server.host, "team/app", "v1")
    digest = push_layers(registry, ref, (layer,), oci.Settings(cmd=("true",)), store)
    assert (cleaned, registry.resolve(ref)) == (["team/app"], digest)
    registry.get_blob("team/app", Digest(layer.digest), str(tmp_path / "back"))
