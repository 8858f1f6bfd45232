"""Tar archives that come out the same, bit for bit, wherever and whenever they are written."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
import tarfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

#: Time of every member, in seconds since 1970: content decides a digest, the clock never does.
EPOCH = 0
#: zlib level: beyond it the size shrinks by 3 percent and the time doubles.
LEVEL = 4
#: Bytes that are pressed at once, and those before them that they may refer to (RFC 1951: 32 KiB).
BLOCK = 1 << 20
WINDOW = 1 << 15
_WORKERS = os.cpu_count() or 1
#: How a gzip member begins that says nothing of where it is from (RFC 1952, 2.3), and an empty last block.
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_END = b"\x03\x00"


@dataclass(frozen=True)
class Entry:
    """One member. A file has `source` (a path) or `data`; a link has `target`; a folder has neither.

    `hard` makes the link a hard one, to a member that was written before.
    """

    name: str
    mode: int = 0o755
    source: Path | None = None
    data: bytes | None = None
    target: str = ""
    hard: bool = False
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class Written:
    """What was written: `digest` and `size` of the compressed bytes, `diff_id` of the plain tar."""

    digest: str
    diff_id: str
    size: int


def tree(root: Path, under: str = "", uid: int = 0, gid: int = 0) -> Iterator[Entry]:
    """Every file, folder and link below `root`, sorted, named below `under`.

    Modes are normalised (755 for folders and whatever anybody may run, 644 for the rest), owners are
    replaced; sockets, pipes and devices are left out.
    """
    first: dict[tuple[int, int], str] = {}
    for path in sorted(root.rglob("*"), key=lambda p: p.relative_to(root).parts):
        name = str(Path(under) / path.relative_to(root))
        seen = path.lstat()
        if stat.S_ISLNK(seen.st_mode):
            yield Entry(name, 0o777, target=str(path.readlink()), uid=uid, gid=gid)
        elif stat.S_ISDIR(seen.st_mode):
            yield Entry(name, 0o755, uid=uid, gid=gid)
        elif stat.S_ISREG(seen.st_mode):
            mode = 0o755 if seen.st_mode & 0o111 else 0o644
            inode = (seen.st_dev, seen.st_ino)
            if seen.st_nlink > 1 and inode in first:
                yield Entry(name, mode, target=first[inode], hard=True, uid=uid, gid=gid)
                continue
            first[inode] = name
            yield Entry(name, mode, source=path, uid=uid, gid=gid)


def write(entries: Iterable[Entry], out: BinaryIO) -> Written:
    """Write a gzip-compressed tar of `entries`, in their order, with the folders they need before them."""
    known: set[str] = set()
    with closing(_Squeeze(out)) as squeeze:
        with tarfile.open(
            fileobj=cast("IO[bytes]", squeeze), mode="w|", format=tarfile.PAX_FORMAT, bufsize=BLOCK
        ) as tar:
            for entry in entries:
                for parent in reversed(Path(entry.name).parents):
                    if str(parent) not in {".", *known}:
                        _add(tar, Entry(str(parent)))
                        known.add(str(parent))
                if entry.name not in known:
                    _add(tar, entry)
                    known.add(entry.name)
        return squeeze.finish()


def _add(tar: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.name)
    info.mode, info.uid, info.gid, info.mtime = entry.mode, entry.uid, entry.gid, EPOCH
    if entry.target:
        info.type = tarfile.LNKTYPE if entry.hard else tarfile.SYMTYPE
        info.linkname = entry.target
        tar.addfile(info)
    elif entry.source is not None:
        with entry.source.open("rb") as file:
            info.size = entry.source.stat().st_size
            tar.addfile(info, file)
    elif entry.data is not None:
        info.size = len(entry.data)
        tar.addfile(info, io.BytesIO(entry.data))
    else:
        info.type = tarfile.DIRTYPE
        tar.addfile(info)


class _Squeeze(io.RawIOBase):
    """Compresses what is written to it, on every processor, and hashes both sides.

    A gzip member (RFC 1952) without name or time. Each block is pressed by itself with the end of the one
    before as its dictionary (RFC 1951, 3.2.3 and zlib's Z_SYNC_FLUSH), so that how many do it at once
    changes no byte.
    """

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self._out = out
        self._pool = ThreadPoolExecutor(_WORKERS)
        self._pressed: deque[Future[bytes]] = deque()
        self._waiting, self._before = bytearray(), b""
        self._plain, self._packed, self._size = hashlib.sha256(), hashlib.sha256(), 0
        self._check, self._length = 0, 0
        self._emit(_HEAD)

    def write(self, data: bytes, /) -> int:  # type: ignore[override]  # tarfile gives bytes
        self._waiting += data
        while len(self._waiting) >= BLOCK:
            self._press(bytes(self._waiting[:BLOCK]))
            del self._waiting[:BLOCK]
        return len(data)

    def finish(self) -> Written:
        self._press(bytes(self._waiting))
        while self._pressed:
            self._emit(self._pressed.popleft().result())
        self._emit(_END + struct.pack("<II", self._check, self._length & 0xFFFFFFFF))
        self._out.flush()
        return Written(f"sha256:{self._packed.hexdigest()}", f"sha256:{self._plain.hexdigest()}", self._size)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        super().close()

    def _press(self, block: bytes) -> None:
        self._pressed.append(self._pool.submit(_press, block, self._before))
        self._before = block[-WINDOW:]
        self._plain.update(block)
        self._check, self._length = zlib.crc32(block, self._check), self._length + len(block)
        while len(self._pressed) > 2 * _WORKERS or (self._pressed and self._pressed[0].done()):
            self._emit(self._pressed.popleft().result())

    def _emit(self, data: bytes) -> None:
        self._out.write(data)
        self._packed.update(data)
        self._size += len(data)


def _press(block: bytes, before: bytes) -> bytes:
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -15, zdict=before)
    return deflate.compress(block) + deflate.flush(zlib.Z_SYNC_FLUSH)
