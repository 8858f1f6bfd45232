"""The monolith and the services as real processes, started as in production."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import yaml

from .ports import free_port

ROOT = Path(__file__).resolve().parent.parent
SERVICES = yaml.safe_load((ROOT / "seaway.yaml").read_text())["services"]
SECRETS = {
    "SESSION_KEY": "a-session-key-that-only-the-tests-have",
    "EXPORT_TOKEN": "an-export-token-that-only-the-tests-have",
}
PATIENCE = 20


class Server:
    """One started program; its output is shown if it does not come up."""

    def __init__(
        self,
        command: list[str],
        port: int,
        folder: Path,
        env: dict[str, str],
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115, stop() closes it
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **SECRETS, **env},
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def get(self, path: str, **options: object) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: object) -> httpx.Response:
        return self.request("POST", path, **options)

    def request(self, method: str, path: str, **options: object) -> httpx.Response:
        """On a connection and with cookies of its own; as it is no https, without certificates."""
        return httpx.request(method, self.url + path, timeout=10, verify=False, **options)

    def answers(self, path: str, status: int = 200) -> bool:
        try:
            return self.get(path).status_code == status
        except httpx.TransportError:
            return False

    def wait_for(self, path: str) -> "Server":
        """Returns once the path answers 200."""
        if not eventually(lambda: self.answers(path) or self.ended()) or self.ended():
            output = self.output()
            self.kill()
            raise AssertionError(f"{self.url}{path} does not come up\n{output}")
        return self

    def output(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def wait(self) -> int:
        """The exit status of a program that ends by itself."""
        return self._process.wait(PATIENCE)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def terminate(self) -> None:
        """Asks it to end."""
        if not self.ended():
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Ends it as Kubernetes does; returns its exit status."""
        self.terminate()
        return self.wait()

    def kill(self) -> None:
        """Ends it and all that it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()


def start_monolith(database: str, *options: str, port: int = 0, **env: str) -> Server:
    """Through monolith/serve, so migrated and seeded."""
    port = port or free_port()
    bind = f"127.0.0.1:{port}"
    command = [sys.executable, str(ROOT / "monolith/serve"), "--bind", bind, *options]
    return Server(command, port, ROOT, {"DATABASE_URL": database, **env})


def start_service(name: str, port: int = 0, **env: str) -> Server:
    """With the command line that seaway.yaml has."""
    port = port or free_port()
    run = SERVICES[name]["run"].replace("0.0.0.0:8000", f"127.0.0.1:{port}")
    command = [sys.executable, "-m", *shlex.split(run)]
    return Server(command, port, ROOT / name, env)


def manage(database: str, *command: str) -> str:
    """Runs a management command of the monolith and returns what it prints."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "monolith/manage.py"), *command],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database, **SECRETS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def eventually(true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False
