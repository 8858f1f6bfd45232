"""Clusters on this machine: one recipe per verb."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

from seaway.errors import NotFound, Refused, UsageError
from seaway.kit import kubeconfig, moments, process
from seaway.kit.kube import Kube, Ref
from seaway.kit.lock import locked
from seaway.model.event import Event, Outcome, Report, notes, told
from seaway.model.names import cluster_name
from seaway.ports.clusters import ClusterFacts, NodeFacts
from seaway.providers.local import (
    addons,
    autoscaler,
    cgroups,
    control,
    counting,
    drain,
    engine,
    home,
    machine,
    making,
    network,
    node,
    pki,
    record,
    reviewer,
    supervisor,
    waiting,
)
from seaway.providers.local.home import Home, NodeHome

#: Who counts the gateway's requests, as the record says it.
HERE: Final = "here"
ELSEWHERE: Final = "elsewhere"
TOOLS: Final = ("ip", "nft", "nsenter", "unshare", "mount", "sysctl", "runc", "s6-svscan")


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
            place = _prepare(name, programs, report)
            asleep = not supervisor.scanning(place.services)
            if asleep:
                place.gate.unlink(missing_ok=True)
            pki.make_cluster(place)
            with closing(_kube(place)) as kube:
                with told(report, f"cluster/{name}/control", "control plane"):
                    with making.changing(place, report):
                        there = home.nodes(place)
                        wanted = there or tuple(place.node(n + 1) for n in range(nodes))
                        since = moments.now("microseconds") if there and asleep else ""
                        making.write(wanted, size, programs)
                        _start(place, wanted, programs)
                    waiting.api(place, kube)
                    waiting.patiently(kube, [*addons.rights(), *_asked_for(place, programs)])
                    place.gate.touch()
                    waiting.patiently(kube, addons.services(place))
                standing = [each for each in wanted if not each.claim]
                with told(
                    report, f"cluster/{name}/nodes", f"{len(standing)} node{'s' * (len(standing) > 1)} ready"
                ):
                    waiting.nodes(kube, standing, since)
            _merge(place)
            record.change(place, whole=True)
        return self.scale(name, nodes, size, report) if len(wanted) < nodes else _facts(place)

    def reserve(self, name: str, report: Report) -> ClusterFacts:
        """Settle where a cluster will be, with its way to this machine and the registry; nothing runs yet."""
        process.require(*TOOLS)
        programs = engine.ensure(report)
        with _changing(name, report):
            return _facts(_prepare(name, programs, report))

    def scale(self, name: str, nodes: int, size: str, report: Report) -> ClusterFacts:
        _check(size, nodes)
        with _changing(name, report), closing(_kube(_existing(name))) as kube:
            place = _existing(name)
            there = home.nodes(place)
            if nodes > len(there):
                _add(place, nodes - len(there), size, kube, report)
            added, standing = _leaving(there, nodes)
            autoscaler.release(name, added, kube, report)
            for each in standing:
                with told(report, f"cluster/{name}/{each.name}", f"drained and removed {each.name}"):
                    drain.drain(kube, each.name, report)
                    with making.changing(place, report):
                        making.remove(each)
                    kube.delete(Ref("v1", "Node", each.name))
            return _facts(place)

    def autoscale(self, name: str, report: Report) -> ClusterFacts:
        programs = engine.ensure(report)
        with _changing(name, report), closing(_kube(_existing(name))) as kube:
            place = _existing(name)
            with told(report, f"cluster/{name}/autoscaler", "autoscaler"):
                pki.make_cluster(place)
                waiting.patiently(kube, autoscaler.needs(programs))
                waiting.kinds(kube, autoscaler.KINDS)
                making.run(place, autoscaler.services(place, programs))
                record.change(place, autoscaled=True)
            return _facts(place)

    def count(self, name: str, report: Report) -> ClusterFacts:
        programs = engine.ensure(report)
        with _changing(name, report), closing(_kube(_existing(name))) as kube:
            place = _existing(name)
            if other := counting.another(kube):
                why = f"{other} serves custom metrics already, and must serve requests-per-second of Services"
                report(Event(f"cluster/{name}/requests", Outcome.NOTE, why))
                record.change(place, counted=ELSEWHERE)
                return _facts(place)
            with told(report, f"cluster/{name}/requests", "requests are counted"):
                pki.make_cluster(place)
                waiting.patiently(kube, counting.needs(place))
                making.run(place, counting.services(place, programs))
                record.change(place, counted=HERE)
            return _facts(place)

    def check_ports(self, name: str, ports: tuple[int, ...]) -> None:
        published = {each.name: set(map(int, record.read(each)["published"])) for each in home.homes()}
        mine = published.pop(name, set())
        for other, theirs in published.items():
            if taken := set(ports) & theirs:
                raise Refused(
                    f"port {min(taken)} of this machine leads to cluster {other}",
                    remedy=f"choose other ports, or: seaway cluster delete --name {other}",
                )
        network.check_ports(tuple(sorted(set(ports) - mine)))

    def publish(
        self, name: str, ports: dict[int, tuple[str, int]], report: Report, udp: tuple[int, ...] = ()
    ) -> None:
        with _changing(name, report):
            place = _existing(name)
            self.check_ports(name, tuple(ports))
            published = {str(port): list(to) for port, to in ports.items()}
            record.change(place, published=published, udp=list(udp))
            _write_rules(place)

    def admit(self, name: str, ports: tuple[int, ...], report: Report) -> None:
        with _changing(name, report):
            place = _existing(name)
            record.change(place, admitted=sorted(set(ports)))
            _write_rules(place)

    def consult(self, name: str, webhook: reviewer.Webhook, report: Report) -> None:
        """Have a cluster, there or yet to be made, ask a webhook whose a token is that it does not know.

        Where the cluster runs, its API server starts anew.
        """
        with _changing(name, report):
            place = _settle(name)
            if not reviewer.note(place, webhook) or not supervisor.scanning(place.services):
                return
            programs = engine.ensure(report)
            with told(report, f"cluster/{name}/control", "control plane"), closing(_kube(place)) as kube:
                _write_rules(place)
                making.run(place, control.services(place, programs))
                supervisor.restart(place.services, "kube-apiserver")
                waiting.api(place, kube)

    def kubeconfig(self, name: str) -> str:
        return str(_existing(name).kubeconfig)

    def use(self, name: str) -> str:
        """Make the cluster's context the current one of the user's kubeconfig; returns the context."""
        place = _existing(name)
        _merge(place)
        kubeconfig.use(place.context)
        return place.context

    def delete(self, name: str, report: Report) -> bool:
        place = home.find(name)
        if place is None:
            kubeconfig.remove(Home(name, 0).context)
            return False
        with _changing(name, report), told(report, f"cluster/{name}", f"cluster {name} deleted"):
            cgroups.kill(place.cgroup)
            network.lower_cluster(place)
            cgroups.remove(place.cgroup)
            supervisor.forget(place.services)
            shutil.rmtree(place.run, ignore_errors=True)
            making.unmount_below(place.state)
            record.forget(place)
            kubeconfig.remove(place.context)
            if not home.homes():
                machine.stop()
                cgroups.remove("seaway")
        return True


def _prepare(name: str, programs: engine.Engine, report: Report) -> Home:
    """See that a cluster has its place, its network and the registry."""
    place = _settle(name)
    with told(report, f"cluster/{name}/network", "network"):
        network.raise_cluster(place)
    with told(report, f"cluster/{name}/registry", "registry"):
        making.start_registry(programs, report)
    return place


def _start(place: Home, wanted: Sequence[NodeHome], programs: engine.Engine) -> None:
    """Have every program of the cluster run, those of the `wanted` nodes among them."""
    control.write_files(place, machine.resolver(), wanted[0].name)
    services = [*control.services(place, programs), *map(node.service, wanted)]
    if record.read(place).get("autoscaled"):
        services += autoscaler.services(place, programs)
    if record.read(place).get("counted") == HERE:
        services += counting.services(place, programs)
    making.run(place, services)
    _write_rules(place)


def _asked_for(place: Home, programs: engine.Engine) -> list[dict[str, Any]]:
    """Give what those programs need that not every cluster has: a newer engine's may need other things."""
    known = record.read(place)
    needed = autoscaler.needs(programs) if known.get("autoscaled") else []
    return [*needed, *(counting.needs(place) if known.get("counted") == HERE else [])]


