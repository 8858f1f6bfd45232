"""Ten nodes come and go again and again, for real: what of them stays behind, and what memory grows."""

from __future__ import annotations

import re
import subprocess
import time
from collections import defaultdict
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
#: Rounds before the first look at memory: until then programs grow into their caches, and etcd keeps what was
#: for five minutes (kube-apiserver, --etcd-compaction-interval), so that it has as much of it at both looks.
WARM: Final = ROUNDS
#: Seconds in which what a node leaves is cleared away; programs of Go collect theirs every 2 minutes at rest.
REST: Final = 400
PROMISES: Final = {"turnover_left_behind": 0.0, "turnover_memory_grown": 0.05}
KINDS: Final = (
    ("v1", "Node"),
    ("v1", "Pod"),
    ("coordination.k8s.io/v1", "Lease"),
    ("certificates.k8s.io/v1", "CertificateSigningRequest"),
)
#: Counters and handles of rules differ from look to look.
PASSING: Final = re.compile(r"counter packets \d+ bytes \d+|# handle \d+")


def measure() -> dict[str, Any]:
    """Let the nodes come and go; the cluster is gone afterwards."""
    clusters, outside = LocalClusters(), traces(NAME)
    clusters.create(NAME, 1, "small", silent)
    try:
        figures = _rounds(clusters)
    finally:
        clusters.delete(NAME, silent)
    return {**figures, "turnover_left_by_cluster": sorted(traces(NAME) - outside)}


def _rounds(clusters: LocalClusters) -> dict[str, Any]:
    took = [_round(clusters) for _ in range(WARM)]
    time.sleep(REST)
    before, memory = _inventory(), _memory()
    took += [_round(clusters) for _ in range(ROUNDS)]
    time.sleep(REST)
    left, after = _inventory() - before, _memory()
    added, removed = zip(*took[WARM:], strict=True)
    return {
        "turnover_rounds": ROUNDS,
        "turnover_nodes": NODES,
        "turnover_added_p50_s": quantile(added, 0.5),
        "turnover_added_max_s": max(added),
        "turnover_removed_p50_s": quantile(removed, 0.5),
        "turnover_removed_max_s": max(removed),
        "turnover_memory_before_mib": memory,
        "turnover_memory_after_mib": after,
        "turnover_memory_grown": sum(after.values()) / sum(memory.values()) - 1,
        "turnover_left_behind": len(left),
        "turnover_left": sorted(left)[:50],
    }


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
