"""The layers made on this machine, by what went into them: made once, found again for nothing."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seaway.errors import SeawayError
from seaway.kit import archive, cache
from seaway.kit.lock import locked
from seaway.kit.oci import Layer

#: Layers that no build has used for this long, in seconds, are removed.
KEEP = 30 * 24 * 3600
#: What a killed build left half-made is removed after this long, in seconds: who lives holds its own by then.
LEFT = 60


def key(*parts: Any) -> str:
    """One hash of everything that goes into a thing; the parts must be JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Store:
    """A folder with blobs by digest, layers and trees by key. What is in it is whole: temp, then rename."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache.folder() / "layers"
        self._blobs, self._index, self._trees = (self.folder / n for n in ("blobs", "index", "trees"))
        #: Where buildah keeps the steps of Dockerfiles, in its own way.
        self.buildah = self.folder / "buildah"
        with full_disk(self.folder):
            for each in (self._blobs, self._index, self._trees):
                each.mkdir(parents=True, exist_ok=True)

    def blob(self, digest: str) -> Path:
        return self._blobs / digest.removeprefix("sha256:")

    def layer(self, key: str, comment: str, entries: Callable[[], Iterable[archive.Entry]]) -> Layer:
        """Find the layer of `key`, written from `entries()` where it is not there yet."""
        if known := self._known(key):
            return known
        with self._alone(key):
            if known := self._known(key):
                return known
            with full_disk(self.folder), self._temporary(self._blobs) as part:
                with part.open("wb") as out:
                    written = archive.write(entries(), out)
                part.replace(self.blob(written.digest))
            layer = Layer(written.digest, written.diff_id, written.size, comment=comment)
            self.remember(key, asdict(layer))
            return layer

    def tree(self, key: str, make: Callable[[Path], None]) -> Path:
        """Find the folder of `key`, filled by `make` where it is not there yet."""
        place = self._trees / key
        if not place.is_dir():
            with self._alone(f"tree-{key}"), full_disk(self.folder), self._temporary(self._trees) as part:
                if not place.is_dir():
                    part.mkdir()
                    make(part)
                    part.rename(place)
        os.utime(place)
        return place

    def keep(self, digest: str) -> bool:
        """Say whether the blob is here; if so, it counts as used today."""
        try:
            os.utime(self.blob(digest))
        except FileNotFoundError:
            return False
        return True

    def recall(self, key: str) -> dict[str, Any] | None:
        try:
            known: dict[str, Any] = json.loads((self._index / key).read_text())
        except (OSError, ValueError):
            return None
        return known

    def remember(self, key: str, facts: dict[str, Any]) -> None:
        with full_disk(self.folder), self._temporary(self._index) as part:
            part.write_text(json.dumps(facts))
            part.replace(self._index / key)

    def facts(self, key: str, find: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Recall what is known under `key`, found out by `find` where nothing is: by one build for all."""
        known = self.recall(key)
        if known is None:
            with self._alone(key):
                known = self.recall(key)
                if known is None:
                    known = find()
                    self.remember(key, known)
        return known

    def forget(self, key: str) -> None:
        """Let the next build make it anew."""
        (self._index / key).unlink(missing_ok=True)
        shutil.rmtree(self._trees / key, ignore_errors=True)

    def trim(self, keep: float = KEEP) -> None:
        """Remove what no build has used for `keep` seconds, and what dead builds left."""
        now = time.time()
        for folder in (self.folder, self._blobs, self._index, self._trees):
            for path in folder.glob(".part-*"):
                _sweep(path, now - LEFT)
        for path in (*self._blobs.glob("[!.]*"), *self._trees.glob("[!.]*"), self.buildah):
            _remove(path, now - keep)

    def _known(self, key: str) -> Layer | None:
        known = self.recall(key)
        return Layer(**known) if known and self.keep(known["digest"]) else None

    def _alone(self, key: str) -> AbstractContextManager[None]:
        """Let one build make a thing while others that want it wait."""
        return locked(self.folder / "locks" / key, "another build", lambda _: None)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder that is gone in the end."""
        with full_disk(self.folder), _held(self.folder) as made:
            yield made

    @contextmanager
    def _temporary(self, folder: Path) -> Iterator[Path]:
        """Give a name beside the place where it will end; nothing is left of it in the end."""
        with _held(folder) as made:
            yield made / "part"


@contextmanager
def _held(folder: Path) -> Iterator[Path]:
    """Make a folder that is gone in the end, and locked until then: a dead build's is not (flock(2))."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as made, _open(made) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield Path(made)


@contextmanager
def _open(folder: str | Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sweep(folder: Path, oldest: float) -> None:
    """Remove what a dead build left; what lives is locked, or too new to be."""
    with suppress(FileNotFoundError, BlockingIOError):
        if folder.stat().st_mtime < oldest:
            with _open(folder) as descriptor:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


def _remove(path: Path, oldest: float) -> None:
    """Remove a file or a folder that nobody has touched since `oldest`; another build may have been first."""
    with suppress(FileNotFoundError):
        if path.stat().st_mtime >= oldest:
            return
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


@contextmanager
def full_disk(where: Path) -> Iterator[None]:
    """Turn 'no space left' into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise SeawayError(
            "the disk is full: nothing was changed",
            where=str(where),
            why=str(error),
            remedy="make room there, or set XDG_CACHE_HOME to a folder on another disk, and run it again",
        ) from error
