"""A real PostgreSQL for the tests: a new one in a temporary directory, gone afterwards."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from .ports import free_port

PASSWORD = "for-tests-only"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB")
PLAIN = ("max_connections=200", "listen_addresses=127.0.0.1")


def binaries() -> Path | None:
    """Where the newest PostgreSQL of this machine has initdb and postgres."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    known = shutil.which("initdb")
    return Path(known).resolve().parent if known else None


class Postgres:
    """A server that listens on the loopback address only."""

    def __init__(self) -> None:
        programs = binaries()
        if programs is None:
            raise SystemExit("PostgreSQL is missing: apt-get install postgresql")
        self._programs = programs
        self._home = Path(tempfile.mkdtemp(prefix="thoughts-postgres-"))
        self._numbers = itertools.count(1)
        self.port = free_port()
        self._make()
        self.launch()

    def new_database(self, name: str = "test") -> str:
        """The URL of a new, empty database."""
        database = f"{name}_{next(self._numbers)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self._url(database)

    def restart(self) -> None:
        """Breaks every connection, as a failing server would."""
        self.halt()
        self.launch()

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self._home, ignore_errors=True)

    def _url(self, database: str) -> str:
        return f"postgresql://owner:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def _make(self) -> None:
        secret = self._home / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (self._home, secret):
                shutil.chown(path, "postgres", "postgres")
        self._run(
            *("initdb", "--auth=scram-sha-256", "--username=owner", "--encoding=UTF8"),
            *(f"--pwfile={secret}", "--locale=C.UTF-8", "--no-sync", f"--pgdata={self._data}"),
        )

    def launch(self) -> None:
        settings = [*FAST, *PLAIN, f"port={self.port}", f"unix_socket_directories={self._home}"]
        options = [part for setting in settings for part in ("-c", setting)]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_nobody_special(), self._programs / "postgres", "-D", self._data, *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self._home,
            )
        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(self._url("postgres")).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self._process.kill()
                    raise RuntimeError((self._home / "log").read_text()) from None
                time.sleep(0.05)
            else:
                return

    def halt(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # "fast": sessions are ended, not awaited
        self._process.wait(20)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*_as_nobody_special(), self._programs / program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self._home, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    @property
    def _data(self) -> str:
        return str(self._home / "data")


def _as_nobody_special() -> list[str]:
    """PostgreSQL refuses to run as root: root starts it as the user that Debian made for it."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
