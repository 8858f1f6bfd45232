"""OCI images as values: media types, descriptors, configuration, manifest (OCI image spec 1.1)."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEXES: Final = (INDEX, DOCKER_INDEX)
MANIFESTS: Final = (MANIFEST, DOCKER_MANIFEST)
#: Type and content of a configuration where there is nothing to configure (image spec, manifest.md).
EMPTY: Final = "application/vnd.oci.empty.v1+json"
NOTHING: Final = b"{}"
ACCEPT: Final = f"{MANIFEST}, {INDEX}, {DOCKER_MANIFEST}, {DOCKER_INDEX}"

#: The image spec's creation time is a string; the same input must give the same bytes.
CREATED: Final = "1970-01-01T00:00:00Z"

#: Tags that belong to another image: the list of its referrers, and what cosign keeps beside it.
_COMPANION: Final = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")
_OCI_TYPES: Final = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER_GZIP,
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
}


def architecture() -> str:
    """Name this machine's architecture as images do, such as amd64."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True)
class Layer:
    """A layer: its compressed bytes by `digest` and `size`, the plain tar by `diff_id`."""

    digest: str
    diff_id: str
    size: int
    media_type: str = LAYER_GZIP
    comment: str = ""

    def descriptor(self) -> dict[str, Any]:
        return {
            "mediaType": _OCI_TYPES.get(self.media_type, self.media_type),
            "digest": self.digest,
            "size": self.size,
        }


@dataclass(frozen=True)
class Settings:
    """How a container of the image runs."""

    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    workdir: str = "/"
    port: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = "SIGTERM"


def config(layers: Sequence[Layer], settings: Settings, arch: str) -> bytes:
    """Write the image's configuration; the same arguments give the same bytes."""
    run: dict[str, Any] = {
        "Env": [f"{name}={value}" for name, value in sorted(settings.env.items())],
        "WorkingDir": settings.workdir,
        "StopSignal": settings.stop_signal,
    }
    if settings.user:
        run["User"] = settings.user
    if settings.cmd:
        run["Cmd"] = list(settings.cmd)
    if settings.entrypoint:
        run["Entrypoint"] = list(settings.entrypoint)
    if settings.port:
        run["ExposedPorts"] = {f"{settings.port}/tcp": {}}
    if settings.labels:
        run["Labels"] = dict(sorted(settings.labels.items()))
    return _canonical(
        {
            "architecture": arch,
            "os": "linux",
            "created": CREATED,
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [
                {"created": CREATED, "created_by": "seaway", "comment": layer.comment} for layer in layers
            ],
        }
    )


def manifest(config_bytes: bytes, layers: Sequence[Layer]) -> bytes:
    """Write the manifest that joins a configuration with its layers."""
    return _canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(config_bytes), "size": len(config_bytes)},
            "layers": [layer.descriptor() for layer in layers],
        }
    )


def descriptor(media_type: str, data: bytes, annotations: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Name some bytes by their type, digest and size."""
    named = {"mediaType": media_type, "digest": digest(data), "size": len(data)}
    return {**named, "annotations": dict(annotations)} if annotations else named


def artifact(
    kind: str,
    subject: Mapping[str, Any],
    layers: Sequence[Mapping[str, Any]],
    annotations: Mapping[str, str],
) -> bytes:
    """Write the manifest of something that is no image but belongs to one, the `subject`."""
    return _canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": kind,
            "config": descriptor(EMPTY, NOTHING),
            "layers": list(layers),
            "subject": dict(subject),
            "annotations": dict(annotations),
        }
    )


def index(entries: Sequence[Mapping[str, Any]]) -> bytes:
    """Write an index of manifests."""
    return _canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)})


def as_referrer(media_type: str, body: bytes) -> dict[str, Any]:
    """Describe a manifest as lists of referrers do: with its artifact type and its annotations."""
    manifest_ = json.loads(body)
    kind = manifest_.get("artifactType") or manifest_.get("config", {}).get("mediaType")
    entry = descriptor(media_type, body, manifest_.get("annotations"))
    return {**entry, "artifactType": kind} if kind else entry


def fallback_tag(digest_: str) -> str:
    """Name the tag under which clients list the referrers of an image (distribution spec, Referrers Tag)."""
    return digest_.replace(":", "-")


def is_companion(tag: str) -> bool:
    """Whether a tag names what belongs to another image, not an image."""
    return bool(_COMPANION.fullmatch(tag))


def of_companion(tag: str) -> str:
    """Give the digest of the image that such a tag belongs to; nothing where it is none."""
    return tag[:71].replace("-", ":", 1) if is_companion(tag) else ""


def for_platform(index: Mapping[str, Any], arch: str) -> str | None:
    """Find the digest of the manifest for linux on `arch` in an image index, or None."""
    for entry in index.get("manifests", ()):
        where = entry.get("platform", {})
        if where.get("os") == "linux" and where.get("architecture") == arch:
            return str(entry["digest"])
    return None


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
