"""How `plan` and `status` grow with a cluster: nodes and pods that kwok pretends, all else for real."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from scripts.benchmark import crossing, peers
from scripts.benchmark.clusters import kube_of
from scripts.rehearsal.seaway import PROGRAM, Seaway
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.providers.local import home

NAME: Final = "bench-simulation"
SYSTEM: Final = "crowd"
HTTP, HTTPS, MONOLITH = 8880, 8843, 8890
KWOK: Final = Path(__file__).parent / "kwok"
COMMAND: Final = "sigs.k8s.io/kwok/cmd/kwok"
#: Nodes, and the services that are on them, each of so many pods.
STAGES: Final = ((10, 2), (100, 20), (1000, 200))
REPLICAS: Final = 50
#: A label that the nodes carry which kwok plays, and addresses for their pods (RFC 2544: for benchmarks).
PLAYED: Final = ("kwok.x-k8s.io/node", "fake")
PODS: Final = "198.18.0.0/15"
LOOK: Final = 0.005
#: Seconds that a stage has to come to rest.
REST: Final = 300.0
MOST: Final = STAGES[-1][0]
PROMISES: Final = {
    f"plan_{MOST}_s": 5.0,
    f"status_{MOST}_s": 5.0,
    f"plan_{MOST}_mib": 300.0,
    f"status_{MOST}_mib": 300.0,
    f"plan_{MOST}_changes": 0.0,
    f"status_{MOST}_problems": 0.0,
}


def measure() -> Iterator[dict[str, Any]]:
    """Bring the crowd up stage by stage and look at each; the cluster is gone afterwards."""
    kwok = peers.built(KWOK, COMMAND) / "kwok"
    with tempfile.TemporaryDirectory() as folder, crossing.old_server(MONOLITH):
        file = _system(Path(folder), 0)
        seaway = Seaway(file, {})
        try:
            # The gateway gets the one real node, which takes nothing after that.
            seaway.tell("up", "--yes")
            kube = kube_of(NAME)
            (real,) = kube.list("v1", "Node")
            kube.patch(Ref.of(real), {"spec": {"unschedulable": True}})
            with peers.running(_played(kwok), Path(folder) / "kwok.log"):
                for nodes, services in STAGES:
                    _pretend(kube, nodes)
                    _system(Path(folder), services)
                    yield from _stage(seaway, file, nodes, kube)
            kube.close()
        finally:
            seaway.tell("down", "--yes")


def _stage(seaway: Seaway, file: Path, nodes: int, kube: Kube) -> Iterator[dict[str, Any]]:
    """Bring one stage up and look at it: at once, when much may be in trouble still, and at rest."""
    began = time.monotonic()
    seaway.tell("up", "--yes")
    yield {f"up_{nodes}_s": time.monotonic() - began}
    early = _looked("status", file)
    yield {
        f"status_{nodes}_early_s": early[0],
        f"status_{nodes}_early_mib": early[1],
        f"status_{nodes}_early_problems": len(early[2]["problems"]),
    }
    rested = _rest(kube)
    plan, status = _looked("plan", file), _looked("status", file)
    pods = sum(service["ready"] for service in status[2]["services"])
    yield {
        f"rest_{nodes}_s": rested,
        f"pods_{nodes}": pods,
        f"plan_{nodes}_s": plan[0],
        f"plan_{nodes}_mib": plan[1],
        f"plan_{nodes}_changes": len(plan[2]["changes"]),
        f"status_{nodes}_s": status[0],
        f"status_{nodes}_mib": status[1],
        f"status_{nodes}_problems": len(status[2]["problems"]),
    }


def _rest(kube: Kube) -> float:
    """Wait until every pod that is wanted is ready, REST seconds at most; gives the seconds that it took.

    A machine that was busy with the crowd renewed leases late, and nodes counted as lost for a while.
    """
    began = time.monotonic()
    while time.monotonic() - began < REST:
        found = kube.list("apps/v1", "Deployment", namespace=SYSTEM)
        if all(each.get("status", {}).get("readyReplicas") == each["spec"]["replicas"] for each in found):
            break
        time.sleep(5)
    return time.monotonic() - began


def _looked(word: str, file: Path) -> tuple[float, float, Any]:
    """Run a command that looks: its seconds, the most memory it had (MiB), and what it said.

    VmHWM (proc_pid_status(5)) is of this program alone; what wait4 tells would count the parent's too.
    """
    with tempfile.TemporaryFile() as out:
        began, most = time.monotonic(), 0
        command = subprocess.Popen([PROGRAM, word, "--file", file, "-o", "json"], stdout=out)
        while command.poll() is None:
            most = _peak(command.pid) or most
            time.sleep(LOOK)
        took = time.monotonic() - began
        out.seek(0)
        return took, most / 1024, json.load(out)


def _peak(pid: int) -> int:
    """The most memory that a process had until now, in KiB; 0 once it has ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _played(kwok: Path) -> list[str | Path]:
    found = home.find(NAME)
    if found is None:
        raise RuntimeError(f"cluster {NAME} is gone")
    only = f"--manage-nodes-with-label-selector={'='.join(PLAYED)}"
    # Renewed every quarter of it: a node whose lease is older than 20 s counts as lost (control.py).
    alive = "--node-lease-duration-seconds=48"
    return [
        *(kwok, f"--kubeconfig={found.kubeconfig}", f"--config={KWOK / 'stages.yaml'}"),
        *("--manage-all-nodes=false", only, alive, f"--cidr={PODS}"),
    ]


def _pretend(kube: Kube, nodes: int) -> None:
    """Have so many nodes; those that are there stay."""
    for number in range(nodes):
        kube.create(_node(f"played-{number:04}"))


def _node(name: str) -> Manifest:
    room = {"cpu": "16", "memory": "64Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": dict([PLAYED, ("kubernetes.io/hostname", name)])},
        "status": {"capacity": room, "allocatable": room},
    }


def _system(folder: Path, services: int) -> Path:
    """Write the system's file with so many services, all of one project."""
    shutil.copytree(crossing.LIGHT, folder / "light", dirs_exist_ok=True)
    service = {
        "source": "./light",
        "run": "python3 server.py",
        "scale": REPLICAS,
        "env": {"SIDE": "app", "PORT": "8000"},
        "rollout": {"deadline": 3600},
    }
    place = {
        "on": "local",
        "cluster": NAME,
        "domain": "crowd.localhost",
        "nodes": 1,
        "ports": {"http": HTTP, "https": HTTPS},
    }
    document = {
        "system": SYSTEM,
        "environments": {"bench": place},
        "monolith": {"address": f"http://127.0.0.1:{MONOLITH}"},
        "services": {f"service-{number:03}": service for number in range(services)},
    }
    file = folder / "seaway.yaml"
    # Every service is written out, without anchors.
    file.write_text(json.dumps(document))
    return file
