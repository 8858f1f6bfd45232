"""The base layer from Debian's packages: Python, certificates, time zones, a shell; no installer."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seaway.errors import SeawayError
from seaway.kit import archive, oci
from seaway.model.event import Event, Outcome, Report
from seaway.rooms.images import debian
from seaway.rooms.images.bytecode import Interpreter, compile_tree
from seaway.rooms.images.store import Store, key

#: Part of every key: raise it when this file changes what it makes.
RECIPE = 3
PACKAGES = ("ca-certificates", "dash", "libc6", "python3", "tzdata")
USER = 10001
#: Every Debian base is kept in this repository too, so that a registry mounts it instead of taking it again.
SHARED = "seaway/base"
#: No use in a container: documentation, translations, build helpers, what an installer leaves.
NEEDLESS = (
    "etc/cron.*", "etc/init.d", "usr/bin/pdb3*", "usr/bin/py3*", "usr/bin/pydoc3*",
    "usr/bin/pygettext3*", "usr/lib/*/gconv", "usr/lib/python3.*/pydoc_data", "usr/lib/systemd",
    "usr/lib/valgrind", "usr/sbin/update-ca-certificates", "usr/share/applications", "usr/share/binfmts",
    "usr/share/bug", "usr/share/debconf", "usr/share/debianutils", "usr/share/doc-base",
    "usr/share/i18n", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man",
    "usr/share/menu",
    "usr/share/perl5", "usr/share/pixmaps", "usr/share/python3", "usr/share/zoneinfo/posix",
    "usr/share/zoneinfo/right", "var/cache/*", "var/lib/systemd", "var/log/*",
)  # fmt: skip


@dataclass(frozen=True)
class Base:
    """What an image starts from. `libc` is the platform that wheels are chosen for, in uv's words.

    `pack` finds its layers or makes them, which may take seconds that nothing else need wait for.
    `program` is its Python and `site` where that looks for packages by itself. Without `python` there is
    nothing on this machine that writes byte code for it: what is made for another `arch` is never run here.
    """

    key: str
    arch: str
    pack: Callable[[], tuple[oci.Layer, ...]]
    version: str
    libc: str
    program: str
    site: str
    python: Interpreter | None
    env: tuple[tuple[str, str], ...] = ()


def base_key(packages: Iterable[str], arch: str) -> str:
    """Hash what makes one base differ from another, as far as it is decided here."""
    return key("base", RECIPE, debian.suite(), arch, sorted({*PACKAGES, *packages}))


def debian_base(store: Store, packages: tuple[str, ...], arch: str, report: Report, step: str) -> Base:
    """Find the base with further `packages`, or build it (some seconds).

    The byte code of one for another machine is written by this machine's own base, of the same release.
    """
    here = oci.architecture()
    own = debian_base(store, packages, here, report, step) if arch != here else None

    def make(root: Path) -> None:
        fetched = debian.fetch(store.folder, {*PACKAGES, *packages}, report, step, arch)
        report(Event(step, Outcome.PROGRESS, f"unpacking {len(fetched)} Debian packages", 0.4))
        debian.unpack(fetched, root)
        tidy(root)
        furnish(root, next(p.version for p in fetched if p.name == "libc6"))
        if python := _interpreter(root, own):
            report(Event(step, Outcome.PROGRESS, "compiling Python's library", 0.6))
            compile_tree(python, root, "/", (f"usr/lib/{_program(root).name}",))

    name = base_key(packages, arch)
    root = store.tree(name, make)
    version = _program(root).name.removeprefix("python")
    comment = "Debian: " + ", ".join((*PACKAGES, *packages))
    libc = re.match(r"(\d+)\.(\d+)", (root / "etc/seaway/libc").read_text())
    if not libc:
        raise SeawayError("the base layer was not made whole", where=str(root), remedy="remove this folder")
    return Base(
        name,
        arch,
        lambda: (store.layer(name, comment, lambda: _entries(root)),),
        version,
        f"{machine(arch)}-manylinux_{libc[1]}_{libc[2]}",
        "/usr/bin/python3",
        f"usr/local/lib/python{version}/dist-packages",
        _interpreter(root, own),
    )


def _program(root: Path) -> Path:
    """Find the Python of a tree, by its full name."""
    return next(
        p for p in sorted((root / "usr/bin").glob("python3.*")) if re.fullmatch(r"python3\.\d+", p.name)
    )


def _interpreter(root: Path, own: Base | None) -> Interpreter | None:
    """Choose what compiles for the Python of a tree: itself, or in the stead of a foreign one the `own`."""
    program = _program(root)
    if own is None:
        return Interpreter.inside(root, program)
    return own.python if program.name == f"python{own.version}" else None


def machine(arch: str) -> str:
    """Name an architecture as wheels do, such as x86_64."""
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(arch, arch)


def tidy(root: Path) -> None:
    """Remove what no container needs; of the documentation only the licences stay."""
    for pattern in NEEDLESS:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in sorted(root.glob("usr/share/doc/**/*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.name != "copyright":
            path.unlink()


def furnish(root: Path, libc: str) -> None:
    """Write the few files that installing would have written."""
    etc = root / "etc"
    (etc / "ssl/certs").mkdir(parents=True, exist_ok=True)
    bundle = b"".join(
        p.read_bytes().rstrip() + b"\n" for p in sorted(root.glob("usr/share/ca-certificates/mozilla/*.crt"))
    )
    (etc / "ssl/certs/ca-certificates.crt").write_bytes(bundle)
    (root / "usr/lib/ssl").mkdir(parents=True, exist_ok=True)
    for name, target in (("cert.pem", "certs/ca-certificates.crt"), ("certs", "certs")):
        (root / "usr/lib/ssl" / name).symlink_to(f"/etc/ssl/{target}")
    (etc / "passwd").write_text(
        "root:x:0:0:root:/root:/usr/sbin/nologin\n"
        f"app:x:{USER}:{USER}:app:/app:/usr/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    )
    (etc / "group").write_text(f"root:x:0:\napp:x:{USER}:\nnogroup:x:65534:\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\nservices: files\n")
    (etc / "os-release").unlink(missing_ok=True)
    (etc / "os-release").write_text(debian.os_release())
    (etc / "machine-id").write_text("")
    (etc / "seaway").mkdir()
    (etc / "seaway/libc").write_text(libc)


def _entries(root: Path) -> Iterator[archive.Entry]:
    yield archive.Entry("tmp", 0o1777)
    yield archive.Entry("var/tmp", 0o1777)
    yield archive.Entry("run")
    yield from archive.tree(root)
