"""Debian packages as plain files: fetched and verified by apt as this machine has it set up, then unpacked.

No package is installed: no maintainer script runs, no root is needed, neither apt nor dpkg is in the image.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from seaway.errors import NotFound, ProcessFailed, SeawayError, Unreachable
from seaway.kit import process
from seaway.kit.lock import locked
from seaway.kit.oci import architecture
from seaway.model.event import Event, Outcome, Report, notes

#: Package lists older than this, in seconds, are fetched again before packages are.
FRESH = 3600
#: Needed to install packages, not to run programs; apt is told they are there.
ABSENT = (
    "adduser", "debconf", "debianutils", "dpkg", "init-system-helpers", "install-info", "libc-l10n",
    "libllvm14", "libllvm19", "locales", "logrotate", "lsb-base", "openssl", "perl", "perl-base",
    "postgresql-client-common", "postgresql-common", "readline-common", "sensible-utils", "ssl-cert",
    "sysvinit-utils", "tar", "ucf",
)  # fmt: skip
_NO_PACKAGE = re.compile(r"Unable to locate package (\S+)|Package '?(\S+?)'? has no installation candidate")
#: What apt says that it installs (`--verbose-versions`): a line for each, indented.
_PLAN = re.compile(r"^The following NEW packages will be installed:\n((?: .*\n)+)", re.MULTILINE)
_PLANNED = re.compile(r"^ +([^\s:]+)\S* \((\S+)\)$", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    file: Path


def suite() -> str:
    """Name the Debian (or Debian-like) release that runs here, such as bookworm; SeawayError elsewhere."""
    process.require("apt-get", "dpkg-deb")
    found = re.search(r'^VERSION_CODENAME="?(\w+)', os_release(), re.MULTILINE)
    if not found:
        raise SeawayError(
            "this machine's release is unknown",
            where="/etc/os-release",
            why="images.base: debian takes the packages of the release that runs here",
            remedy="name an image instead, such as images: {base: registry.example.com/python:3.13}",
        )
    return found[1]


def os_release() -> str:
    try:
        return Path("/etc/os-release").read_text()
    except OSError:
        return ""


def fetch(
    cache: Path, names: Iterable[str], report: Report, step: str, arch: str = ""
) -> tuple[Package, ...]:
    """Download packages and all they depend on, for this machine or another architecture.

    A folder in `cache` keeps lists and packages for the next time. Raises NotFound for a name that this
    machine's sources do not have, Unreachable where they do not answer.
    """
    foreign = arch if arch != architecture() else ""
    folder, wanted = cache / (f"apt-{foreign}" if foreign else "apt"), sorted(set(names))
    with locked(folder / "lock", "another build", notes(report, "lock")):
        apt = _Apt(folder, wanted, foreign)
        apt.update(report, step)
        report(Event(step, Outcome.PROGRESS, "downloading Debian packages", 0.1))
        planned = taken(apt.run("--download-only", "--verbose-versions", "install", *wanted))
    return tuple(
        Package(name, version, _file(folder / "archives", name, version, arch or architecture()))
        for name, version in planned
    )


def taken(said: str) -> list[tuple[str, str]]:
    """Read names and versions of what apt-get says that it takes. Raises SeawayError where it does not."""
    plan = _PLAN.search(said)
    if plan is None:
        raise SeawayError(
            "apt-get does not say which packages it takes",
            why=said.strip()[-500:],
            remedy="see whether a file in /etc/apt/apt.conf.d changes what it prints",
        )
    return sorted(_PLANNED.findall(plan[1]))


def _file(folder: Path, name: str, version: str, arch: str) -> Path:
    """Find the file of a package, which is for one architecture or for all."""
    stem = f"{name}_{version.replace(':', '%3a')}"
    own = folder / f"{stem}_{arch}.deb"
    return own if own.exists() else folder / f"{stem}_all.deb"


def stale(cache: Path) -> None:
    """Let the next fetch ask for new package lists."""
    for stamp in cache.glob("apt*/updated"):
        stamp.unlink()


def unpack(packages: Iterable[Package], root: Path) -> None:
    """Lay the packages' files into `root`, with a record per package that vulnerability scanners read."""
    status = root / "var/lib/dpkg/status.d"
    status.mkdir(parents=True, exist_ok=True)

    def lay(package: Package) -> None:
        process.run("dpkg-deb", "--extract", package.file, root)
        control = process.run("dpkg-deb", "--field", package.file)
        (status / package.name).write_text(control)

    # No two packages hold one file (Debian Policy, 7.6.1), so that their order makes no difference.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for each in [pool.submit(lay, package) for package in packages]:
            each.result()
    for name in ("bin", "lib", "lib32", "lib64", "libx32", "sbin"):
        _merge(root, name)


