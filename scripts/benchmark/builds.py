"""Images built and pushed: ours, and those of buildah from an equivalent Dockerfile, in the same run."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from scripts.rehearsal import town
from scripts.rehearsal.figures import quantile
from scripts.rehearsal.release import new_version
from scripts.rehearsal.seaway import Seaway
from seaway.model.names import ImageRef
from seaway.rooms.images.shelf import Shelf

PROMISES: Final = {
    "build_code_change_s": 1.5,
    "build_unchanged_s": 0.5,
    "build_cold_of_buildah": 0.5,
    "build_code_change_of_buildah": 0.1,
    "image_size_of_buildah": 0.6,
}
RUNS: Final = 3
SERVICES: Final = ("frontend", "users", "thoughts")
CHANGED: Final = "frontend"
#: As such files are written: the packages first, so that a change of the code leaves their layer alone.
DOCKERFILE: Final = """FROM {base}
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-pip \\
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /app/
RUN pip install --no-cache-dir --break-system-packages --require-hashes -r /app/requirements.txt
COPY . /app
WORKDIR /app
USER 10001
CMD ["gunicorn", "--bind", "0.0.0.0:8000", "{service}.wsgi"]
"""
#: Steps reach Debian's packages and Python's index as this machine does; what they write there is not kept.
SETTINGS: Final = ("/etc/apt", "/etc/ssl/certs")


def measure(host: str, folder: Path) -> dict[str, float]:
    """Build the example in the registry at `host`, once by us and once by buildah, each with empty caches.

    Raises RuntimeError where buildah or debootstrap (Debian packages) is not there.
    """
    if missing := [name for name in ("buildah", "debootstrap") if not shutil.which(name)]:
        raise RuntimeError(f"{' and '.join(missing)} missing: apt-get install {' '.join(missing)}")
    system = folder / "system"
    shutil.copytree(town.EXAMPLE, system, ignore=shutil.ignore_patterns(".venv", "__pycache__", "monolith"))
    file = system / "seaway.yaml"
    file.write_text(
        re.sub(r"^(  rehearsal: \{)", rf'\1registry: "{host}", ', file.read_text(), flags=re.MULTILINE)
    )
    seaway = Seaway(file, {}, XDG_CACHE_HOME=str(folder / "cache"))
    buildah = Buildah(host, folder / "buildah", system)
    names: dict[str, str] = {}

    def ours(*services: str) -> None:
        names.update({made["service"]: made["image"] for made in seaway.ask("image", "build", *services)})

    told = _timed(ours, system)
    unchanged = quantile([_seconds(lambda: seaway.ask("image", "push")) for _ in range(RUNS)], 0.5)
    theirs = _timed(buildah.build, system)
    new_version(system / CHANGED / CHANGED)
    without = _seconds(lambda: buildah.build(CHANGED, layers=False))
    sizes = [(_size(names[each]), _size(buildah.name(each))) for each in SERVICES]
    return {
        "build_cold_s": told[0],
        "build_cold_buildah_s": theirs[0],
        "build_cold_of_buildah": told[0] / theirs[0],
        "build_code_change_s": told[1],
        "build_code_change_buildah_s": without,
        "build_code_change_of_buildah": told[1] / without,
        "build_code_change_buildah_layers_s": theirs[1],
        "build_unchanged_s": unchanged,
        "build_unchanged_buildah_s": _seconds(buildah.build),
        "image_mib": max(own for own, _ in sizes),
        "image_buildah_mib": max(other for _, other in sizes),
        "image_size_of_buildah": max(own / other for own, other in sizes),
    }


class Buildah:
    """buildah with a storage of its own, and bare Debian as an image in the registry at `host`."""

    def __init__(self, host: str, folder: Path, system: Path) -> None:
        self._host, self._folder, self._system = host, folder, system
        folder.mkdir()
        self._put_debian()

    def name(self, service: str) -> str:
        return f"{self._host}/peer/{service}:v1"

    def build(self, *services: str, layers: bool = True) -> None:
        """Build and push the images of services, or of all; with `layers` it takes up what did not change."""
        mounts = [f"--volume={each}:{each}:O" for each in SETTINGS]
        for service in services or SERVICES:
            file = self._folder / f"{service}.dockerfile"
            file.write_text(DOCKERFILE.format(base=f"{self._host}/peer/debian:v1", service=service))
            how = ("--isolation=chroot", f"--layers={str(layers).lower()}", *mounts, "--tls-verify=false")
            named = ("--tag", self.name(service), "--file", file)
            self._run("build", *how, *named, self._system / service)
            self._run("push", "--tls-verify=false", self.name(service), f"docker://{self.name(service)}")

    def _put_debian(self) -> None:
        """Make the base as Debian does (debootstrap, minbase), and forget it here: a build pulls it."""
        root, packed = self._folder / "debian", self._folder / "debian.tar"
        codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
        targets = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
        mirrors = subprocess.run(
            [*targets, f"Codename: {codename}"], check=True, capture_output=True, text=True
        ).stdout.split()
        _quietly("debootstrap", "--variant=minbase", codename, root, mirrors[0])
        _quietly("tar", "--create", "--file", packed, "--directory", root, ".")
        shutil.rmtree(root)
        self._run("from", "--name", "base", "scratch")
        self._run("add", "base", packed, "/")
        self._run("commit", "--tls-verify=false", "base", f"docker://{self._host}/peer/debian:v1")
        self._run("rm", "--all")
        self._run("rmi", "--all", "--force")

    def _run(self, *words: str | Path) -> None:
        where = ("--root", self._folder / "root", "--runroot", self._folder / "run")
        _quietly("unshare", "--mount", "buildah", *where, *words)


def _timed(build: Callable[..., None], system: Path) -> tuple[float, float]:
    """Give the seconds of a build of all with nothing at hand, and of one service whose code changed."""
    cold, changed = _seconds(build), list[float]()
    for _ in range(RUNS):
        new_version(system / CHANGED / CHANGED)
        changed.append(_seconds(lambda: build(CHANGED)))
    return cold, quantile(changed, 0.5)


def _seconds(what: Callable[[], Any]) -> float:
    begin = time.monotonic()
    what()
    return time.monotonic() - begin


def _size(name: str) -> float:
    """Tell how many MiB a node that has nothing pulls."""
    image = ImageRef.parse(name)
    shelf = Shelf.of(image)
    manifest = json.loads(shelf.server.manifest(shelf.repository, str(shelf.find(image)))[1])
    return sum(float(layer["size"]) for layer in manifest["layers"]) / (1 << 20)


def _quietly(*argv: str | Path) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{argv[0]} failed: {done.stderr[-2000:]}")
