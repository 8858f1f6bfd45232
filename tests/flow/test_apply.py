"""Applying: in order, several at once, and an orderly end at the first failure."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import Unready
from seaway.flow.apply import apply
from seaway.model.event import Event, Outcome
from seaway.model.plan import Change, Outputs, Plan, Verb
from seaway.ports.world import Abandoned, World
from seaway.providers.local.ca import LocalCertificates
from seaway.providers.local.charts import LocalCharts
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.registry import LocalRegistry


@dataclass(frozen=True)
class Note:
    """Writes its id down, with the outputs that it saw."""

    id: str
    after: tuple[str, ...] = ()
    done: list[tuple[str, dict[str, str]]] = field(default_factory=list, hash=False)
    seconds: float = 0.0
    fails: bool = False
    waits: bool = False

    def describe(self) -> Change:
        return Change(self.id, Verb.CREATE, self.id)

    def run(self, world: World) -> Outputs:
        if self.waits:
            world.pause(30)
        time.sleep(self.seconds)
        if self.fails:
            raise Unready(f"{self.id} failed")
        self.done.append((self.id, dict(world.outputs)))
        return {self.id: "made"}


#: A command whose one step needs a lock, and is interrupted by who runs it.
WAITS = """
import sys
from pathlib import Path

from seaway.flow.apply import apply
from seaway.kit.lock import locked
from seaway.model.plan import Change, Plan, Verb
from seaway.ports.world import World


class Locks:
    id, after = "locks", ()

    def describe(self):
        return Change(self.id, Verb.CREATE, self.id)

    def run(self, world):
        with locked(Path(sys.argv[1]), "another", lambda text: print(text, flush=True)):
            raise AssertionError


apply(Plan.ordered([Locks()]), World(*[None] * 5, print))
"""


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def world(told: list[Event], tmp_path: Path) -> World:
    def connect() -> Any:
        raise AssertionError("no step here needs a cluster")

    certificates, charts = LocalCertificates(tmp_path), LocalCharts(told.append)
    return World(LocalClusters(), LocalRegistry(), certificates, charts, connect, told.append)


def test_a_step_runs_after_those_it_names_and_sees_their_outputs(world: World) -> None:
    done: list[tuple[str, dict[str, str]]] = []
    apply(Plan.ordered([Note("b", ("a",), done), Note("a", (), done)]), world)
    assert done == [("a", {}), ("b", {"a": "made"})]


def test_steps_that_do_not_wait_for_each_other_run_at_once(world: World) -> None:
    begins = time.monotonic()
    apply(Plan.ordered([Note(f"s{n}", seconds=0.3) for n in range(4)]), world)
    assert time.monotonic() - begins < 1.0


def test_the_first_failure_ends_the_plan_and_what_only_waits_gives_up(
    world: World, told: list[Event]
) -> None:
    done: list[tuple[str, dict[str, str]]] = []
    steps = [Note("bad", fails=True, seconds=0.1), Note("patient", waits=True), Note("next", ("bad",), done)]
    begins = time.monotonic()
    with pytest.raises(Unready, match="bad failed"):
        apply(Plan.ordered(steps), world)
    assert time.monotonic() - begins < 5
    assert done == []
    outcomes = {e.step: e.outcome for e in told}
    assert outcomes == {"bad": Outcome.FAILED, "patient": Outcome.NOTE}


def test_work_that_is_under_way_is_let_end(world: World) -> None:
    done: list[tuple[str, dict[str, str]]] = []
    steps = [Note("bad", fails=True, seconds=0.1), Note("busy", done=done, seconds=0.4)]
    with pytest.raises(Unready):
        apply(Plan.ordered(steps), world)
    assert [name for name, _ in done] == ["busy"]


def test_a_pause_ends_at_once_when_the_rest_is_given_up(world: World) -> None:
    threading.Timer(0.1, world.stop.set).start()
    with pytest.raises(Abandoned):
        world.pause(30)


def test_one_interrupt_ends_a_step_that_waits_for_a_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        words: list[str | Path] = [sys.executable, "-c", WAITS, lock]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
            assert running.stdout
            assert running.stdout.readline() == "waiting for another to end\n"
            os.kill(running.pid, signal.SIGINT)
            try:
                said, wrong = running.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                running.kill()
                raise
    assert "left: create locks" in said
    assert wrong.splitlines()[-1] == "KeyboardInterrupt"


def test_two_steps_of_one_id_are_a_fault_of_the_planner() -> None:
    with pytest.raises(ValueError, match="share an id"):
        Plan.ordered([Note("a"), Note("a")])