def _add(place: Home, more: int, size: str, kube: Kube, report: Report) -> None:
    """Add nodes that stay until a person takes them away."""
    programs = engine.ensure(report)
    making.start_registry(programs, report)
    known = {item["metadata"]["name"] for item in kube.list("v1", "Node")}
    with making.changing(place, report):
        there = home.nodes(place)
        taken = {each.number for each in there}
        free = [n for n in range(1, home.NODES) if n not in taken and place.node(n).name not in known]
        fresh = tuple(place.node(n) for n in free[:more])
        making.write(fresh, size, programs)
        _start(place, (*there, *fresh), programs)
    with told(report, f"cluster/{place.name}/nodes", f"added {', '.join(each.name for each in fresh)}"):
        waiting.nodes(kube, fresh)


def _leaving(there: Sequence[NodeHome], nodes: int) -> tuple[list[NodeHome], list[NodeHome]]:
    """Choose which nodes go so that so many stay: those of the autoscaler first, then the youngest."""
    more, claims = max(0, len(there) - nodes), {each: each.claim for each in reversed(there)}
    added = [each for each, claim in claims.items() if claim][:more]
    standing = [each for each, claim in claims.items() if not claim]
    return added, standing[: more - len(added)]


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
    record.change(place, number=place.number, published={}, admitted=[], whole=False, autoscaled=False)
    return place


