"""A real registry (distribution v3) on a port of its own: in the clear, or in the form of the machine's."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from seaway.kit.distribution import introduce
from seaway.providers.local.access import PUSH, Access


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


class Guarded(Server):
    """One as the machine's own is: over TLS, with a password for each of its accounts."""

    def __init__(self, program: Sequence[str | Path], folder: Path) -> None:
        super().__init__(program, folder)
        self.access = Access(self.host, folder / "access", folder / "ca")
        self.access.make()
        self._config.write_text(json.dumps(self.access.configuration(folder / "data")))
        introduce(self.host, self.access.known())

    def environment(self, account: str = PUSH) -> dict[str, str]:
        """What lets other programs reach it as one of its accounts: variables of Go and of Docker."""
        return {
            "SSL_CERT_FILE": self.access.certificates.authority_path(),
            "DOCKER_CONFIG": str(self.access.login_file(account).parent),
        }
