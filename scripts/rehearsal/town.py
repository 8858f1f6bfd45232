"""The old server: PostgreSQL and the monolith, outside the cluster, kept alive by s6."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from scripts.rehearsal import release
from seaway.providers.local import supervisor
from seaway.providers.local.supervisor import Service

HOME: Final = Path("/var/lib/seaway/rehearsal")
RUN: Final = Path("/run/seaway/rehearsal")
EXAMPLE: Final = Path(__file__).resolve().parents[2] / "examples" / "thoughts"
DATABASE: Final = 15432
MONOLITH: Final = 9000
#: The cluster of the example's file, which names none.
CLUSTER: Final = "seaway"
#: Names of the secrets that both sides share, as the file of the system spells them.
SHARED: Final = ("session-key", "export-token")


def secret(name: str) -> str:
    """A secret of the old server, made once, readable by root only."""
    place = HOME / "secrets" / name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.touch(0o600)
        place.write_text(secrets.token_urlsafe(32))
    return place.read_text()


def raise_town() -> None:
    """Start both, or see that they run; data and secrets stay between runs."""
    _database_folder()
    python = _python()
    RUN.mkdir(parents=True, exist_ok=True)
    environment = "\n".join(
        f"export {name}_FILE={HOME}/secrets/{file}"
        for name, file in (
            ("SESSION_KEY", "session-key"),
            ("EXPORT_TOKEN", "export-token"),
            ("DATABASE_URL", "database-url"),
        )
    )
    options = (f"port={DATABASE}", "listen_addresses=127.0.0.1", f"unix_socket_directories={HOME}/database")
    postgres: tuple[str | Path, ...] = (
        *(
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            _postgres() / "postgres",
            "-D",
            HOME / "database/data",
        ),
        *(word for option in options for word in ("-c", option)),
    )
    monolith = (python, EXAMPLE / "monolith" / "serve", "--bind", f"127.0.0.1:{MONOLITH}")
    services = (
        Service("postgres", postgres),
        Service("monolith", monolith, f"{environment}\nexport PYTHONDONTWRITEBYTECODE=1\nsleep 0.3"),
    )
    supervisor.write(RUN, services, HOME / "logs")
    supervisor.start(RUN, "", HOME / "supervisor.log")
    _wait(f"http://127.0.0.1:{MONOLITH}/health")


def lower_town(*, data: bool = False) -> None:
    """Stop both; with `data` the old server's data goes too."""
    if supervisor.scanning(RUN):
        subprocess.run(["s6-svscanctl", "-t", RUN], check=False)
        end = time.monotonic() + 20
        while supervisor.scanning(RUN) and time.monotonic() < end:
            time.sleep(0.1)
    supervisor.forget(RUN)
    if data:
        shutil.rmtree(HOME, ignore_errors=True)


def _postgres() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        sys.exit("PostgreSQL is missing: scripts/setup installs it")
    return found[-1].parent


def _database_folder() -> None:
    secret("session-key"), secret("export-token")
    password = secret("database")
    url = HOME / "secrets" / "database-url"
    url.touch(0o600)
    url.write_text(f"postgresql://thoughts:{password}@127.0.0.1:{DATABASE}/postgres")
    data = HOME / "database" / "data"
    if (data / "PG_VERSION").exists():
        return
    HOME.chmod(0o711)
    shutil.rmtree(data, ignore_errors=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    shutil.chown(data.parent, "postgres", "postgres")
    password_file = data.parent / "password"
    password_file.touch(0o600)
    password_file.write_text(password)
    shutil.chown(password_file, "postgres", "postgres")
    subprocess.run(
        [
            *(
                "setpriv",
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                _postgres() / "initdb",
                "--pgdata",
                data,
            ),
            *(
                "--username=thoughts",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                f"--pwfile={password_file}",
            ),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
    )
    password_file.unlink()


def _python() -> Path:
    """The monolith's own virtual environment, made from its locked requirements."""
    needed = EXAMPLE / "monolith" / "requirements.txt"
    python, stamp = HOME / "venv" / "bin" / "python", HOME / "venv" / "stamp"
    if not stamp.exists() or stamp.read_text() != needed.read_text():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run(
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, HOME / "venv"], check=True
        )
        subprocess.run(
            [*uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", needed],
            check=True,
        )
        stamp.write_text(needed.read_text())
    return python


def _wait(url: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  (loopback, fixed scheme)
                return
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > end:
                sys.exit(
                    f"the monolith does not answer: {error}; read current in "
                    f"{HOME}/logs/monolith and {HOME}/logs/postgres"
                )
            time.sleep(0.1)


def copy_system() -> Path:
    """The team's repository: a copy of the example, with staging; the checkout stays as it is."""
    target = HOME / "system"
    shutil.rmtree(target, ignore_errors=True)
    leave = shutil.ignore_patterns(".venv", "__pycache__", ".pytest_cache", ".ruff_cache", "monolith")
    shutil.copytree(EXAMPLE, target, ignore=leave)
    release.add_staging(target / "seaway.yaml")
    return target
