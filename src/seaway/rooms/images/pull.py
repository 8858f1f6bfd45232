"""A base that somebody else made: pulled once, its Python found by looking into its layers."""

from __future__ import annotations

import json
import re
import sys
import tarfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seaway.errors import Refused, SeawayError, UsageError
from seaway.kit import oci
from seaway.kit.distribution import Distribution
from seaway.model.event import Event, Outcome, Report
from seaway.model.names import ImageRef
from seaway.rooms.images.base import Base, machine
from seaway.rooms.images.bytecode import Interpreter
from seaway.rooms.images.store import Store, key

RECIPE = 1
_PYTHON = re.compile(r"(?:\./)?(usr/local/|usr/|opt/[\w.-]+/)?bin/python(3\.\d+)$")
_GLIBC = re.compile(rb"GNU C Library .{0,80}?release version (\d+)\.(\d+)")


def parse(text: str) -> ImageRef:
    """Read `images.base`. Raises UsageError."""
    try:
        ref = ImageRef.parse(text)
    except ValueError as error:
        raise UsageError(
            "images.base is not a complete image name", where="images.base", why=str(error),
            remedy="write the registry too, such as registry.example.com/python:3.13-slim",
        ) from error  # fmt: skip
    return ref if ref.tag or ref.digest else ImageRef(ref.registry, ref.repository, "latest")


def base_key(text: str, arch: str) -> str:
    """Hash what makes this base differ; a tag stands for what it was when it was first pulled."""
    return key("pulled", RECIPE, str(parse(text)), arch)


def pulled_base(store: Store, text: str, arch: str, report: Report, step: str) -> Base:
    """Find the base in the store, or pull it. Raises Refused where there is no Python in it."""
    name, ref = base_key(text, arch), parse(text)
    known = store.recall(name)
    if not known or not all(store.keep(layer["digest"]) for layer in known["layers"]):
        report(Event(step, Outcome.PROGRESS, f"pulling {ref}", 0.0))
        known = _pull(store, ref, arch, report, step)
        store.remember(name, known)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    layers = tuple(oci.Layer(**layer) for layer in known["layers"])
    return Base(
        name,
        arch,
        lambda: layers,
        known["version"],
        known["libc"],
        known["program"],
        known["site"],
        Interpreter((sys.executable,)) if known["version"] == here else None,
        tuple((k, v) for k, v in known["env"]),
    )


def _pull(store: Store, ref: ImageRef, arch: str, report: Report, step: str) -> dict[str, Any]:
    remedy = "check the name in images.base and that this machine reaches the registry"
    server = Distribution(ref.registry, remedy=remedy)
    media_type, body = server.manifest(ref.repository, ref.digest.value if ref.digest else ref.tag)
    if media_type in oci.INDEXES:
        chosen = oci.for_platform(json.loads(body), arch)
        if not chosen:
            raise _not_for(ref, arch)
        _, body = server.manifest(ref.repository, chosen)
    manifest = json.loads(body)
    wanted = [manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
    for done, digest in enumerate(wanted):
        if not store.blob(digest).is_file():
            report(Event(step, Outcome.PROGRESS, f"pulling {ref}", 0.8 * done / len(wanted)))
            server.get_blob(ref.repository, digest, store.blob(digest))
    config = json.loads(store.blob(wanted[0]).read_bytes())
    if config.get("architecture") != arch:
        raise _not_for(ref, arch)
    layers = tuple(
        oci.Layer(layer["digest"], diff_id, layer["size"], layer["mediaType"], f"from {ref}")
        for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True)
    )
    found = _look_inside([store.blob(layer.digest) for layer in layers], machine(arch))
    if not found.get("version"):
        raise Refused(f"{ref} has no Python in it", where="images.base", remedy="name an image that has one")
    env = [pair.partition("=")[::2] for pair in config.get("config", {}).get("Env") or ()]
    libc = f"{machine(arch)}-manylinux_2_17"
    return {"libc": libc, **found, "layers": [asdict(x) for x in layers], "env": env}


def _not_for(ref: ImageRef, arch: str) -> SeawayError:
    return SeawayError(
        f"{ref} is not there for linux/{arch}", where="images.base",
        remedy="name an image that is, or leave this platform out of images.platforms",
    )  # fmt: skip


def _look_inside(layers: list[Path], machine: str) -> dict[str, str]:
    """Read the layers' contents for the Python that is in them and the C library that it runs on."""
    found: dict[str, str] = {}
    for path in layers:
        with tarfile.open(path, "r|*") as tar:
            for member in tar:
                if match := _PYTHON.search(member.name):
                    prefix, found["version"] = match[1] or "usr/", match[2]
                    found["program"] = f"/{prefix}bin/python{match[2]}"
                    folder = "dist-packages" if prefix == "usr/" else "site-packages"
                    place = "usr/local/" if prefix == "usr/" else prefix
                    found["site"] = f"{place}lib/python{match[2]}/{folder}"
                elif "/ld-musl-" in member.name:
                    found["libc"] = f"{machine}-unknown-linux-musl"
                elif member.isfile() and re.search(r"/libc(\.so\.6|-2\.\d+\.so)$", member.name):
                    file = tar.extractfile(member)
                    if file and (version := _GLIBC.search(file.read())):
                        major, minor = version[1].decode(), version[2].decode()
                        found["libc"] = f"{machine}-manylinux_{major}_{minor}"
    return found
