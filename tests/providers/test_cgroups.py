"""Groups are counted while others come and go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seaway.providers.local import cgroups


@contextmanager
def _coming_and_going(top: Path) -> Iterator[None]:
    """Make and remove groups below `top` all the time, as pods do."""
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            inner = top / "pod" / "container"
            inner.mkdir(parents=True)
            inner.rmdir()
            inner.parent.rmdir()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_processes_are_found_while_groups_below_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cgroup.controllers").touch()
    top = tmp_path / "node"
    (top / "daemons").mkdir(parents=True)
    (top / "daemons" / "cgroup.procs").write_text("7\n8\n")
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    with _coming_and_going(top):
        assert all(cgroups.processes("node") == {7, 8} for _ in range(2000))
