"""The contract of ports/registry.py, on every implementation; needs a real registry, hence `cluster`."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import NotFound, SeawayError, Unreachable
from seaway.kit import distribution, oci
from seaway.model.names import Digest, ImageRef
from seaway.ports.registry import Registry
from seaway.providers.local.registry import LocalRegistry
from tests.rooms.images.registries import before

pytestmark = pytest.mark.cluster


@pytest.fixture
def registry(server: Any) -> Registry:
    return LocalRegistry(server.host)


def blob(folder: Path, data: bytes) -> tuple[Digest, Path]:
    digest = Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")
    path = folder / digest.hex
    path.write_bytes(data)
    return digest, path


def push(registry: Registry, folder: Path, ref: ImageRef) -> Digest:
    config = oci.config((), oci.Settings(cmd=("true",)), "amd64")
    digest, path = blob(folder, config)
    registry.put_blob(ref.repository, digest, str(path))
    return registry.put_manifest(ref, oci.MANIFEST, oci.manifest(config, ()))


def test_a_blob_comes_back_as_it_went_up(registry: Registry, tmp_path: Path) -> None:
    digest, path = blob(tmp_path, b"a layer" * 1000)
    assert not registry.has_blob("team/app", digest)
    registry.put_blob("team/app", digest, str(path))
    assert registry.has_blob("team/app", digest)
    registry.get_blob("team/app", digest, str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


def test_an_empty_blob_can_be_stored(registry: Registry, tmp_path: Path) -> None:
    digest, path = blob(tmp_path, b"")
    registry.put_blob("team/app", digest, str(path))
    assert registry.has_blob("team/app", digest)


@pytest.mark.parametrize(("most", "sent"), [(0, ["PUT"]), (200_000, ["PUT", *["PATCH"] * 5, "PUT"])])
def test_a_large_blob_goes_up_at_once_or_else_in_pieces(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, sent: list[str]
) -> None:
    monkeypatch.setattr(distribution, "PIECE", 100_000)
    digest, path = blob(tmp_path, bytes(range(256)) * 2000)
    with before(server.host, most=most) as front:
        registry = LocalRegistry(front.host)
        registry.put_blob("team/app", digest, str(path))
        registry.get_blob("team/app", digest, str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    assert [method for method, path in front.asked if method in {"PUT", "PATCH"}] == sent


def test_a_blob_that_is_not_its_digest_is_refused(registry: Registry, tmp_path: Path) -> None:
    digest, path = blob(tmp_path, b"right")
    path.write_bytes(b"wrong")
    with pytest.raises(SeawayError, match="400"):
        registry.put_blob("team/app", digest, str(path))
    assert not registry.has_blob("team/app", digest)


def test_a_damaged_blob_never_appears(registry: Registry, server: Any, tmp_path: Path) -> None:
    digest, path = blob(tmp_path, b"right" * 50)
    registry.put_blob("team/app", digest, str(path))
    stored = next(p for p in (server.folder / "data").rglob("data") if digest.hex in str(p))
    stored.write_bytes(b"wrong" * 50)
    with pytest.raises(Unreachable, match="gave a blob that is not"):
        registry.get_blob("team/app", digest, str(tmp_path / "back"))
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("back")] == []


def test_a_blob_known_in_one_repository_is_mounted_in_another(registry: Registry, tmp_path: Path) -> None:
    digest, path = blob(tmp_path, b"shared")
    registry.put_blob("seaway/base", digest, str(path))
    path.unlink()
    path.write_bytes(b"")  # it would be refused if it were uploaded
    registry.put_blob("team/app", digest, str(path))
    assert registry.has_blob("team/app", digest)


def test_a_manifest_has_the_digest_of_its_bytes(registry: Registry, tmp_path: Path) -> None:
    ref = ImageRef(registry.place, "team/app", "v1")
    digest = push(registry, tmp_path, ref)
    assert registry.resolve(ref) == digest
    media_type, body = registry.get_manifest(ref.at(digest))
    assert media_type == oci.MANIFEST
    assert oci.digest(body) == digest.value
    assert json.loads(body)["layers"] == []


def test_a_manifest_without_a_tag_is_found_by_digest(registry: Registry, tmp_path: Path) -> None:
    digest = push(registry, tmp_path, ImageRef(registry.place, "team/app"))
    assert registry.resolve(ImageRef(registry.place, "team/app", "", digest)) == digest
    assert registry.tags("team/app") == ()


def test_what_is_not_there_is_none_or_not_found(registry: Registry) -> None:
    ref = ImageRef(registry.place, "team/none", "v1")
    assert registry.resolve(ref) is None
    assert registry.tags("team/none") == ()
    with pytest.raises(NotFound):
        registry.get_manifest(ref)


def test_tags_are_all_listed(registry: Registry, tmp_path: Path) -> None:
    wanted = tuple(sorted(f"v{n}" for n in range(120)))
    for tag in wanted:
        push(registry, tmp_path, ImageRef(registry.place, "team/app", tag))
    assert registry.tags("team/app") == wanted


def test_a_registry_that_is_away_for_a_moment_is_waited_for(server: Any, tmp_path: Path) -> None:
    # More patience than a person has: this machine may be busy with other tests.
    registry = distribution.Distribution(server.host, attempts=9)
    digest, path = blob(tmp_path, b"patience")
    server.stop()
    begin = threading.Timer(0.3, server.start)
    begin.start()
    registry.put_blob("team/app", digest.value, path)
    begin.join()
    assert registry.has_blob("team/app", digest.value)


def test_an_upload_outlives_a_registry_that_dies_in_its_midst(server: Any, tmp_path: Path) -> None:
    registry = distribution.Distribution(server.host, attempts=9)
    data = bytes(range(256)) * 2000
    digest, deaths = oci.digest(data), list[int]()

    def read(start: int, size: int) -> Iterator[bytes]:
        for begin in range(start, start + size, 100_000):
            if begin >= 300_000 and not deaths:
                deaths.append(begin)
                server.stop()
                server.start()
            yield data[begin : min(begin + 100_000, start + size)]

    registry.put_stream("team/app", digest, len(data), read)
    assert deaths == [300_000]
    registry.get_blob("team/app", digest, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data


@pytest.fixture
def small(server: Any) -> Iterator[Any]:
    """The registry with its storage on a disk of 4 MiB."""
    server.stop()
    storage = server.folder / "data"
    storage.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "seaway-test", storage], check=True)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        subprocess.run(["umount", storage], check=True)


def test_a_registry_whose_disk_is_full_says_so_and_keeps_what_it_has(small: Any, tmp_path: Path) -> None:
    registry = distribution.Distribution(small.host, attempts=1)
    here, big = blob(tmp_path, b"small"), blob(tmp_path, os.urandom(6 << 20))
    registry.put_blob("team/app", here[0].value, here[1])
    with pytest.raises(Unreachable, match="500") as caught:
        registry.put_blob("team/app", big[0].value, big[1])
    assert "no space left on device" in caught.value.why
    assert not registry.has_blob("team/app", big[0].value)
    registry.get_blob("team/app", here[0].value, tmp_path / "back")


def test_a_registry_that_is_not_running_is_named_with_a_remedy(registry: Registry, server: Any) -> None:
    server.stop()
    with pytest.raises(Unreachable, match="does not answer") as caught:
        registry.resolve(ImageRef(registry.place, "team/app", "v1"))
    assert "seaway cluster create" in caught.value.remedy
