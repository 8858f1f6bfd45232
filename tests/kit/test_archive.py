"""The same content gives the same archive, whenever and by whomever it was written."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import tarfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.kit import archive


def lay(root: Path, names: list[str]) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def packed(root: Path) -> tuple[archive.Written, bytes]:
    out = io.BytesIO()
    return archive.write(archive.tree(root, "app"), out), out.getvalue()


def test_order_times_and_permissions_of_the_disk_do_not_matter(tmp_path: Path) -> None:
    one = lay(tmp_path / "one", ["b", "a/c", "a/b"])
    two = lay(tmp_path / "two", ["a/b", "b", "a/c"])
    for path in two.rglob("*"):
        os.utime(path, (5, 5))
        path.chmod(0o700 if path.is_dir() else 0o640)
    assert packed(one) == packed(two)


def test_digests_are_those_of_the_bytes(tmp_path: Path) -> None:
    written, data = packed(lay(tmp_path, ["a"]))
    assert written.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert written.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(data)).hexdigest()}"
    assert written.size == len(data)


def test_members_belong_to_root_and_have_plain_modes(tmp_path: Path) -> None:
    lay(tmp_path, ["a/plain", "a/run"])
    (tmp_path / "a/run").chmod(0o4777)
    (tmp_path / "a/link").symlink_to("plain")
    with tarfile.open(fileobj=io.BytesIO(packed(tmp_path)[1])) as tar:
        seen = {m.name: (oct(m.mode), m.uid, m.gid, m.mtime) for m in tar}
    assert seen == {
        "app": ("0o755", 0, 0, 0),
        "app/a": ("0o755", 0, 0, 0),
        "app/a/link": ("0o777", 0, 0, 0),
        "app/a/plain": ("0o644", 0, 0, 0),
        "app/a/run": ("0o755", 0, 0, 0),
    }


def test_hard_links_stay_links(tmp_path: Path) -> None:
    lay(tmp_path, ["a"])
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    with tarfile.open(fileobj=io.BytesIO(packed(tmp_path)[1])) as tar:
        assert tar.getmember("app/b").linkname == "app/a"


def test_sockets_and_pipes_are_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with tarfile.open(fileobj=io.BytesIO(packed(lay(tmp_path, ["a"]))[1])) as tar:
        assert tar.getnames() == ["app", "app/a"]


@settings(max_examples=30)
@given(st.dictionaries(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=40), st.binary()))
def test_what_goes_in_comes_out(files: dict[str, bytes]) -> None:
    out = io.BytesIO()
    archive.write((archive.Entry(f"{'deep/' * 30}{n}", 0o644, data=d) for n, d in files.items()), out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        found = {Path(m.name).name: tar.extractfile(m) for m in tar if m.isfile()}
        assert {name: file.read() for name, file in found.items() if file} == files


def test_how_many_processors_there_are_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = random.Random(1).randbytes(archive.WINDOW)
    (tmp_path / "large").write_bytes(noise * (3 * archive.BLOCK // len(noise)) + b"the end")
    found = []
    for workers in (1, 5):
        monkeypatch.setattr(archive, "_WORKERS", workers)
        found.append(packed(tmp_path))
    assert found[0] == found[1]
    written, data = found[0]
    assert written.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(data)).hexdigest()}"
    assert len(data) < 1.1 * len(zlib.compress(gzip.decompress(data), archive.LEVEL)), (
        "a block refers to what stands before it"
    )
