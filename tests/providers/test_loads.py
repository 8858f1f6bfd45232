"""What vegeta tells of a load, and what control groups tell of its cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.model.trial import Trial
from seaway.providers.local import cgroups
from seaway.providers.local.loads import told


def test_vegetas_report_is_read() -> None:
    report = {
        "latencies": {"mean": 1, "95th": 12_500_000, "99th": 90_000_000},
        "rate": 40.2,
        "throughput": 39.5,
        "requests": 160,
        "status_codes": {"200": 150, "302": 5, "500": 3, "0": 2},
    }
    assert told(40, report) == Trial(40, 39.5, 5, 0.0125, requests=160)


def _groups(root: Path, controller: str, file: str, content: str) -> None:
    folder = root / controller / "seaway" / "one" / "node-1" / "kubepods" / "burstable" / "pod7"
    folder.mkdir(parents=True)
    (folder / file).write_text(content)


@pytest.mark.parametrize("version", [1, 2])
def test_the_cpu_of_a_pod_is_what_its_group_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    if version == 1:
        _groups(tmp_path, "cpuacct", "cpuacct.usage", "2500000000\n")
    else:
        (tmp_path / "cgroup.controllers").touch()
        _groups(tmp_path, "", "cpu.stat", "usage_usec 2500000\nuser_usec 1\n")
    groups = cgroups.below("seaway/one")
    assert cgroups.used(groups["pod7"]) == 2.5
    assert cgroups.used(tmp_path / "gone") is None
