"""What all clusters of this machine share: the registry, and the image that holds pods open."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Final

from seaway.errors import SeawayError, Unready
from seaway.kit import archive, oci
from seaway.kit.http import Http
from seaway.providers.local import cgroups, control, home, supervisor
from seaway.providers.local.engine import Engine

GROUP: Final = "seaway/machine"
HOST: Final = f"127.0.0.1:{control.REGISTRY_PORT}"
_SERVICES: Final = home.RUN / "machine"


def start(engine: Engine) -> None:
    """Start the registry, or see that it runs."""
    cgroups.make(GROUP)
    logs = home.STATE / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    supervisor.write(_SERVICES, [control.registry(engine, home.STATE)], logs)
    supervisor.start(_SERVICES, cgroups.join(GROUP), logs / "supervisor.log")
    end = time.monotonic() + 15
    while not answers():
        if time.monotonic() > end:
            raise Unready(
                "the machine's registry did not start", where=HOST, remedy=f"read {logs}/registry/current"
            )
        time.sleep(0.05)


def answers() -> bool:
    """Whether the registry serves."""
    try:
        with Http(f"http://{HOST}", attempts=1, timeout=2) as http:
            http.request("GET", "/v2/")
    except SeawayError:
        return False
    return True


def supervised() -> bool:
    """Whether the registry is kept running: one that is silent for the moment will answer soon."""
    return supervisor.scanning(_SERVICES)


def stop() -> None:
    """Stop the registry; its images stay on the disk."""
    cgroups.kill(GROUP)
    cgroups.remove(GROUP)
    supervisor.forget(_SERVICES)


def pause(engine: Engine) -> str:
    """The image of every pod's first container, pushed where it is not there yet; returns its reference."""
    with Http(f"http://{HOST}") as http:
        packed = io.BytesIO()
        written = archive.write([archive.Entry("pause", source=engine.program("pause"))], packed)
        layer = oci.Layer(written.digest, written.diff_id, written.size)
        config = oci.config(
            [layer], oci.Settings(entrypoint=("/pause",), user="65535:65535"), oci.architecture()
        )
        manifest = oci.manifest(config, [layer])
        digest = oci.digest(manifest)
        there = http.request(
            "HEAD", f"/v2/seaway/pause/manifests/{digest}", ok=(200, 404), headers={"Accept": oci.ACCEPT}
        )
        if not there.is_success:
            for blob in (packed.getvalue(), config):
                _upload(http, blob)
            headers = {"Content-Type": oci.MANIFEST}
            http.request(
                "PUT", f"/v2/seaway/pause/manifests/{digest}", ok=(201,), body=manifest, headers=headers
            )
    return f"{HOST}/seaway/pause@{digest}"


def _upload(http: Http, blob: bytes) -> None:
    """Upload one blob in one piece (OCI distribution spec, Pushing a blob monolithically)."""
    place = http.request("POST", "/v2/seaway/pause/blobs/uploads/", ok=(202,)).headers["Location"]
    headers = {"Content-Type": "application/octet-stream"}
    separator = "&" if "?" in place else "?"
    http.request("PUT", f"{place}{separator}digest={oci.digest(blob)}", ok=(201,), body=blob, headers=headers)


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
