"""The platform's own images: Envoy, Envoy Gateway and PostgreSQL, from a wheel, the engine and Debian."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from uv import find_uv_bin

from seaway.errors import NotFound, SeawayError
from seaway.kit import archive, oci, process
from seaway.model.event import Event, Outcome, Report
from seaway.model.names import ImageRef
from seaway.rooms.images import debian
from seaway.rooms.images.base import USER, furnish, tidy
from seaway.rooms.images.store import Store, key

#: Part of every key: raise it when this file changes what it makes.
RECIPE = 3
_LABEL = "org.opencontainers.image.title"


class Platform(Protocol):
    """An image that Seaway itself needs in the cluster."""

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str:
        """Hash what it is made from, without making it."""

    def make(self, store: Store, report: Report, step: str) -> tuple[tuple[oci.Layer, ...], oci.Settings]:
        """Make its layers where they are not there yet."""


def platform_ref(image: Platform, registry: str) -> ImageRef:
    return ImageRef.within(registry, f"seaway/{image.name}", f"src-{image.key[:32]}")


@cache
def pins() -> dict[str, Any]:
    """Read platform/images.toml: beside the package in a checkout, inside it in a wheel."""
    here = Path(__file__).resolve()
    for folder in (here.parents[4] / "platform", here.parents[2] / "_platform"):
        if (folder / "images.toml").is_file():
            return tomllib.loads((folder / "images.toml").read_text())
    raise NotFound(
        "platform/images.toml is missing", where=str(here.parents[2]), remedy="install Seaway again"
    )


@dataclass(frozen=True)
class Envoy:
    """The proxy, from the wheel that carries it."""

    name: str = "envoy"

    @property
    def key(self) -> str:
        return key(RECIPE, self.name, pins()["envoy"], _runtime_key())

    def make(self, store: Store, report: Report, step: str) -> tuple[tuple[oci.Layer, ...], oci.Settings]:
        pin = pins()["envoy"]

        def entries() -> Iterator[archive.Entry]:
            report(Event(step, Outcome.PROGRESS, f"fetching {pin['wheel']} (36 MB)", 0.3))
            with store.scratch() as folder:
                _install_wheel(pin, folder)
                yield archive.Entry("usr/local/bin/envoy", source=folder / "site" / pin["program"])

        layers = (_runtime(store, report, step), store.layer(f"envoy-{self.key}", pin["wheel"], entries))
        return layers, oci.Settings(
            cmd=("envoy",), user=f"{USER}:{USER}", env=_path(), labels={_LABEL: self.name}
        )


@dataclass(frozen=True)
class Gateway:
    """Envoy Gateway's controller: a static program that the engine brings, known by the engine's identity."""

    program: Path
    engine: str
    name: str = "envoy-gateway"

    @property
    def key(self) -> str:
        return key(RECIPE, self.name, self.engine, _runtime_key())

    def make(self, store: Store, report: Report, step: str) -> tuple[tuple[oci.Layer, ...], oci.Settings]:
        if not self.program.is_file():
            raise NotFound(
                "the engine has no envoy-gateway", where=str(self.program), remedy="seaway cluster create"
            )

        def entries() -> Iterator[archive.Entry]:
            report(Event(step, Outcome.PROGRESS, "packing Envoy Gateway", 0.5))
            # The controller and the shutdown manager beside each proxy keep their state there.
            yield archive.Entry("var/lib/eg", 0o755, uid=65532, gid=65532)
            yield archive.Entry("usr/local/bin/envoy-gateway", source=self.program)

        layer = store.layer(f"gateway-{self.key}", "Envoy Gateway from the engine", entries)
        return (_runtime(store, report, step), layer), oci.Settings(
            entrypoint=("/usr/local/bin/envoy-gateway",),
            user="65532:65532",
            env=_path(),
            labels={_LABEL: self.name},
        )


@dataclass(frozen=True)
class Postgres:
    """PostgreSQL's server and client programs; the room data says how it starts."""

    name: str = "postgres"

    @property
    def key(self) -> str:
        return key(RECIPE, self.name, pins()["postgres"], debian.suite(), oci.architecture())

    def make(self, store: Store, report: Report, step: str) -> tuple[tuple[oci.Layer, ...], oci.Settings]:
        def entries() -> Iterator[archive.Entry]:
            with store.scratch() as folder:
                root = folder / "root"
                root.mkdir()
                self._unpack(store, root, report, step)
                yield from _rooted(root)

        layer = store.layer(f"postgres-{self.key}", self._server(), entries)
        version = self._server().rpartition("-")[2]
        path = f"/usr/lib/postgresql/{version}/bin:{_path()['PATH']}"
        return (layer,), oci.Settings(
            cmd=("postgres",),
            user=f"{USER}:{USER}",
            env={"PATH": path, "LANG": "C.UTF-8", "PGDATA": "/var/lib/postgresql/data"},
            port=5432,
            stop_signal="SIGINT",
            labels={_LABEL: self.name},
        )

    def _server(self) -> str:
        known: dict[str, str] = pins()["postgres"]["server"]
        if not (name := known.get(debian.suite())):
            raise NotFound(
                f"no PostgreSQL is pinned for {debian.suite()}",
                where="platform/images.toml",
                remedy=f"run this on one of: {', '.join(known)}",
            )
        return name

    def _unpack(self, store: Store, root: Path, report: Report, step: str) -> None:
        wanted = {*pins()["postgres"]["packages"], self._server()}
        fetched = debian.fetch(store.folder, wanted, report, step)
        report(Event(step, Outcome.PROGRESS, f"unpacking {len(fetched)} Debian packages", 0.4))
        debian.unpack(fetched, root)
        tidy(root)
        furnish(root, next(p.version for p in fetched if p.name == "libc6"))
        home = next(root.glob("usr/lib/postgresql/*"))
        shutil.rmtree(home / "lib/bitcode", ignore_errors=True)
        for path in home.glob("lib/llvmjit*"):  # just-in-time compilation would bring 110 MB of LLVM
            path.unlink()
        _insist_on_libraries(root, sorted((home / "bin").glob("*")))


