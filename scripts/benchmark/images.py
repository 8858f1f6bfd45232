"""Images: built, copied, promoted, beside what others do; and how the machine's registry conforms."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.benchmark import builds, peers
from scripts.benchmark.registry import Guarded, Server
from scripts.rehearsal.figures import quantile
from seaway.kit import oci
from seaway.model.event import silent
from seaway.model.names import Digest, ImageRef
from seaway.providers.local import engine
from seaway.providers.local.access import PUSH
from seaway.rooms.images.keys import make_pair, private_key, public_key
from seaway.rooms.images.promote import Move, Rules, promote
from seaway.rooms.images.shelf import Shelf
from seaway.rooms.images.signatures import sign

PROMISES: Final = {
    **builds.PROMISES,
    "copy_of_best_peer": 1.0,
    "copy_rss_mib": 100.0,
    "promotion_by_mount_s": 0.3,
    "conformance_unexplained": 0.0,
}
LAYERS: Final = 5
LAYER: Final = 100 << 20
RUNS: Final = 3
#: What the machine's registry does not do, by a part of the test's name; docs/rooms/images.md says why.
KNOWN: Final = {
    "/sha512": "sha512",
    "subject": "referrers",
    "/referrers": "referrers",
    "/non-distributable": "foreign_layers",
}
COPY: Final = """
import sys
from seaway.model.event import silent
from seaway.model.names import Digest, ImageRef
from seaway.rooms.images.copy import copy
from seaway.rooms.images.shelf import Shelf
source, target = (Shelf.of(ImageRef.parse(each)) for each in sys.argv[1:])
digest = source.find(ImageRef.parse(sys.argv[1]))
copy(source, target, digest, silent, "bench")
target.server.put_manifest(target.repository, "v1", *target.server.manifest(target.repository, str(digest)))
"""


def measure() -> Iterator[dict[str, Any]]:
    """Every figure: seconds, MiB of memory, counts of tests."""
    registry = (engine.ensure(silent).program("engine"), "registry")
    tools = peers.built(peers.IMAGES, peers.CRANE, peers.CONFORMANCE)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with Server(registry, folder / "source") as source:
            _large(source.host, folder / "layer")
            yield _copies(registry, tools, f"{source.host}/team/app:v1", folder)
            yield builds.measure(source.host, folder)
        with Guarded(registry, folder / "guarded") as server:
            yield _conformance(tools, server, folder / "results")
            _large(server.host, folder / "layer")
            yield _promotions(server.host, folder)


def _copies(registry: Sequence[str | Path], tools: Path, image: str, folder: Path) -> dict[str, Any]:
    """Copy the large image into empty registries, by each in turn: the median of their times, most memory."""

    def seaway(target: str) -> Sequence[str | Path]:
        return (sys.executable, "-c", COPY, image, target)

    def crane(target: str) -> Sequence[str | Path]:
        return (tools / "crane", "copy", "--insecure", image, target)

    def skopeo(target: str) -> Sequence[str | Path]:
        plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
        return ("skopeo", "copy", "--quiet", *plain, f"docker://{image}", f"docker://{target}")

    known = [seaway, crane, *([skopeo] if shutil.which("skopeo") else [])]
    times: dict[str, list[float]] = {each.__name__: [] for each in known}
    most: dict[str, float] = {}
    for run in range(RUNS):
        for each in known:
            name = each.__name__
            with Server(registry, folder / f"{name}-{run}") as server:
                seconds, memory = _run(each(f"{server.host}/team/app:v1"))
            shutil.rmtree(folder / f"{name}-{run}")
            times[name].append(seconds)
            most[name] = max(most.get(name, 0), memory)
    median = {name: quantile(each, 0.5) for name, each in times.items()}
    told: dict[str, Any] = {f"copy_{name}_s": each for name, each in median.items()}
    told |= {f"copy_{name}_rss_mib": each for name, each in most.items() if name != "seaway"}
    best = min(each for name, each in median.items() if name != "seaway")
    return {**told, "copy_rss_mib": most["seaway"], "copy_of_best_peer": median["seaway"] / best}


def _promotions(host: str, folder: Path) -> dict[str, float]:
    """Promote the large image, signed and gated, within its registry: blobs are mounted."""
    key, source = private_key(make_pair(folder / "release", None)[0]), Shelf.of(ImageRef(host, "team/app"))
    image = ImageRef(host, "team/app", "v1")
    sign(source, source.find(image), key)
    rules, times = Rules(signed=(public_key(folder / "release.pub", "release.pub"),)), []
    for run in range(9):
        target = Shelf.of(ImageRef(host, f"live-{run}/app"))
        begin = time.monotonic()
        done = promote({"app": (image, Move(source, target, "staging", "live", "bench"))}, rules, silent)
        times.append(time.monotonic() - begin)
        if done["app"].copied.sent > 1 << 20:
            raise SystemExit("a promotion within a registry sent what it could have mounted")
    return {"promotion_by_mount_s": quantile(times, 0.5)}


def _conformance(tools: Path, server: Guarded, results: Path) -> dict[str, Any]:
    """Run the tests of the OCI distribution specification; what fails without a known reason is counted."""
    login = server.access.account(PUSH)
    asked = {"OCI_REGISTRY": server.host, "OCI_TLS": "enabled", "OCI_RESULTS_DIR": str(results)}
    known = {"OCI_USERNAME": login.user, "OCI_PASSWORD": login.password, **server.environment()}
    env = {**os.environ, **asked, **known}
    subprocess.run([tools / "conformance"], env=env, check=False, capture_output=True)
    counts: Counter[str] = Counter()
    for case in ET.parse(results / "junit.xml").iter("testcase"):  # noqa: S314
        name, status = case.get("name", ""), case.get("status", "")
        why = next((why for part, why in KNOWN.items() if part in name), "unexplained")
        counts[f"conformance_{why if status == 'failure' else status}"] += 1
    return {"conformance_unexplained": 0, **counts}


def _large(host: str, place: Path) -> None:
    """Push an image of large layers whose bytes cannot be squeezed."""
    shelf, layers = Shelf.of(ImageRef(host, "team/app")), []
    for _ in range(LAYERS):
        with place.open("wb") as out:
            for _ in range(LAYER >> 20):
                out.write(os.urandom(1 << 20))
        with place.open("rb") as file:
            digest = Digest(f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}")
        shelf.server.put_blob(shelf.repository, digest.value, place)
        layers.append(oci.Layer(digest.value, digest.value, LAYER))
    place.unlink()
    config = oci.config(layers, oci.Settings(), oci.architecture())
    shelf.put(config)
    shelf.server.put_manifest(shelf.repository, "v1", oci.MANIFEST, oci.manifest(config, layers))


def _run(argv: Sequence[str | Path]) -> tuple[float, float]:
    """Run a program; gives its seconds and the most memory (MiB, resident) that it had at a time."""
    begin, most = time.monotonic(), 0
    with tempfile.TemporaryFile() as story:
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=story)
        while process.poll() is None:
            # Not what getrusage(2) tells: that begins with the memory of who forked.
            if found := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text()):
                most = max(most, int(found[1]))
            time.sleep(0.01)
        seconds = time.monotonic() - begin
        if process.returncode:
            story.seek(0)
            raise SystemExit(f"{argv[0]} failed: {story.read().decode()}")
    return seconds, most / 1024
