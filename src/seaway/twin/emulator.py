"""EC2, ECR, IAM, STS, ACM and Route 53 on loopback, by moto, as a program of its own."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from seaway.errors import MissingTool, Unready
from seaway.kit import process
from seaway.twin.eks import ACCOUNT

#: Seconds in which it must answer.
PATIENCE: Final = 60.0
#: What the extra `twin` brings, by the module that shows it.
NEEDS: Final = {"moto": "moto", "flask": "flask", "flask_cors": "flask-cors"}


def require() -> None:
    """Raise MissingTool where moto, or what it needs as a server, is not installed."""
    if missing := [package for module, package in NEEDS.items() if find_spec(module) is None]:
        raise MissingTool(
            f"this Python lacks {', '.join(missing)}",
            why="moto plays AWS in a rehearsal of production",
            remedy="install Seaway with its extra, such as: uv tool install 'seaway[twin]'",
        )


@contextmanager
def emulating(folder: Path, account: str = ACCOUNT) -> Iterator[str]:
    """Run it until the end of the block; gives its URL. Its story goes to `folder`.

    Raises MissingTool as `require` does, Unready where it does not answer in time.
    """
    require()
    port, log = _free_port(), folder / "moto.log"
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    own = {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_ACM_VALIDATION_WAIT": "0"}
    env = {**os.environ, **own, "MOTO_ACCOUNT_ID": account}
    with process.beside(argv, log=log, env=env) as runs:
        ends = time.monotonic() + PATIENCE
        while not _answers(port):
            if not runs() or time.monotonic() > ends:
                raise Unready("moto does not answer", where=str(log), why=_last(log))
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _last(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").strip().splitlines()[-6:])
