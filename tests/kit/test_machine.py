from __future__ import annotations

import socket
from pathlib import Path

import pytest

from seaway.kit import machine
from seaway.kit.machine import Level


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        found = machine.port(number, "choose another")
    assert (found.level, found.remedy) == (Level.FAIL, "choose another")
    assert machine.port(number, "").level is Level.OK


@pytest.mark.parametrize(("have", "level"), [("cpu io memory pids", Level.OK), ("cpu io", Level.FAIL)])
def test_control_groups_need_their_controllers(tmp_path: Path, have: str, level: Level) -> None:
    (tmp_path / "cgroup.controllers").write_text(have)
    assert machine.cgroups(tmp_path).level is level


def test_control_groups_of_version_one_are_folders(tmp_path: Path) -> None:
    for name in ("cpu", "memory"):
        (tmp_path / name).mkdir()
    assert machine.cgroups(tmp_path).why == "pids cannot be limited here"


def test_memory_is_judged_by_what_is_available(tmp_path: Path) -> None:
    table = tmp_path / "meminfo"
    table.write_text("MemTotal: 9 kB\nMemAvailable:    1572864 kB\n")
    assert machine.memory(least=1, enough=1.2, table=table).level is Level.OK
    assert machine.memory(least=1, enough=2, table=table).level is Level.WARN
    assert machine.memory(least=1.6, enough=2, table=table).level is Level.FAIL


def test_space_is_looked_for_where_the_folder_would_be(tmp_path: Path) -> None:
    assert machine.disk(tmp_path / "not" / "yet", least=0, enough=0).level is Level.OK
    assert machine.disk(tmp_path, least=1e9, enough=1e9).level is Level.FAIL


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (found,) = machine.programs(["s6-svscan"])
    assert (found.level, found.remedy) == (Level.FAIL, "apt-get install s6")
