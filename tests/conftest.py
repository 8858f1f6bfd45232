"""Real servers that several suites speak to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from scripts.benchmark.names import KNOTD, Knot
from scripts.benchmark.registry import Guarded, Server
from seaway.kit import distribution
from seaway.providers.local import engine

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what takes its time, but nothing of the shared cluster, run beside the tests that have that."""
    for item in items:
        if item.get_closest_marker("cluster") and "tests/cluster/" not in item.nodeid:
            item.add_marker(pytest.mark.beside)


@pytest.fixture(autouse=True)
def strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the registries that a test introduced: another one may listen where they did."""
    monkeypatch.setattr(distribution, "_KNOWN", dict(distribution._KNOWN))


def find_engine() -> Path | None:
    """The engine's multi-call binary: the one that is named, or the newest in the user's cache."""
    if given := os.environ.get("SEAWAY_TEST_ENGINE"):
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seaway" / "engine"
    built = sorted(cache.glob("*/bin/engine"), key=lambda p: p.stat().st_mtime)
    return built[-1] if built else None


def program() -> list[str] | None:
    if found := find_engine():
        return [str(found), "registry"]
    return ["docker-registry"] if shutil.which("docker-registry") else None


def _server(folder: Path) -> Server:
    """A registry in a new folder; the test is skipped where there is neither the engine nor the package."""
    found = program()
    if not found:  # a checkout without root has no cluster, and needs no engine
        pytest.skip("neither the engine nor docker-registry is on this machine")
    return Server(found, folder)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with _server(tmp_path / "registry") as server:
        yield server


@pytest.fixture
def second_server(tmp_path: Path) -> Iterator[Server]:
    with _server(tmp_path / "registry-2") as server:
        yield server


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    """A registry as the machine's own is; only the engine of these very sources must know its accounts."""
    program = engine.expected().program("engine")
    if not program.is_file():  # as above: scripts/test --quick builds none
        pytest.skip("the engine is not built: seaway cluster engine")
    with Guarded((program, "registry"), tmp_path / "guarded") as server:
        yield server


@pytest.fixture
def knotd() -> None:
    """See that Knot is there: set-up brings it, but a test may be run without one."""
    if not KNOTD.is_file():
        pytest.skip("knot is not on this machine: scripts/setup")


@pytest.fixture
def knot(knotd: None, tmp_path: Path) -> Iterator[Knot]:  # noqa: ARG001
    """A real server of names with the zone shop.test, in which nothing leads anywhere."""
    with Knot(tmp_path / "knot", {"shop.test": ""}) as server:
        yield server
