from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from seaway.errors import Busy
from seaway.kit.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from seaway.kit.lock import locked
with locked(Path(sys.argv[1]), "x", print):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def held(tmp_path: Path) -> tuple[Path, subprocess.Popen[str]]:
    """A lock that another process holds."""
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    return path, holder


def test_the_second_waits_and_says_so_once(held: tuple[Path, subprocess.Popen[str]]) -> None:
    path, holder = held
    told: list[str] = []
    with (
        pytest.raises(Busy, match="another up is still at work"),
        locked(path, "another up", told.append, 0.3),
    ):
        raise AssertionError("the lock was given twice")
    holder.kill()
    holder.communicate()
    assert told == ["waiting for another up to end"]


def test_a_lock_ends_with_its_holder_however_that_ends(held: tuple[Path, subprocess.Popen[str]]) -> None:
    path, holder = held
    holder.kill()
    began = time.monotonic()
    with locked(path, "another up", lambda _: None, 5):
        assert time.monotonic() - began < 2
    holder.communicate()


def test_a_lock_may_be_taken_again_once_it_is_free(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "a" / "lock", "x", lambda _: None, 0):
            pass
