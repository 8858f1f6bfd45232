"""A real registry (distribution v3), like the machine's own, in a folder and on a port of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self


class Server:
    """A registry that `program` serves from `folder`, which is made; it can be stopped and started."""

    def __init__(self, program: Sequence[str | Path], folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.folder = folder
        folder.mkdir()
        storage = {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}}
        log = {"level": "error", "accesslog": {"disabled": True}}
        self._config = folder / "config.yml"
        self._config.write_text(
            json.dumps({"version": 0.1, "log": log, "storage": storage, "http": {"addr": self.host}})
        )
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            argv = [*self._program, "serve", self._config]
            self._process = subprocess.Popen(argv, stdout=log, stderr=log)
        for _ in range(300):
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
        argv = [*self._program, "garbage-collect", "--quiet", self._config]
        subprocess.run(argv, check=True, capture_output=True)
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
