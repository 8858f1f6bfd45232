"""What is told of a day's load, and that a report is written also where a part of it fails."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmark.__main__ import report
from scripts.benchmark.day import NODES, Hour, Look, Town, _hurried, against, figures, share
from scripts.rehearsal.load import Answer
from scripts.rehearsal.seaway import Seaway
from scripts.rehearsal.town import EXAMPLE
from seaway.flow.load import load

HOUR = 10


def _hour(times: int, began: float, *, late: int = 0, failed: int = 0) -> Hour:
    """An hour of `times` answers a second: so many of the last are late, and so many of these failed."""
    count = times * HOUR
    taken = [0.3 if number >= count - late else 0.01 for number in range(count)]
    codes = [503 if number >= count - failed else 200 for number in range(count)]
    answers = [
        Answer(began + number / times, seconds, "/", code, "", "", "")
        for number, (seconds, code) in enumerate(zip(taken, codes, strict=True))
    ]
    return Hour(times, HOUR, tuple(answers))


def test_each_step_of_the_load_tells_what_was_reached() -> None:
    hours = [_hour(1, 0), _hour(1, 10), _hour(10, 20, late=30, failed=20), _hour(1, 30), _hour(1, 40)]
    looks = [Look(5, 1, 1, 1), Look(25, 2, 3, 2), Look(42, 1, 1, 1)]
    told = figures(hours, looks, ended=40)
    assert [
        (each["times"], each["answered_per_s"], each["failed"], each["seconds_late"], each["p95_ms"])
        for each in told["day_steps"]
    ] == [(1, 1.0, 0, 0, 10.0), (10, 8.0, 20, 5, 300.0), (1, 1.0, 0, 0, 10.0)]
    assert (told["day_requests"], told["day_failed"], told["day_seconds_late"]) == (140, 20, 5)
    assert (told["day_pods_most"], told["day_nodes_most"], told["day_gone_after_s"]) == (3, 2, 2)


def test_a_node_that_stays_is_no_number() -> None:
    assert figures([_hour(1, 0)], [Look(5, 1, 1, 2), Look(15, 1, 1, 2)], ended=10)["day_gone_after_s"] is None


def test_what_was_foreseen_stands_beside_what_it_took_from_the_peak_on() -> None:
    hours = [_hour(1, 0), _hour(10, 10), _hour(1, 20)]
    looks = [
        Look(5, 9, 9, 9, {"front": 9, "users": 9}),
        Look(12, 3, 4, 2, {"front": 4, "users": 2}),
        Look(22, 2, 2, 1, {"front": 2, "users": 3}),
    ]
    foreseen = {
        "requests": {"front": 4, "users": 2, NODES: 1},
        "load": {"front": 6, "users": 3, NODES: 2},
    }
    told = against(foreseen, hours, looks)
    assert [(each["of"], each["took"]) for each in told] == [("front", 4), ("users", 3), (NODES, 2)]
    assert [each["foreseen"]["requests"] for each in told] == [4, 2, 1]
    assert [each["error"] for each in told] == [
        {"requests": 0, "load": 2},
        {"requests": -1, "load": 0},
        {"requests": -1, "load": 0},
    ]


def test_only_what_the_routes_lead_to_the_service_is_foreseen_of_it(tmp_path: Path) -> None:
    file = tmp_path / "seaway.yaml"
    town = Town(file, Seaway(file, {}), "front", "/a/", ("/a/", "/b"), ("/a/", "/b?c", "/", "/a/d"), 20, 10)
    assert town.most == 150


@pytest.mark.parametrize(("cores", "night"), [(1, 10), (2, 20), (20, 200), (64, 200)])
def test_the_example_gets_as_much_as_the_machine_may_bear(cores: int, night: int) -> None:
    assert share(cores) == night


def test_replicas_of_the_example_go_within_its_short_day(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "system", ignore=shutil.ignore_patterns(".venv"))
    system = load(_hurried(tmp_path / "system" / "seaway.yaml"))
    calm = {name: service.scale.calm_seconds for name, service in system.services.items()}
    assert calm == {"frontend": 15, "users": 10, "thoughts": 15}


def _parts(*found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from found
    raise RuntimeError("the cluster is gone")


def test_what_was_measured_is_written_although_a_part_fails(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    with pytest.raises(RuntimeError, match="gone"):
        report(file, _parts({"a": 1.0}, {"b": 2.0}), {"a": 1.5, "b": 1.5, "c": 1.5})
    told = json.loads(file.read_text())
    assert (told["figures"], told["kept"]) == ({"a": 1.0, "b": 2.0}, {"a": True, "b": False})
    assert told["error"] == "RuntimeError: the cluster is gone"


def test_a_promise_is_kept_by_a_figure_that_was_reached(tmp_path: Path) -> None:
    assert report(tmp_path / "a.json", [{"a": 1.0}], {"a": 1.0})
    assert not report(tmp_path / "b.json", [{"a": None}], {"a": 1.0})
    assert json.loads((tmp_path / "a.json").read_text())["error"] == ""