def _merge(place: Home) -> None:
    """Put the cluster's context into the user's kubeconfig."""
    kubeconfig.merge(place.context, json.loads(place.kubeconfig.read_text()))


def _write_rules(place: Home) -> None:
    known = record.read(place)
    reviewed = [known["reviewer"]] if "reviewer" in known else []
    admitted = (control.REGISTRY_PORT, *known["admitted"], *reviewed)
    network.write_rules(place, _published(known), admitted, tuple(known.get("udp", ())))


def _published(known: Mapping[str, Any]) -> dict[int, tuple[str, int]]:
    return {int(port): (str(ip), int(to)) for port, (ip, to) in known["published"].items()}


def _kube(place: Home) -> Kube:
    return Kube.from_kubeconfig(str(place.kubeconfig), place.context)


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
            up and waiting.is_ready((items or {}).get(n.name, {})),
            cgroups.inhabited(n.cgroup),
            n.claim,
        )
        for n in home.nodes(place)
    )
    known = record.read(place)
    # Nodes that the autoscaler added come and go: they say nothing of the cluster's health.
    sound = up and all(n.ready for n in nodes if not n.claim) and known.get("whole", True)
    sound = sound and machine.supervised()
    state = "running" if sound else "broken" if running else "stopped"
    return ClusterFacts(
        place.name,
        place.context,
        place.server,
        state,
        nodes,
        str(place.outside),
        _published(known),
        tuple(known["admitted"]),
        bool(known.get("autoscaled")),
        _counted(place, known.get("counted", ""), up=up),
        tuple(known.get("udp", ())),
    )


def _counted(place: Home, where: str, *, up: bool) -> bool:
    """Whether somebody serves requests as a metric; who did elsewhere may be gone by now."""
    if where != ELSEWHERE or not up:
        return bool(where)
    with closing(_kube(place)) as kube:
        return bool(counting.another(kube))


def _nodes_seen(place: Home) -> dict[str, dict[str, Any]] | None:
    """The nodes by name as the API server knows them; None where it does not answer."""
    with closing(_kube(place)) as kube:
        return {item["metadata"]["name"]: item for item in kube.list("v1", "Node")} if kube.ready() else None


@contextmanager
def _changing(name: str, report: Report) -> Iterator[None]:
    """One change of a cluster at a time."""
    cluster_name(name)
    need_root()
    folder = home.RUN / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f"{name}.lock", f"another change of cluster {name}", notes(report, "lock")):
        yield
