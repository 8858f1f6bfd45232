"""The only place that starts a process."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from seaway.errors import MissingTool, ProcessFailed

#: Which Debian package brings a program, for the error that names it.
PACKAGES = {
    "ip": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "setsid": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "runc": "runc",
    "s6-svscan": "s6",
    "s6-svc": "s6",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "sysctl": "procps",
}


def require(*programs: str) -> None:
    """Raise MissingTool, naming every program that is not on the PATH and the packages that bring them."""
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        packages = sorted({PACKAGES.get(p, p) for p in missing})
        raise MissingTool(
            f"this machine lacks {', '.join(missing)}",
            why="Seaway runs nodes and builds images with them",
            remedy=f"apt-get install {' '.join(packages)}",
        )


def run(
    *argv: str | Path,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    timeout: float | None = None,
) -> str:
    """Run a program to its end and return its standard output.

    Raises MissingTool where it is not installed, ProcessFailed with the last lines of its story where it
    fails (unless `check` is false) or takes longer than `timeout` seconds.
    """
    words = [str(a) for a in argv]
    try:
        done = subprocess.run(
            words, input=stdin, env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError:
        require(words[0])
        raise
    except subprocess.TimeoutExpired as error:
        raise ProcessFailed(
            f"{words[0]} did not end within {timeout} s", where=" ".join(words[:4])
        ) from error
    if check and done.returncode:
        raise ProcessFailed(
            f"{words[0]} failed with status {done.returncode}",
            where=" ".join(words[:8]),
            why=_tail(done.stderr or done.stdout),
        )
    return done.stdout


def start(
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Start a program in a session of its own, as nobody's child; its output goes to `log`."""
    with log.open("ab") as out:
        subprocess.run(
            ["setsid", "--fork", *(str(a) for a in argv)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd, check=True,
        )  # fmt: skip


@contextmanager
def beside(
    argv: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[Callable[[], bool]]:
    """Run a program until the end of the block, or of this process, however that ends.

    Its output goes to `log`. Interrupts from the terminal do not reach it. Gives a function that tells
    whether it still runs.
    """
    words = ["setpriv", "--pdeathsig", "KILL", "--", *(str(a) for a in argv)]
    with log.open("ab") as out, subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True
    ) as child:  # fmt: skip
        try:
            yield lambda: child.poll() is None
        finally:
            child.kill()


def stream(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.Popen[str]:
    """Start a program whose output is read line by line while it runs (both streams, as text).

    It finds `stdin` in a file that is in memory only, may be read again, and goes with whoever has it open.
    """
    given = os.memfd_create("stdin", os.MFD_CLOEXEC)
    try:
        os.write(given, stdin.encode())
        os.lseek(given, 0, os.SEEK_SET)
        return subprocess.Popen(
            [str(a) for a in argv],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            env=env,
        )
    finally:
        os.close(given)


def _tail(text: str, lines: int = 12) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])
