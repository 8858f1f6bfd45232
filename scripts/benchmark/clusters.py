"""How fast clusters and nodes come and go, what they need, and what they leave."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from scripts.rehearsal.seaway import PROGRAM
from seaway.kit.kube import Kube, Ref
from seaway.providers.local import cgroups, home

NAME: Final = "bench"
ASK: Final = """
import socket, sys, time
end = time.time() + 30
while True:
    try:
        socket.gethostbyname("kubernetes.default.svc.cluster.local")
        open("/dev/termination-log", "w").write(str(time.time()))
        sys.exit(0)
    except OSError:
        if time.time() > end:
            sys.exit(1)
        time.sleep(0.02)
"""


def measure(image: str) -> dict[str, Any]:
    """One life of a cluster: to a DNS answer in a pod, one more node, memory at rest, delete, traces."""
    _seaway("cluster", "delete", "--name", NAME, "--yes")
    before = traces()
    began = time.time()
    _seaway("cluster", "create", "--name", NAME)
    created = time.time() - began
    answered = _dns(image) - began
    time.sleep(30)
    memory = _memory()
    began = time.monotonic()
    _seaway("cluster", "scale", "--name", NAME, "--nodes", "2")
    added = time.monotonic() - began
    began = time.monotonic()
    _seaway("cluster", "scale", "--name", NAME, "--nodes", "1")
    removed = time.monotonic() - began
    began = time.monotonic()
    _seaway("cluster", "delete", "--name", NAME, "--yes")
    deleted = time.monotonic() - began
    time.sleep(1)
    return {
        "create_s": created,
        "create_to_dns_answer_s": answered,
        "node_added_s": added,
        "node_removed_s": removed,
        "delete_s": deleted,
        "left_behind": sorted(traces() - before),
        **memory,
    }


def traces(name: str = NAME) -> set[str]:
    """What a cluster could leave on this machine: processes, namespaces, mounts, links, tables, groups."""
    found = {f"netns {p.name}" for p in Path("/run/netns").glob("*")}
    found |= {f"interface {p.name}" for p in Path("/sys/class/net").iterdir()}
    found |= {f"mount {line.split()[4]}" for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    found |= {f"table {line}" for line in _out("nft", "list", "tables").splitlines()}
    found |= {f"cgroup {p}" for p in Path("/sys/fs/cgroup").glob("**/seaway/*") if p.is_dir()}
    for line in _out("ps", "-eo", "stat,args", "--no-headers").splitlines():
        state, _, words = line.strip().partition(" ")
        if f"/{name}/" in words and not state.startswith("Z"):
            found.add(f"process {words.strip()[:120]}")
    return found


def _dns(image: str) -> float:
    """Ask for a name in a pod; gives when the answer came, by the pod's own word (Unix seconds)."""
    kube = kube_of(NAME)
    container = {"name": "ask", "image": image, "command": ["python3", "-c", ASK]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ask", "namespace": "default"},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    while kube.get(Ref("v1", "ServiceAccount", "default", "default")) is None:
        time.sleep(0.02)
    kube.apply(pod)
    for _, seen in kube.watch("v1", "Pod", namespace="default", name="ask", seconds=60):
        phase = seen["status"].get("phase")
        if phase in {"Succeeded", "Failed"}:
            if phase == "Failed":
                raise RuntimeError("the pod got no DNS answer")
            return float(seen["status"]["containerStatuses"][0]["state"]["terminated"]["message"])
    raise RuntimeError("the pod did not end")


def kube_of(name: str) -> Kube:
    """Reach a cluster of this machine. Raises RuntimeError where it is gone."""
    found = home.find(name)
    if found is None:
        raise RuntimeError(f"cluster {name} is gone")
    return Kube.from_kubeconfig(str(found.kubeconfig), found.context)


def _memory() -> dict[str, float]:
    """Memory of the control plane and one idle node in MiB.

    `rss` adds up each process's resident set, and counts the pages of the engine once per process;
    `pss` shares them out, and is what they take of the machine.
    """
    shown = cgroups.processes(f"seaway/{NAME}")
    return {f"idle_{kind.lower()}_mib": taken(shown, kind) for kind in ("Rss", "Pss")}


def taken(pids: Iterable[int], kind: str = "Pss") -> float:
    """Memory of these processes in MiB; one that ends meanwhile takes none (proc_pid_smaps_rollup(5))."""
    total = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:"))
    return total / 1024


def _seaway(*words: str) -> None:
    subprocess.run(
        [PROGRAM, *words],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _out(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
