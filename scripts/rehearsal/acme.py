"""An ACME server of the town's own: Pebble, on loopback, kept alive by s6 beside the old server.

Pods reach its directory by the same kind of door as the monolith. It looks for proofs as a visitor would: all
names lead it to this machine.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any, Final

from scripts.benchmark.pebble import Server
from scripts.rehearsal.seaway import Seaway
from seaway.model.event import Report
from seaway.providers.local import supervisor
from seaway.providers.local.ca import LocalCertificates
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.home import CLUSTERS, Home
from seaway.providers.local.supervisor import Service

SERVICES: Final = ("pebble-names", "pebble")
#: Where the example's visitors are redirected from, and the server looks for proofs.
PROOFS: Final = 80
#: This machine as pods reach it, whichever of its numbers the cluster gets.
DOORS: Final = tuple(str(Home("any", number).outside) for number in range(CLUSTERS))
#: Seconds in which it must have signed; after a failure the pilot waits a minute.
PATIENCE: Final = 180


def begin(run: Path, folder: Path, logs: Path) -> Server:
    """Start it beside what s6 keeps alive in `run`, or see that it runs."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(folder, PROOFS)
    commands = server.commands(*DOORS)
    services = [Service(name, tuple(argv)) for name, argv in zip(SERVICES, commands, strict=True)]
    supervisor.write(run, services, logs)
    supervisor.start(run, "", folder / "supervisor.log")
    server.wait(f"read {logs}/pebble/current")
    return server


def end(run: Path) -> None:
    """Stop it, where an earlier rehearsal began it."""
    for name in SERVICES:
        if (run / name).exists():
            supervisor.remove(run, name)


def let_in(server: Server, cluster: str, report: Report) -> str:
    """Let the cluster's pods reach it, and make the cluster where there is none; gives its directory."""
    clusters = LocalClusters()
    found = clusters.find(cluster)
    if found is None or found.state != "running":
        found = clusters.create(cluster, 1, "medium", report)
    if server.port not in found.admitted:
        clusters.admit(cluster, (*found.admitted, server.port), report)
    return f"https://{found.outside}:{server.port}/dir"


def write(file: Path, server: Server, directory: str) -> None:
    """Say in the file that the server signs for the visitors' environment."""
    ca = file.with_name("acme-ca.pem")
    ca.write_bytes(server.ca.read_bytes())
    https = f'https: {{issuer: acme, directory: "{directory}", ca: ./{ca.name}}}'
    written, found = re.subn(
        r"^(  rehearsal: \{.*)\}$", rf"\1, {https}}}", file.read_text(), count=1, flags=re.MULTILINE
    )
    if not found:
        sys.exit(f"{file} has no environment rehearsal in one line")
    file.write_text(written)


def await_signature(seaway: Seaway) -> dict[str, Any]:
    """Wait until visitors are shown what it signed; gives what `seaway edge status` says then."""
    ends = time.monotonic() + PATIENCE
    while True:
        told: dict[str, Any] = seaway.ask("edge", "status")
        if told["acme"] and told["acme"]["signed"] and not told["failure"]:
            return told
        if time.monotonic() > ends:
            sys.exit(f"the ACME server did not sign within {PATIENCE} s: {told}")
        time.sleep(0.5)


def trusted(server: Server) -> Path:
    """Write down whom visitors trust: its root, in a file of its own too, and who signed the stand-in."""
    root, place = server.root(), server.folder / "visitors.pem"
    (server.folder / "root.pem").write_text(root)
    place.write_text(f"{root}\n{Path(LocalCertificates().authority_path()).read_text()}")
    return place
