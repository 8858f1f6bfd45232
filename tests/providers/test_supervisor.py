"""Services under a real s6-svscan: what is taken away is gone, and can come back."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seaway.kit import process
from seaway.providers.local import supervisor
from seaway.providers.local.supervisor import Service

pytestmark = pytest.mark.skipif(not shutil.which("s6-svscan"), reason="s6 is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A watched scan folder with two services, which say when they run."""
    place = tmp_path / "services"
    supervise(place, "one", "two")
    until(lambda: runs(place, "one") and runs(place, "two"))
    yield place
    process.run("s6-svscanctl", "-q", place)
    until(lambda: not supervisor.scanning(place))


def supervise(place: Path, *names: str) -> None:
    logs = place.parent / "logs"
    logs.mkdir(exist_ok=True)
    supervisor.write(place, [Service(name, ("sleep", "600")) for name in names], logs)
    supervisor.start(place, "", logs / "supervisor.log")


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def pid(place: Path, name: str) -> str:
    return process.run("s6-svstat", "-o", "pid", place / name, check=False).strip()


def runs(place: Path, name: str) -> bool:
    return pid(place, name) not in {"", "-1"}


def supervisors(place: Path, name: str) -> list[str]:
    """The command lines of this service's supervisors, for the service and its log."""
    mine = (f"s6-supervise\0{name}\0".encode(), f"s6-supervise\0{name}/log\0".encode())
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            ours = each.joinpath("cwd").readlink().is_relative_to(place)
            if ours and (each / "cmdline").read_bytes() in mine:
                found.append(each.name)
        except OSError:
            continue
    return found


def test_a_service_that_is_removed_leaves_neither_supervisor_nor_folder(folder: Path) -> None:
    assert len(supervisors(folder, "one")) == 2
    other = pid(folder, "two")
    began = time.monotonic()
    supervisor.remove(folder, "one")
    assert time.monotonic() - began < 3, "s6-svunlink's time-out is 5 s"
    assert supervisors(folder, "one") == []
    assert sorted(path.name for path in folder.iterdir()) == [".s6-svscan", "two"]
    assert pid(folder, "two") == other


def test_a_service_that_was_removed_comes_back_under_its_name(folder: Path) -> None:
    supervisor.remove(folder, "one")
    supervise(folder, "one", "two")
    until(lambda: runs(folder, "one"))


def test_a_removal_that_was_cut_off_is_ended_by_the_next_one(folder: Path) -> None:
    (folder / "one").rename(folder / ".one")
    supervisor.remove(folder, "one")
    assert supervisors(folder, "one") == []
    assert not (folder / ".one").exists()


def test_a_service_that_is_not_there_can_be_removed(folder: Path) -> None:
    supervisor.remove(folder, "three")
    assert runs(folder, "one")


def test_a_service_that_is_restarted_runs_as_it_is_written_now(folder: Path) -> None:
    before, other = pid(folder, "one"), pid(folder, "two")
    supervisor.write(folder, [Service("one", ("sleep", "700"))], folder.parent / "logs")
    supervisor.restart(folder, "one")
    after = pid(folder, "one")
    assert after not in {"", "-1", before}
    assert Path(f"/proc/{after}/cmdline").read_bytes() == b"sleep\x00700\x00"
    assert pid(folder, "two") == other
