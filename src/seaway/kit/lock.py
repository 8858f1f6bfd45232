"""One at a time, across processes: a file lock that ends with its holder, however that ends (flock(2))."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from seaway.errors import Busy

#: How whoever waits in this thread lets seconds pass.
_PAUSE: Final[ContextVar[Callable[[float], None]]] = ContextVar("pause", default=time.sleep)


@contextmanager
def waiting_by(pause: Callable[[float], None]) -> Iterator[None]:
    """Let locks that this thread waits for pass their time by `pause`, which raises to give the wait up.

    An interrupt reaches the main thread alone: others must be told in this way.
    """
    before = _PAUSE.set(pause)
    try:
        yield
    finally:
        _PAUSE.reset(before)


@contextmanager
def locked(path: Path, holder: str, tell: Callable[[str], None], patience: float = 1800) -> Iterator[None]:
    """Hold the lock at `path`; wait for `holder` for up to `patience` seconds, and `tell` it once.

    Raises Busy when the time is over, and what the pause of `waiting_by` raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end, told = time.monotonic() + patience, False
        while not _try(descriptor):
            if not told:
                tell(f"waiting for {holder} to end")
                told = True
            if time.monotonic() > end:
                raise Busy(
                    f"{holder} is still at work",
                    where=str(path),
                    remedy="wait for it, or end it, and run the command again",
                )
            _PAUSE.get()(0.1)
        yield
    finally:
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
