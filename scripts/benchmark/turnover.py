"""Ten nodes come and go again and again, for real: what of them stays behind, and what memory grows."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from scripts.benchmark.clusters import kube_of, taken, traces
from scripts.rehearsal.figures import quantile
from seaway.errors import Unready
from seaway.model.event import silent
from seaway.providers.local import cgroups, home
from seaway.providers.local.clusters import LocalClusters
from seaway.providers.local.home import Home

NAME: Final = "bench-turnover"
NODES: Final = 10
ROUNDS: Final = 20
#: Rounds before the first look at memory: until then programs grow into their caches.
WARM: Final = ROUNDS
#: Seconds in which what a node leaves is cleared away; programs of Go collect theirs every 2 minutes at rest.
REST: Final = 180
#: Has etcd forget what was, in the control plane's namespace (its JSON gateway: /v3/kv, /v3/maintenance). By
#: itself it keeps that for 5 to 10 minutes (kube-apiserver, --etcd-compaction-interval).
FORGET: Final = """
import json, urllib.request
def ask(what, sent):
    url = "http://127.0.0.1:2379/v3/" + what
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(sent).encode())) as answer:
        return json.load(answer)
revision = ask("kv/range", {"key": "Lw=="})["header"]["revision"]
ask("kv/compaction", {"revision": revision, "physical": True})
ask("maintenance/defragment", {})
"""
PROMISES: Final = {"turnover_left_behind": 0.0, "turnover_memory_grown": 0.05}
KINDS: Final = (
    ("v1", "Node"),
    ("v1", "Pod"),
    ("coordination.k8s.io/v1", "Lease"),
    ("certificates.k8s.io/v1", "CertificateSigningRequest"),
)
#: Counters and handles of rules differ from look to look.
PASSING: Final = re.compile(r"counter packets \d+ bytes \d+|# handle \d+")


def measure(warm: int = WARM, rounds: int = ROUNDS, rest: float = REST) -> Iterator[dict[str, Any]]:
    """Let the nodes come and go; the cluster is gone afterwards."""
    clusters, outside = LocalClusters(), traces(NAME)
    clusters.create(NAME, 1, "small", silent)
    try:
        yield from _rounds(clusters, warm, rounds, rest)
    finally:
        clusters.delete(NAME, silent)
    yield {"turnover_left_by_cluster": sorted(traces(NAME) - outside)}


def _rounds(clusters: LocalClusters, warm: int, rounds: int, rest: float) -> Iterator[dict[str, Any]]:
    for _ in range(warm):
        _round(clusters)
    _rest(rest)
    before, memory = _inventory(), _memory()
    yield {"turnover_nodes": NODES, "turnover_memory_before_mib": memory}
    added, removed = zip(*(_round(clusters) for _ in range(rounds)), strict=True)
    yield {
        "turnover_rounds": rounds,
        "turnover_added_p50_s": quantile(added, 0.5),
        "turnover_added_max_s": max(added),
        "turnover_removed_p50_s": quantile(removed, 0.5),
        "turnover_removed_max_s": max(removed),
    }
    _rest(rest)
    left, after = _inventory() - before, _memory()
    yield {
        "turnover_memory_after_mib": after,
        "turnover_memory_grown": sum(after.values()) / sum(memory.values()) - 1,
        "turnover_left_behind": len(left),
        "turnover_left": sorted(left)[:50],
    }


def _rest(seconds: float) -> None:
    """Have etcd hold no more than there is, and let the others clear away what was."""
    inside = ("nsenter", f"--net=/run/netns/{_home().namespace}")
    subprocess.run((*inside, sys.executable, "-c", FORGET), check=True)
    time.sleep(seconds)


def _round(clusters: LocalClusters) -> tuple[float, float]:
    """Add the nodes and take them away; gives the seconds of both."""
    began = time.monotonic()
    clusters.scale(NAME, 1 + NODES, "small", silent)
    full = time.monotonic()
    clusters.scale(NAME, 1, "small", silent)
    return full - began, time.monotonic() - full


def _inventory() -> set[str]:
    """All that a node can leave: on the machine, in the cluster's namespace and folders, in its API."""
    place = _home()
    found = traces(NAME) | _groups(place) | _network(place)
    found |= {
        f"folder {path}" for top in (place.run, place.state / "nodes", place.logs) for path in top.glob("*")
    }
    with closing(kube_of(NAME)) as kube:
        for api, kind in KINDS:
            found |= {f"{kind} {m['metadata']['name']}" for m in kube.list(api, kind, metadata=True)}
    return found


def _groups(place: Home) -> set[str]:
    tops = [root / place.cgroup for root in cgroups.hierarchies()]
    return {f"cgroup {path}" for top in tops for path in top.rglob("*") if path.is_dir()}


def _network(place: Home) -> set[str]:
    """Links, neighbours, routes and rules, on the machine and where the control plane is."""
    found = set[str]()
    for where in ((), ("nsenter", f"--net=/run/netns/{place.namespace}")):
        for words in (
            ("ip", "-o", "link"),
            ("ip", "route", "show", "table", "all"),
            ("nft", "list", "ruleset"),
        ):
            said = subprocess.run((*where, *words), check=True, capture_output=True, text=True).stdout
            found |= {f"{' '.join(words[:2])}: {PASSING.sub('', line).strip()}" for line in said.splitlines()}
    return found


def _memory() -> dict[str, float]:
    """What the control plane and its supervisor take of the machine, in MiB, by program."""
    found: defaultdict[str, float] = defaultdict(float)
    for pid in cgroups.processes(f"{_home().cgroup}/control"):
        found[_program(pid)] += taken([pid])
    return dict(found)


def _program(pid: int) -> str:
    """How a process is called: the engine is many programs in one, named by its first word."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except FileNotFoundError:
        return "gone"
    name = Path(words[0].split()[0]).name
    return {"engine": words[1], "python": "keeper"}.get(name, name)


def _home() -> Home:
    found = home.find(NAME)
    if found is None:
        raise Unready("the benchmark's cluster is gone")
    return found