def _merge(root: Path, name: str) -> None:
    """Make /NAME a link to /usr/NAME, as every current Debian has it, and move what packages put there."""
    old, new = root / name, root / "usr" / name
    if old.is_symlink() or not old.exists():
        if new.exists() and not old.is_symlink():
            old.symlink_to(f"usr/{name}")
        return
    new.mkdir(parents=True, exist_ok=True)
    for path in sorted(old.rglob("*")):
        target = new / path.relative_to(old)
        if path.is_dir() and not path.is_symlink():
            target.mkdir(parents=True, exist_ok=True)
        elif not target.is_symlink():
            path.replace(target)
    shutil.rmtree(old)
    old.symlink_to(f"usr/{name}")


class _Apt:
    """apt with the machine's sources, keys and settings, but folders and a package database of its own.

    It takes the machine's architecture for the one that is `foreign`, if any.
    """

    def __init__(self, folder: Path, wanted: Iterable[str], foreign: str) -> None:
        self._folder, self._lists, self._foreign = folder, folder / "lists", foreign
        for name in ("lists/partial", "archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        parts = folder / "parts"
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir()
        for path in sorted(Path("/etc/apt/apt.conf.d").glob("*")):
            # What a desktop fetches beside packages (icons, lists of their files) is larger than their lists.
            if "IndexTargets" not in path.read_text(errors="replace"):
                (parts / path.name).symlink_to(path)
        # Hooks of this machine (clean its cache, tell its desktop) have no business here.
        hooks = ("APT::Update::Pre-Invoke", "APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success",
                 "DPkg::Pre-Invoke", "DPkg::Post-Invoke", "DPkg::Pre-Install-Pkgs")  # fmt: skip
        kept = "".join(f'Dir::Cache::{name} "{name}.bin";\n' for name in ("pkgcache", "srcpkgcache"))
        (parts / "zz-seaway").write_text("".join(f"#clear {hook};\n" for hook in hooks) + kept)
        (folder / "status").write_text(
            "".join(_pretend(n, foreign or architecture()) for n in ABSENT if n not in set(wanted))
        )
        (folder / "apt.conf").write_text(
            f'Dir::Etc::Parts "{parts}";\nDir::State "{folder}";\nDir::State::Lists "{self._lists}";\n'
            f'Dir::State::status "{folder}/status";\nDir::Cache "{folder}";\n'
            f'Dir::Cache::archives "{folder}/archives";\nAPT::Sandbox::User "root";\n'
            'APT::Install-Recommends "false";\nAPT::Install-Suggests "false";\nAcquire::Languages "none";\n'
            'APT::Get::Assume-Yes "true";\nAcquire::Retries "3";\n'
            + (f'APT::Architecture "{foreign}";\nAPT::Architectures {{"{foreign}";}};\n' if foreign else "")
        )

    def update(self, report: Report, step: str) -> None:
        """Fetch the package lists, unless they are fresh. Old ones serve where the sources do not answer."""
        stamp = self._folder / "updated"
        if stamp.exists() and time.time() - stamp.stat().st_mtime < FRESH:
            return
        report(Event(step, Outcome.PROGRESS, "fetching Debian's package lists", 0.0))
        try:
            self.run("-o", "APT::Update::Error-Mode=any", "update")
            stamp.touch()
        except SeawayError:
            if not stamp.exists():
                raise
            report(
                Event(step, Outcome.NOTE, "Debian's sources do not answer: the package lists kept here serve")
            )

    def run(self, *words: str) -> str:
        env = {**os.environ, "APT_CONFIG": str(self._folder / "apt.conf"), "LC_ALL": "C"}
        try:
            return process.run("apt-get", "--quiet", *words, env=env)
        except ProcessFailed as error:
            raise _explained(error, words, self._foreign) from error


def _pretend(name: str, arch: str) -> str:
    more = (
        "Provides: debconf-2.0, perlapi-5.36.0, perlapi-5.40.1\n" if name in {"debconf", "perl-base"} else ""
    )
    return (
        f"Package: {name}\nStatus: install ok installed\nMaintainer: none\nArchitecture: {arch}\n"
        f"Multi-Arch: allowed\nVersion: 999\n{more}Description: not in images\n\n"
    )


def _explained(error: ProcessFailed, words: tuple[str, ...], foreign: str) -> SeawayError:
    served = f" for {foreign}" if foreign else ""
    if missing := _NO_PACKAGE.findall(error.why):
        names = ", ".join(sorted({a or b for a, b in missing}))
        return NotFound(
            f"Debian has no package {names}{served} here", where="images.packages", why=error.why,
            remedy="look for its name with: apt-cache search WORD",
        )  # fmt: skip
    if "update" in words or "Failed to fetch" in error.why:
        return Unreachable(
            f"the package sources of this machine do not answer{served}", why=error.why,
            remedy="check the network, and the files in /etc/apt/sources.list.d"
            + (f": they must serve {foreign} too" if foreign else ""),
        )  # fmt: skip
    return error