def _insist_on_libraries(root: Path, programs: list[Path]) -> None:
    """Raise SeawayError where a program would not find a library in this tree."""
    loader = next((root / "usr/lib64").glob("ld-linux*"), None) or next(root.glob("usr/lib/ld-linux*"))
    libraries = ":".join(str(p) for p in sorted((root / "usr/lib").glob("*-linux-gnu")))
    for program in programs:
        with program.open("rb") as file:
            if file.read(4) != b"\x7fELF":
                continue
        told = process.run(loader, "--library-path", libraries, "--list", program, check=False)
        if missing := [line.split()[0] for line in told.splitlines() if "not found" in line]:
            raise SeawayError(
                f"the image would lack {', '.join(missing)}",
                where=program.name,
                why="a Debian package that Seaway leaves out is needed after all",
                remedy="report it, with the output of: cat /etc/os-release",
            )


def _runtime_key() -> str:
    return key(RECIPE, "runtime", pins()["runtime"], debian.suite(), oci.architecture())


def _runtime(store: Store, report: Report, step: str) -> oci.Layer:
    """Make the layer below programs that need a C library and certificates, and no shell."""

    def entries() -> Iterator[archive.Entry]:
        with store.scratch() as folder:
            root = folder / "root"
            root.mkdir()
            fetched = debian.fetch(store.folder, pins()["runtime"]["packages"], report, step)
            debian.unpack(fetched, root)
            tidy(root)
            furnish(root, next(p.version for p in fetched if p.name == "libc6"))
            yield from _rooted(root)

    return store.layer(f"runtime-{_runtime_key()}", "Debian: C library and certificates", entries)


def _rooted(root: Path) -> Iterator[archive.Entry]:
    yield archive.Entry("tmp", 0o1777)
    yield archive.Entry("run")
    yield from archive.tree(root)


def _install_wheel(pin: dict[str, Any], folder: Path) -> None:
    file = folder / "requirements.txt"
    file.write_text(" ".join((pin["wheel"], *(f"--hash=sha256:{s}" for s in pin["sha256"]))) + "\n")
    process.run(
        find_uv_bin(), "pip", "install", "--quiet", "--system-certs", "--no-deps", "--require-hashes",
        "--only-binary", ":all:", "--python", sys.executable, "--target", folder / "site", "-r", file,
    )  # fmt: skip


def _path() -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin"}
