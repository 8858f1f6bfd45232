"""What all clusters of this machine share: the registry, and the image that holds pods open."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from seaway.errors import Unready
from seaway.kit import archive, oci, process
from seaway.kit.lock import locked
from seaway.model.event import Report, notes, silent
from seaway.model.names import Digest, ImageRef
from seaway.providers.local import certificate, cgroups, home, supervisor
from seaway.providers.local.access import HOST, REMEDY, Access
from seaway.providers.local.engine import Engine
from seaway.providers.local.registry import LocalRegistry
from seaway.providers.local.supervisor import Service

GROUP: Final = "seaway/machine"
_SERVICES: Final = home.RUN / "machine"
_CONFIGURATION: Final = home.STATE / "registry.json"
_WATCHERS: Final = Path("/proc/sys/fs/inotify/max_user_instances")
WATCHERS: Final = 1024
_PAUSE: Final = oci.Settings(entrypoint=("/pause",), user="65535:65535")


@contextmanager
def alone(report: Report) -> Iterator[None]:
    """Let one at a time start the registry: two clusters may be made at once."""
    with locked(home.RUN / "locks" / "registry.lock", "another start of the registry", notes(report, "lock")):
        yield


def start(engine: Engine) -> None:
    """Start the registry, or see that it runs; let the machine watch as many files as nodes need.

    One that runs in an older form, such as without a password, is moved to this one.
    """
    cgroups.make(GROUP)
    _allow_watchers()
    logs = home.STATE / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    access, awake = Access(), supervisor.scanning(_SERVICES)
    renewed = access.make() | _configure(access)
    supervisor.write(_SERVICES, [_registry(engine)], logs)
    supervisor.start(_SERVICES, cgroups.join(GROUP), logs / "supervisor.log")
    if awake and (renewed or not access.answers()):
        process.run("s6-svc", "-r", _SERVICES / "registry")
    end = time.monotonic() + 15
    while not access.answers():
        if time.monotonic() > end:
            raise Unready(
                "the machine's registry did not start", where=HOST, remedy=f"read {logs}/registry/current"
            )
        time.sleep(0.05)


def _configure(access: Access) -> bool:
    """Write the registry's configuration; tells whether it was another one."""
    wanted = json.dumps(access.configuration(home.STATE / "registry")).encode()
    if _CONFIGURATION.is_file() and _CONFIGURATION.read_bytes() == wanted:
        return False
    certificate.write(_CONFIGURATION, wanted)
    return True


def _registry(engine: Engine) -> Service:
    """The machine's own registry (CNCF distribution), on loopback."""
    program, file = engine.program("engine"), _CONFIGURATION
    # While nobody serves, nobody writes: what no manifest names then is needed by nobody.
    before = f"""export OTEL_TRACES_EXPORTER=none
if rm {_to_clean()} 2>/dev/null; then {program} registry garbage-collect --quiet {file} || true; fi"""
    return Service("registry", (program, "registry", "serve", file), before)


def _to_clean() -> Path:
    """Name the file whose presence lets the registry clean up its storage when it starts next."""
    return home.STATE / "registry.clean"


def _allow_watchers() -> None:
    """Raise the limit of inotify instances (inotify(7)) where it is low: it is one for all nodes together.

    The kernel's own 128 are used up by about eight nodes; kubelet and kube-proxy then end at once.
    """
    if int(_WATCHERS.read_text()) < WATCHERS:
        _WATCHERS.write_text(f"{WATCHERS}\n")


def clean(engine: Engine) -> int:
    """Let the registry take away what no manifest names; gives the bytes. It is silent for a moment."""
    before, wanted, access = _stored(), _to_clean(), Access()
    with alone(silent):
        wanted.touch()
        start(engine)
        process.run("s6-svc", "-r", _SERVICES / "registry")
        end = time.monotonic() + 300
        while wanted.exists() or not access.answers():
            if time.monotonic() > end:
                raise Unready("the machine's registry does not clean up", where=HOST, remedy=REMEDY)
            time.sleep(0.05)
    return before - _stored()


def _stored() -> int:
    """Count the bytes of all blobs in the registry's storage."""
    blobs = home.STATE / "registry/docker/registry/v2/blobs"
    return sum(each.stat().st_size for each in blobs.rglob("data"))


def supervised() -> bool:
    """Whether the registry is kept running: one that is silent for the moment will answer soon.

    One that was started by an earlier version, and speaks otherwise, is as good as none.
    """
    return supervisor.scanning(_SERVICES) and Access().stands()


def stop() -> None:
    """Stop the registry; its images stay on the disk."""
    cgroups.kill(GROUP)
    cgroups.remove(GROUP)
    supervisor.forget(_SERVICES)


def pause(engine: Engine) -> str:
    """The image of every pod's first container, packed and pushed once; returns its reference by digest."""
    registry, program = LocalRegistry(), engine.program("pause")
    source = oci.digest(program.read_bytes() + repr(_PAUSE).encode())
    ref = ImageRef(registry.place, "seaway/pause", f"src-{Digest(source).hex[:32]}")
    return str(ref.at(registry.resolve(ref) or _push(registry, ref, program)))


def _push(registry: LocalRegistry, ref: ImageRef, program: Path) -> Digest:
    with tempfile.TemporaryDirectory() as scratch:
        packed, config = Path(scratch) / "layer", Path(scratch) / "config"
        with packed.open("wb") as out:
            written = archive.write([archive.Entry("pause", source=program)], out)
        layer = oci.Layer(written.digest, written.diff_id, written.size)
        config.write_bytes(oci.config([layer], _PAUSE, oci.architecture()))
        registry.put_blob(ref.repository, Digest(layer.digest), str(packed))
        registry.put_blob(ref.repository, Digest(oci.digest(config.read_bytes())), str(config))
        return registry.put_manifest(ref, oci.MANIFEST, oci.manifest(config.read_bytes(), [layer]))


def resolver() -> Path:
    """The machine's resolv.conf with real servers: systemd-resolved's own file where it is used."""
    upstream = Path("/run/systemd/resolve/resolv.conf")
    copy = home.STATE / "resolv.conf"
    source = upstream if upstream.exists() else Path("/etc/resolv.conf")
    lines = (
        [line for line in source.read_text().splitlines() if not line.startswith("nameserver 127.")]
        if source.exists()
        else []
    )
    if not any(line.startswith("nameserver") for line in lines):
        lines.append("nameserver 192.0.2.1")
    copy.write_text("\n".join(lines) + "\n")
    return copy
