"""Clusters on this machine: one recipe per verb."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from seaway.errors import NotFound, Refused, SeawayError, Unready, UsageError
from seaway.kit import process
from seaway.kit.kube import Kube, Ref
from seaway.kit.lock import locked
from seaway.model.event import Event, Outcome, Report, notes
from seaway.ports.clusters import ClusterFacts, NodeFacts
from seaway.providers.local import (
    addons,
    cgroups,
    contexts,
    control,
    drain,
    engine,
    home,
    machine,
    network,
    node,
    pki,
    supervisor,
)
from seaway.providers.local.home import Home, NodeHome

TOOLS: Final = ("ip", "nft", "nsenter", "unshare", "mount", "sysctl", "runc", "s6-svscan")
PATIENCE: Final = 90.0


class LocalClusters:
    """Implements ports.Clusters with namespaces and processes of this machine."""

    def find(self, name: str) -> ClusterFacts | None:
        found = home.find(name)
        return _facts(found) if found else None

    def get(self, name: str) -> ClusterFacts:
        """See a cluster that must be there. Raises NotFound."""
        return _facts(_existing(name))

    def list(self) -> tuple[ClusterFacts, ...]:
        return tuple(_facts(each) for each in home.homes())

    def create(self, name: str, nodes: int, size: str, report: Report) -> ClusterFacts:
        _check(size, nodes)
        process.require(*TOOLS)
        programs = engine.ensure(report)
        with _changing(name, report):
            place = _settle(name)
            with _told(report, f"cluster/{name}/network", "network"):
                network.raise_cluster(place)
            with _told(report, f"cluster/{name}/registry", "registry"):
                machine.start(programs)
                pause = machine.pause(programs)
            there = home.nodes(place)
            wanted = there or tuple(place.node(n + 1) for n in range(nodes))
            asleep = not supervisor.scanning(place.services)
            since = _now() if there and asleep else ""
            if asleep:
                place.gate.unlink(missing_ok=True)
            pki.make_cluster(place)
            with closing(_kube(place)) as kube:
                with _told(report, f"cluster/{name}/control", "control plane"):
                    self._write_nodes(wanted, size, programs, pause)
                    self._start(place, wanted, programs)
                    _wait_for_api(place, kube)
                    for manifest in addons.rights():
                        _patiently(kube, manifest)
                    place.gate.touch()
                    for manifest in addons.services(place):
                        _patiently(kube, manifest)
                with _told(
                    report, f"cluster/{name}/nodes", f"{len(wanted)} node{'s' * (len(wanted) > 1)} ready"
                ):
                    _wait_for_nodes(kube, wanted, since)
            contexts.merge(place)
            _write_record(place, {**_record(place), "whole": True})
        return self.scale(name, nodes, size, report) if len(wanted) < nodes else _facts(place)

    def scale(self, name: str, nodes: int, size: str, report: Report) -> ClusterFacts:
        _check(size, nodes)
        with _changing(name, report), closing(_kube(_existing(name))) as kube:
            place = _existing(name)
            there = home.nodes(place)
            programs = engine.ensure(report)
            if nodes > len(there):
                free = [n for n in range(1, home.NODES) if n not in {each.number for each in there}]
                fresh = tuple(place.node(n) for n in free[: nodes - len(there)])
                with _told(
                    report, f"cluster/{name}/nodes", f"added {', '.join(each.name for each in fresh)}"
                ):
                    self._write_nodes(fresh, size, programs, machine.pause(programs))
                    self._start(place, (*there, *fresh), programs)
                    _wait_for_nodes(kube, fresh)
            for each in reversed(there[nodes:]):
                with _told(report, f"cluster/{name}/{each.name}", f"drained and removed {each.name}"):
                    drain.drain(kube, each.name, report)
                    self._remove_node(kube, each)
            return _facts(place)

    def check_ports(self, name: str, ports: tuple[int, ...]) -> None:
        published = {each.name: {int(port) for port in _record(each)["published"]} for each in home.homes()}
        mine = published.pop(name, set())
        for other, theirs in published.items():
            if taken := set(ports) & theirs:
                raise Refused(
                    f"port {min(taken)} of this machine leads to cluster {other}",
                    remedy=f"choose other ports, or: seaway cluster delete --name {other}",
                )
        network.check_ports(tuple(sorted(set(ports) - mine)))

    def publish(self, name: str, ports: dict[int, tuple[str, int]], report: Report) -> None:
        with _changing(name, report):
            place = _existing(name)
            record = _record(place)
            self.check_ports(name, tuple(ports))
            record["published"] = {str(port): list(to) for port, to in ports.items()}
            _write_record(place, record)
            _write_rules(place)

    def admit(self, name: str, ports: tuple[int, ...], report: Report) -> None:
        with _changing(name, report):
            place = _existing(name)
            record = _record(place)
            record["admitted"] = sorted(set(ports))
            _write_record(place, record)
            _write_rules(place)

    def kubeconfig(self, name: str) -> str:
        return str(_existing(name).kubeconfig)

    def use(self, name: str) -> str:
        """Make the cluster's context the current one of the user's kubeconfig; returns the context."""
        place = _existing(name)
        contexts.use(place)
        return place.context

    def delete(self, name: str, report: Report) -> bool:
        place = home.find(name)
        if place is None:
            contexts.remove(Home(name, 0).context)
            return False
        with _changing(name, report), _told(report, f"cluster/{name}", f"cluster {name} deleted"):
            cgroups.kill(place.cgroup)
            network.lower_cluster(place)
            cgroups.remove(place.cgroup)
            supervisor.forget(place.services)
            shutil.rmtree(place.run, ignore_errors=True)
            _unmount_below(place.state)
            shutil.rmtree(place.state)
            contexts.remove(place.context)
            if not home.homes():
                machine.stop()
                cgroups.remove("seaway")
        return True

    def _write_nodes(self, nodes: Sequence[NodeHome], size: str, programs: engine.Engine, pause: str) -> None:
        resolver = machine.resolver()
        for each in nodes:
            kept = each.size if each.record.exists() else size
            node.write(each, kept, programs, pause, resolver)
            node.make_groups(each, kept)
            network.raise_node(each)

    def _start(self, place: Home, nodes: Sequence[NodeHome], programs: engine.Engine) -> None:
        control.write_files(place, machine.resolver(), nodes[0].name)
        supervisor.write(
            place.services, [*control.services(place, programs), *map(node.service, nodes)], place.logs
        )
        supervisor.start(place.services, control.entry(place), place.logs / "supervisor.log")
        _write_rules(place)

    def _remove_node(self, kube: Kube, each: NodeHome) -> None:
        """Take the node away once no pod names it; else they stay Terminating until they are collected."""
        supervisor.remove(each.cluster.services, f"node-{each.number}")
        cgroups.kill(each.cgroup)
        network.lower_node(each)
        cgroups.remove(each.cgroup)
        kube.delete(Ref("v1", "Node", each.name))
        _unmount_below(each.state)
        shutil.rmtree(each.state)
        for file in each.cluster.pki.glob(f"{each.name}.*"):
            file.unlink()


def _check(size: str, nodes: int) -> None:
    if size not in node.SIZES:
        raise UsageError(f"no such size: {size}", remedy=f"one of {', '.join(node.SIZES)}")
    if not 1 <= nodes < home.NODES:
        raise UsageError(f"a local cluster has 1 to {home.NODES - 1} nodes, not {nodes}")
    need_root()


def need_root() -> None:
    """Raise Refused for anybody else."""
    if os.geteuid():
        raise Refused(
            "a local cluster needs root",
            why="its nodes are namespaces, mounts and control groups of this machine",
            remedy="run the command again with sudo",
        )


def _existing(name: str) -> Home:
    found = home.find(name)
    if found is None:
        others = ", ".join(each.name for each in home.homes())
        raise NotFound(
            f"no cluster {name} on this machine",
            why=f"there are: {others}" if others else "there is none",
            remedy=f"seaway cluster create --name {name}",
        )
    need_root()
    return found


def _settle(name: str) -> Home:
    """Give a new cluster its number and its folder, once for good."""
    if found := home.find(name):
        return found
    place = Home(name, network.free_number())
    place.state.mkdir(parents=True, exist_ok=True, mode=0o711)
    _write_record(place, {"number": place.number, "published": {}, "admitted": [], "whole": False})
    return place


def _record(place: Home) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((place.state / "cluster.json").read_text())
    return record


def _write_record(place: Home, record: dict[str, Any]) -> None:
    fresh = place.state / "cluster.json.new"
    fresh.write_text(json.dumps(record))
    fresh.replace(place.state / "cluster.json")


def _write_rules(place: Home) -> None:
    record = _record(place)
    published = {int(port): (str(ip), int(to)) for port, (ip, to) in record["published"].items()}
    network.write_rules(place, published, (control.REGISTRY_PORT, *record["admitted"]))


def _kube(place: Home) -> Kube:
    return Kube.from_kubeconfig(str(place.kubeconfig), place.context)


def _wait_for_api(place: Home, kube: Kube) -> None:
    end = time.monotonic() + PATIENCE
    while not kube.ready():
        if time.monotonic() > end:
            raise Unready(
                "the API server did not become ready",
                where=place.server,
                remedy=f"read {place.logs}/kube-apiserver/current and {place.logs}/etcd/current",
            )
        time.sleep(0.1)


def _patiently(kube: Kube, manifest: dict[str, Any]) -> None:
    """Apply, again for a while: a young API server refuses what its own start has yet to make."""
    for attempt in range(40):
        try:
            kube.apply(manifest)
        except SeawayError:
            if attempt == 39:  # noqa: PLR2004
                raise
            time.sleep(0.25)
        else:
            return


def _wait_for_nodes(kube: Kube, nodes: Sequence[NodeHome], since: str = "") -> None:
    """Wait until the nodes are ready, and have renewed their leases `since` then.

    A node that was switched off stays ready on paper for a while.
    """
    missing = {each.name: each for each in nodes}
    end = time.monotonic() + PATIENCE
    while missing:
        leases = kube.list("coordination.k8s.io/v1", "Lease", namespace="kube-node-lease") if since else []
        awake = {lease["metadata"]["name"] for lease in leases if lease["spec"].get("renewTime", "") > since}
        for item in kube.list("v1", "Node"):
            if _is_ready(item) and (not since or item["metadata"]["name"] in awake):
                missing.pop(item["metadata"]["name"], None)
        if missing and time.monotonic() > end:
            name, first = next(iter(missing.items()))
            raise Unready(
                f"node {name} did not become ready",
                remedy=f"read {first.cluster.logs}/node-{first.number}/kubelet/current",
            )
        time.sleep(0.1 if missing else 0)


def _now() -> str:
    """This moment as Kubernetes writes a MicroTime, so that the two compare as texts."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _is_ready(item: dict[str, Any]) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _facts(place: Home) -> ClusterFacts:
    need_root()  # for anybody else all of it would look stopped
    running = supervisor.scanning(place.services)
    items = _nodes_seen(place) if running and place.kubeconfig.exists() else None
    up = items is not None
    nodes = tuple(
        NodeFacts(
            n.name,
            str(n.address),
            n.size,
            up and _is_ready((items or {}).get(n.name, {})),
            bool(cgroups.processes(n.cgroup)),
        )
        for n in home.nodes(place)
    )
    record = _record(place)
    sound = up and all(n.ready for n in nodes) and record.get("whole", True)
    state = "running" if sound else "broken" if running else "stopped"
    published = {int(port): (str(ip), int(to)) for port, (ip, to) in record["published"].items()}
    return ClusterFacts(
        place.name,
        place.context,
        place.server,
        state,
        nodes,
        str(place.outside),
        published,
        tuple(record["admitted"]),
    )


def _nodes_seen(place: Home) -> dict[str, dict[str, Any]] | None:
    """The nodes by name as the API server knows them; None where it does not answer."""
    with closing(_kube(place)) as kube:
        return {item["metadata"]["name"]: item for item in kube.list("v1", "Node")} if kube.ready() else None


def _unmount_below(folder: Path) -> None:
    """Node mounts live in the nodes' namespaces and end with them; what a broken end left here is let go."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), reverse=True):
        process.run("umount", "-l", mount, check=False)


@contextmanager
def _changing(name: str, report: Report) -> Iterator[None]:
    """One change of a cluster at a time."""
    home.parse_name(name)
    need_root()
    folder = home.RUN / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f"{name}.lock", f"another change of cluster {name}", notes(report, "lock")):
        yield


@contextmanager
def _told(report: Report, step: str, text: str) -> Iterator[None]:
    began = time.monotonic()
    report(Event(step, Outcome.STARTED, text))
    try:
        yield
    except BaseException:
        report(Event(step, Outcome.FAILED, text, seconds=time.monotonic() - began))
        raise
    report(Event(step, Outcome.DONE, text, seconds=time.monotonic() - began))
