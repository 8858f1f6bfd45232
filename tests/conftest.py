"""Real servers that several suites speak to."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def find_engine() -> Path | None:
    """The engine's multi-call binary: the one that is named, or the newest in the user's cache."""
    if given := os.environ.get("SEAWAY_TEST_ENGINE"):
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seaway" / "engine"
    built = sorted(cache.glob("*/bin/engine"), key=lambda p: p.stat().st_mtime)
    return built[-1] if built else None


class Server:
    """A real registry (distribution v3) on a loopback port of its own; it can be stopped and started."""

    def __init__(self, program: list[str], folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.folder = folder
        self._config = folder / "config.yml"
        self._config.write_text(CONFIG.format(folder=folder / "data", port=self.port))
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            argv = [*self._program, "serve", str(self._config)]
            self._process = subprocess.Popen(argv, stdout=log, stderr=log)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def clean(self) -> None:
        """Take away what no manifest names, while nobody is served."""
        self.stop()
        argv = [*self._program, "garbage-collect", "--quiet", str(self._config)]
        subprocess.run(argv, check=True, capture_output=True)
        self.start()


def program() -> list[str] | None:
    if engine := find_engine():
        return [str(engine), "registry"]
    return ["docker-registry"] if shutil.which("docker-registry") else None


@contextmanager
def _serving(folder: Path) -> Iterator[Server]:
    """Run a registry in a new folder; skip the test where there is neither the engine nor the package."""
    found = program()
    if not found:
        pytest.skip("neither the engine nor docker-registry is on this machine")
    folder.mkdir()
    server = Server(found, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with _serving(tmp_path / "registry") as server:
        yield server


@pytest.fixture
def second_server(tmp_path: Path) -> Iterator[Server]:
    with _serving(tmp_path / "registry-2") as server:
        yield server
