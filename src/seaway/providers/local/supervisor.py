"""s6 keeps every process alive (skarnet.org: s6-svscan, s6-supervise); here its folders are written.

A service is a folder with an executable `run`; its output goes to a size-bounded log by s6-log.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seaway.errors import Unready
from seaway.kit import process

#: Three old log files of 2 MB each are kept for every service.
_LOG: Final = "n3 s2000000"


@dataclass(frozen=True)
class Service:
    """One supervised program: `before` are shell lines that prepare for it, `argv` what is executed."""

    name: str
    argv: tuple[str | Path, ...]
    before: str = ""


def write(folder: Path, services: Iterable[Service], logs: Path) -> None:
    """Write the scan folder's services; those that are the same already are not touched."""
    for service in services:
        place = folder / service.name
        log = logs / service.name
        run = f"#!/bin/sh\nexec 2>&1\nset -e\n{service.before}\nexec {' '.join(map(_quoted, service.argv))}\n"
        _script(place / "run", run)
        _script(place / "log" / "run", f"#!/bin/sh\nmkdir -p {log}\nexec s6-log {_LOG} {log}\n")


def remove(folder: Path, name: str) -> None:
    """End a service at once, take it out of the scan folder, and wait until its supervisors are gone.

    s6-svunlink would wait in vain: it takes symbolic links away, and this is a folder. Under a name with a
    dot s6-svscan does not see it (skarnet.org: scandir). Raises Unready where a supervisor stays.
    """
    place, hidden = folder / name, folder / f".{name}"
    if place.exists():
        process.run("s6-svc", "-dk", place, check=False)
        shutil.rmtree(hidden, ignore_errors=True)
        place.rename(hidden)
    if scanning(folder):
        process.run("s6-svscanctl", "-an", folder)
    end = time.monotonic() + 15
    while any(_listens(each) for each in hidden.glob("**/supervise/control")):
        if time.monotonic() > end:
            raise Unready(f"service {name} did not end", where=str(place), remedy="run the command again")
        time.sleep(0.02)
    shutil.rmtree(hidden, ignore_errors=True)


def restart(folder: Path, name: str) -> None:
    """End a service at once, and wait until it was started again, as it is written by now."""
    process.run("s6-svc", "-k", "-wr", "-T", "20000", folder / name)


def scanning(folder: Path) -> bool:
    """Whether an s6-svscan watches the folder."""
    return _listens(folder / ".s6-svscan" / "control")


def start(folder: Path, before: str, log: Path) -> None:
    """Start s6-svscan on the folder, or tell the one that runs to look again."""
    if scanning(folder):
        process.run("s6-svscanctl", "-an", folder)
        return
    shutil.rmtree(folder / ".s6-svscan", ignore_errors=True)
    for stale in folder.glob("*/supervise"):
        shutil.rmtree(stale, ignore_errors=True)
    script = f"{before}\nexec s6-svscan {folder}"
    process.start(["/bin/sh", "-c", script], log=log, env=_environment(), cwd=Path("/"))
    end = time.monotonic() + 10
    while not scanning(folder):
        if time.monotonic() > end:
            raise Unready("the supervisor did not start", where=str(folder), remedy=f"read {log}")
        time.sleep(0.02)


def forget(folder: Path) -> None:
    """Remove the scan folder of a supervisor that is gone."""
    shutil.rmtree(folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    """What services inherit: nothing of the caller's but the way to programs and to the internet."""
    keep = ("PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
    return {key: os.environ[key] for key in keep if key in os.environ}


def _listens(fifo: Path) -> bool:
    """Whether somebody reads the control FIFO: opening it for writing fails with ENXIO where nobody does."""
    try:
        descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    os.close(descriptor)
    return True


def _script(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text)
    fresh.chmod(0o755)
    fresh.replace(path)


def _quoted(word: str | Path) -> str:
    return "'" + str(word).replace("'", "'\\''") + "'"
