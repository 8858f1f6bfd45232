"""An image from a Dockerfile, by buildah: without a daemon, in namespaces that end with the build."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from seaway.errors import ProcessFailed, Refused
from seaway.kit import process
from seaway.kit.distribution import known_registry, speaks_plainly
from seaway.kit.lock import locked
from seaway.model.event import Report
from seaway.rooms.images.dockerfile import Context
from seaway.rooms.images.layout import LOGIN, hosts, insist_on_secrets, taken, watch
from seaway.rooms.images.store import Store, full_disk

#: Whatever dies, its mounts and processes go with these namespaces, and they with whoever asked for them. The
#: secrets of steps go too, which buildah puts into /dev/shm.
_ALONE: Final = (
    "setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
    "sh", "-c", 'mount -t tmpfs -o mode=1777 seaway /dev/shm && exec "$@"', "sh",
)  # fmt: skip
#: Images of steps that are kept for the next build; with more of them buildah begins anew.
MOST: Final = 300


def make(context: Context, store: Store, report: Report, step: str) -> dict[str, Any]:
    """Have buildah make an image; gives what is remembered of it.

    Raises MissingTool without buildah, Refused without root or where it would run as root, ProcessFailed
    where the Dockerfile cannot be built.
    """
    process.require("buildah", "unshare", "setpriv", "mount")
    if os.geteuid() != 0:
        raise Refused(
            "a Dockerfile is built by root only", where=str(context.file),
            why="its steps change a root file system", remedy="run it with sudo",
        )  # fmt: skip
    with (
        locked(store.folder / "locks" / "buildah", "another build", lambda _: None),
        full_disk(store.folder),
    ):
        known, kept = _make(context, store, report, step)
        if kept > MOST:
            _forget(store)
    return known


def forget(store: Store) -> None:
    """Let the next build pull its bases again and run every step of the Dockerfile."""
    with locked(store.folder / "locks" / "buildah", "another build", lambda _: None):
        _forget(store)


def _forget(store: Store) -> None:
    shutil.rmtree(store.buildah, ignore_errors=True)


def _make(context: Context, store: Store, report: Report, step: str) -> tuple[dict[str, Any], int]:
    """Build; gives what is remembered of the image, and how many images of steps buildah keeps."""
    with store.scratch() as folder:
        insist_on_secrets(context)
        env = _environment(context, folder)
        engine = _engine(store.buildah, folder, env)
        copied, made, told = folder / "context", folder / "image", folder / "id"
        context.copy(copied)
        trust = ("--signature-policy", folder / "policy.json")
        options = (
            *trust,
            "--isolation=chroot",
            "--layers",
            "--format=oci",
            "--timestamp=0",
            "--identity-label=false",
        )
        # By name: neither the words of a command nor a file ever hold the value.
        secrets = tuple(f"--secret=id={name},env={name}" for name in context.secrets)
        file = copied / context.file.relative_to(context.folder)
        try:
            watch((*engine, "build", *options, *secrets, "--iidfile", told, "-f", file, copied),
                  {**env, "REGISTRY_AUTH_FILE": LOGIN}, context, report, step)  # fmt: skip
            process.run(
                *engine, "push", *trust, "--quiet", told.read_text().strip(), f"oci:{made}:image", env=env
            )
            listed = json.loads(process.run(*engine, "images", "--all", "--json", env=env))
        finally:
            process.run(*engine, "rm", "--all", env=env, check=False)
        os.utime(store.buildah)
        return {**taken(context, made, store), "bases": _bases(context, listed)}, len(listed)


def _environment(context: Context, folder: Path) -> dict[str, str]:
    """Let buildah reach the registries of the bases as we do: whom one trusts, who is plain.

    Short names are Docker's. Who one is stands in no file, which a kill would leave: only the build is told.
    """
    lines = ['unqualified-search-registries = ["docker.io"]', 'short-name-mode = "disabled"']
    for host in sorted(hosts(context)):
        if known := known_registry(host):
            trusted = folder / ".config" / "containers" / "certs.d" / host
            trusted.mkdir(parents=True)
            shutil.copy(known.trust, trusted / "ca.crt")
        if speaks_plainly(host):
            lines.append(f'[[registry]]\nlocation = "{host}"\ninsecure = true')
    (folder / "registries.conf").write_text("\n".join(lines) + "\n")
    (folder / "auth.json").write_text("{}")
    (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    return {
        **os.environ,
        "HOME": str(folder),
        "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
        "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        "TMPDIR": str(folder),
    }


def _engine(place: Path, folder: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    """Give the words that call buildah on its storage, rid of what a killed build left there.

    Its driver is vfs where the file system cannot be overlaid.
    """
    for driver in ("overlay", "vfs"):
        words = (
            *_ALONE, "buildah", "--root", f"{place / driver}", "--runroot", f"{folder / 'run'}",
            "--storage-driver", driver,
        )  # fmt: skip
        try:
            process.run(*words, "rm", "--all", env=env)
        except ProcessFailed:
            if driver == "vfs":
                raise
            continue
        break
    return words


def _bases(context: Context, listed: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Find the digests of the images that the Dockerfile names among those that buildah has."""
    wanted = {f"/{name.partition('@')[0]}" for name in context.bases}
    wanted |= {f"{name}:latest" for name in wanted if ":" not in name.rpartition("/")[2]}
    return {
        name: each["digest"]
        for each in listed
        for name in each.get("names") or ()
        if any(f"/{name}".endswith(end) for end in wanted)
    }
