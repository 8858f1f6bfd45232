"""Layers made once and found again; a full disk and a kill leave nothing half done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seaway.kit.archive import Entry
from seaway.rooms.images.store import Store, key

FILL_A_DISK = """
import os, sys
from pathlib import Path
from seaway.errors import SeawayError
from seaway.kit.archive import Entry
from seaway.rooms.images.store import Store
folder = Path(sys.argv[1])
store = Store(folder)
try:
    store.layer("k", "", lambda: [Entry("big", data=os.urandom(4 << 20))])
except SeawayError as error:
    left = [p.name for p in folder.rglob("*") if p.is_file() and p.parent.name != "locks"]
    print(error, "|", error.where, "|", left)
"""


def one(text: bytes = b"x") -> list[Entry]:
    return [Entry("a/b", 0o644, data=text)]


def test_a_layer_is_made_once(tmp_path: Path) -> None:
    made = []

    def entries() -> Iterator[Entry]:
        made.append(1)
        yield from one()

    first = Store(tmp_path).layer("k", "about", entries)
    assert Store(tmp_path).layer("k", "about", entries) == first
    assert made == [1]
    assert Store(tmp_path).blob(first.digest).stat().st_size == first.size


def test_a_layer_that_many_want_at_once_is_made_once(tmp_path: Path) -> None:
    made = []

    def entries() -> Iterator[Entry]:
        made.append(1)
        time.sleep(0.1)
        yield from one()

    with ThreadPoolExecutor(4) as pool:
        layers = list(pool.map(lambda _: Store(tmp_path).layer("k", "", entries), range(4)))
    assert len(set(layers)) == 1
    assert made == [1]


def test_a_layer_whose_bytes_are_gone_is_made_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.layer("k", "", one)
    store.blob(first.digest).unlink()
    assert store.layer("k", "", one) == first
    assert store.blob(first.digest).is_file()


def test_a_layer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def entries() -> Iterator[Entry]:
        yield from one()
        raise RuntimeError("no network")

    with pytest.raises(RuntimeError, match="no network"):
        Store(tmp_path).layer("k", "", entries)
    assert [p for p in tmp_path.rglob("*") if p.is_file() and p.parent.name != "locks"] == []
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".part")] == []


def test_a_tree_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def make(part: Path) -> None:
        (part / "file").write_text("x")

    def fail(part: Path) -> None:
        make(part)
        raise RuntimeError("killed")

    store = Store(tmp_path)
    with pytest.raises(RuntimeError, match="killed"):
        store.tree("t", fail)
    assert not (tmp_path / "trees/t").exists()
    assert (store.tree("t", make) / "file").read_text() == "x"
    assert store.tree("t", fail) == tmp_path / "trees/t"


def test_forgotten_things_are_made_anew(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.layer("k", "", one)
    store.forget("k")
    assert (
        store.layer("k", "", lambda: one(b"new")).digest != Store(tmp_path / "2").layer("k", "", one).digest
    )


def test_what_no_build_uses_is_trimmed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old, new = store.layer("old", "", one), store.layer("new", "", lambda: one(b"y"))
    store.buildah.mkdir()
    for path in (store.blob(old.digest), store.buildah):
        os.utime(path, (1, 1))
    store.trim()
    assert not store.blob(old.digest).exists()
    assert not store.buildah.exists()
    assert store.blob(new.digest).exists()


def test_what_a_killed_build_left_is_trimmed_but_not_what_a_build_is_at(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for place in (tmp_path, tmp_path / "blobs", tmp_path / "index", tmp_path / "trees"):
        for name in (".part-dead", ".part-new"):
            (place / name).mkdir()
            (place / name / "part").touch()
        os.utime(place / ".part-dead", (1, 1))
    with store.scratch() as busy:
        os.utime(busy, (1, 1))
        Store(tmp_path).trim()
        left = sorted(path for path in tmp_path.rglob(".part-*"))
        assert left == sorted([busy, *(path for path in left if path.name == ".part-new")])
        assert len(left) == 5
    assert not busy.exists()


def test_keys_follow_every_part() -> None:
    assert key("a", ["b"]) == key("a", ["b"])
    assert len({key("a", ["b"]), key("a", ["c"]), key("ab"), key("a", "b")}) == 4


# Whoever is not root may run the other tests: scripts/test --quick asks for no more.
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounts a small disk: root")
def test_a_full_disk_is_named_and_nothing_stays(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=1m none "$1" && exec "$2" -c "$3" "$1"'
    argv = ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FILL_A_DISK]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert told.strip() == f"the disk is full: nothing was changed | {tmp_path} | []"
