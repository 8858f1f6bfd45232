"""Clusters on EKS, with all that they need in the account: one recipe per verb."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from shutil import which
from typing import Any, Final

from seaway.errors import NotFound, Refused, SeawayError, Unreachable, Unready
from seaway.kit import cache, kubeconfig
from seaway.kit.kube import Kube
from seaway.kit.lock import locked
from seaway.model.bill import Bill
from seaway.model.event import Event, Outcome, Report, notes
from seaway.model.identity import Job
from seaway.model.names import cluster_name
from seaway.model.plan import Change
from seaway.model.pools import claim_of
from seaway.ports.clusters import ClusterFacts, NodeFacts
from seaway.providers.eks import making
from seaway.providers.eks.access import Entry, entries, node_entry, outdated
from seaway.providers.eks.acm import Public, certified, stale
from seaway.providers.eks.addons import addons
from seaway.providers.eks.adopted import NOTHING, Adoption, settled
from seaway.providers.eks.caller import principal_of
from seaway.providers.eks.choice import INSIDE, closed, refuse_what_cannot_be, unreached
from seaway.providers.eks.cloud import Cloud, explained
from seaway.providers.eks.control import LEFT, Choice, ControlPlane, automated, described
from seaway.providers.eks.inside import entered, server
from seaway.providers.eks.making import Groups, Seen
from seaway.providers.eks.network import network, subnet, zones
from seaway.providers.eks.nodes import MOST, Wanted, asked_for, nodes
from seaway.providers.eks.parts import CLUSTER, Live, Part
from seaway.providers.eks.pods import pod_roles
from seaway.providers.eks.prices import bill
from seaway.providers.eks.repositories import Repository
from seaway.providers.eks.retreat import leaving_nothing
from seaway.providers.eks.rights import Proving, needless, proving_parts
from seaway.providers.eks.roles import roles
from seaway.providers.eks.template import template
from seaway.providers.eks.upgrade import carry_out

CIDR: Final = "10.0.0.0/16"
ZONES: Final = 2


@dataclass(frozen=True)
class Proposal:
    """What a command would do, and where: to be shown before it does. `bill` is what a new cluster costs.

    `notes` tell what is adopted.
    """

    account: str
    region: str
    context: str
    changes: tuple[Change, ...]
    bill: Bill | None = None
    notes: tuple[str, ...] = ()


class EksClusters:
    """Implements ports.Fleet.

    `open_to` are the networks that may reach the API of what is made, `images` the names of repositories
    that are made with it. `access` says who may do which job in it, and that nobody else may just look: by
    the name of a role of Seaway's, or by an ARN. `public` are names for which ACM signs, `proving` such as
    a pilot proves. None leaves each as it is. `adopt` is what was there before, `choice` how the control
    plane shall be.
    """

    def __init__(
        self,
        cloud: Cloud,
        open_to: tuple[str, ...] = (),
        images: tuple[str, ...] = (),
        access: Mapping[str, Job] | None = None,
        *,
        adopt: Adoption = NOTHING,
        public: Public | None = None,
        proving: Proving | None = None,
        choice: Choice = LEFT,
    ) -> None:
        self.cloud, self._open_to, self._images, self._access = cloud, open_to, images, access
        self._adopt, self.public, self.proving, self._choice = adopt, public, proving, choice

    @classmethod
    def open(
        cls,
        region: str,
        open_to: tuple[str, ...] = (),
        images: tuple[str, ...] = (),
        access: Mapping[str, Job] | None = None,
        *,
        adopt: Adoption = NOTHING,
    ) -> EksClusters:
        """Reach EKS in a region, "" for the one that AWS is set to. Raises what `Cloud.open` raises."""
        return cls(Cloud.open(region), open_to, images, access, adopt=adopt)

    def find(self, name: str) -> ClusterFacts | None:
        with explained("AWS refused to show the cluster"):
            live = described(self.cloud, self._named(name))
            return self._facts(live) if live and self._used(live) else None

    def get(self, name: str) -> ClusterFacts:
        """See a cluster that must be there. Raises NotFound."""
        return self._facts(self._existing(name))

    def list(self) -> tuple[ClusterFacts, ...]:
        with explained("AWS refused to list clusters"):
            pages = self.cloud.eks.get_paginator("list_clusters").paginate()
            names = [name for page in pages for name in page["clusters"]]
            found = [live for name in names if (live := described(self.cloud, name))]
            return tuple(self._facts(live) for live in found if _ours(live))

    def propose(self, name: str, nodes: int, size: str) -> Proposal:
        """Say what `create` would change. Changes nothing."""
        changes, parts, notes = self.look(name, Wanted(_at_least(nodes), size))
        return replace(self._proposal(name, changes), bill=bill(self.cloud.region, parts, {}), notes=notes)

    def look(self, name: str, wanted: Wanted) -> tuple[tuple[Change, ...], tuple[Part, ...], tuple[str, ...]]:
        """Say what `ensure` would change, all parts that are there then, what is adopted. Changes nothing."""
        seen = making.look(self.cloud, cluster_name(name))
        who = self._entries_of(name)
        groups, notes = self._settled(name, seen, self._groups(name, wanted, seen, who))
        parts = tuple(part for each in groups for part in each)
        gone = (*self._gone(who, seen), *stale(self.public, seen))
        inside = (f"cluster {name}: {INSIDE}",) if self._choice.private else ()
        return making.changes(self.cloud, groups, seen, gone), parts, (*notes, *inside)

    def template(self, name: str, wanted: Wanted) -> Live:
        """Write all that `ensure` sees to in the account as a CloudFormation template. Changes nothing."""
        return template(self.look(name, wanted)[1])

    def propose_nodes(self, name: str, nodes: int, size: str) -> Proposal:
        """Say what `scale` would change. Changes nothing. Raises NotFound."""
        self._existing(name)
        seen = making.look(self.cloud, name)
        return self._proposal(name, making.changes(self.cloud, self._resized(name, nodes, size, seen), seen))

    def propose_end(self, name: str) -> Proposal:
        """Say what `delete` would remove. Changes nothing."""
        return self._proposal(name, making.removals(making.look(self.cloud, cluster_name(name))))

    def create(self, name: str, nodes: int, size: str, report: Report, *, keep: bool = False) -> ClusterFacts:
        return self.ensure(name, Wanted(_at_least(nodes), size), report, keep=keep)

    def ensure(self, name: str, wanted: Wanted, report: Report, *, keep: bool = False) -> ClusterFacts:
        """Make it, or finish or heal it; ready for work on return.

        Where a new one cannot be made, what this run made of it goes again, unless told to `keep` it.
        """
        with self.changing(name, report):
            seen = making.look(self.cloud, name)
            who = self._entries_of(name)
            groups, _ = self._settled(name, seen, self._groups(name, wanted, seen, who))
            with leaving_nothing(self.cloud, name, seen, report, keep=keep) as begun:
                making.ensure(self.cloud, groups, seen, report, self._gone(who, seen), begun=begun)
            if not self._adopt.cluster:
                self._await_nodes(name, report)
            live = self._existing(name)
            kubeconfig.merge(live["arn"], self._entries(live))
        return self._facts(live)

    def scale(self, name: str, nodes: int, size: str, report: Report) -> ClusterFacts:
        with self.changing(name, report):
            self._existing(name)
            seen = making.look(self.cloud, name)
            making.ensure(self.cloud, self._resized(name, nodes, size, seen), seen, report)
            self._await_nodes(name, report)
        return self.get(name)

    def upgrade(self, name: str, to: str, report: Report) -> None:
        """Take it to a version of Kubernetes, "" for the next; raises as `upgrade.carry_out`."""
        with self.changing(name, report):
            carry_out(self, name, to, report)

    def use(self, name: str) -> str:
        live = self._existing(name)
        kubeconfig.merge(live["arn"], self._entries(live))
        kubeconfig.use(live["arn"])
        return str(live["arn"])

    def delete(self, name: str, report: Report) -> bool:
        with self.changing(name, report):
            found = making.remove(self.cloud, name, report)
            if not self._adopt.cluster:
                kubeconfig.remove(self.context(name))
        return found

    @cached_property
    def account(self) -> str:
        """Give the account that the credentials belong to, 12 digits."""
        with explained("AWS does not tell who you are"):
            return self.cloud.sts.get_caller_identity()["Account"]

    def _proposal(self, name: str, changes: tuple[Change, ...]) -> Proposal:
        return Proposal(self.account, self.cloud.region, self.context(name), changes)

    def context(self, name: str) -> str:
        """Name the context as `aws eks update-kubeconfig` does: by the cluster's ARN."""
        return (
            f"arn:{self.cloud.partition}:eks:{self.cloud.region}:{self.account}:cluster/{self._named(name)}"
        )

    def _named(self, name: str) -> str:
        """Give the name by which EKS knows it: a cluster that is adopted has its own."""
        return self._adopt.cluster or cluster_name(name)

    def _used(self, live: Live) -> bool:
        return bool(self._adopt.cluster) or _ours(live)

    def _settled(self, name: str, seen: Seen, groups: Groups) -> tuple[Groups, tuple[str, ...]]:
        with explained("AWS refused to show what is adopted"):
            return settled(self.cloud, self._adopt, name, seen, groups)

    def _existing(self, name: str) -> Live:
        with explained("AWS refused to show the cluster"):
            live = described(self.cloud, self._named(name))
        if live is None or not self._used(live):
            raise NotFound(
                f"no cluster {name} of Seaway's in {self.cloud.region}",
                why="one of that name is somebody else's" if live else "",
                remedy=f"seaway cluster create --on eks --region {self.cloud.region} --name {name}",
            )
        return live

    def _entries_of(self, name: str) -> tuple[Entry, ...]:
        """Compose who may do what in a cluster, whoever runs this first."""
        with explained("AWS refused to show who this is"):
            return entries(self.cloud, name, self.account, principal_of(self.cloud), self._access or {})

    def _gone(self, who: tuple[Entry, ...], seen: Seen) -> tuple[str, ...]:
        gone = outdated(who, seen[Entry], all_named=self._access is not None)
        return (*gone, *needless(self.proving, seen))

    def _groups(self, name: str, asked: Wanted, seen: Seen, who: tuple[Entry, ...]) -> Groups:
        live = seen[ControlPlane].get("cluster/main")
        wanted = asked.settled(name, live)
        auto = bool(wanted.auto)
        known = None if making.missing(live) else live
        refuse_what_cannot_be(self.cloud, name, known, self._choice, self._adopt.vpc)
        with explained("AWS refused to show what a cluster could be made of"):
            chosen = zones(self.cloud)[:ZONES]
        certificates, proofs = certified(name, self.public)
        role, rights, account = proving_parts(self.cloud, name, self.proving)
        # Nodes of Auto Mode are asked for inside the cluster, where an entry lets us in.
        entry, stand = (
            node_entry(self.cloud, name, self.account),
            nodes(self.cloud, name, _private(), wanted, seen),
        )
        first: list[Part] = [*who, *account]
        inside: Groups = [[*first, entry], [stand]] if auto else [[*first, *pod_roles(name), stand]]
        return [
            certificates,
            *network(name, CIDR, chosen),
            [*roles(name, auto=auto), *role],
            [
                ControlPlane(name, _private(), self._open_to, auto, self._choice),
                *proofs,
                *rights,
                *(Repository(name, image) for image in self._images),
            ],
            *inside,
            # Some of them have pods, which are ready only on nodes.
            [*addons(name, auto=auto)],
        ]

    def _resized(self, name: str, number: int, size: str, seen: Seen) -> Groups:
        """Compose the nodes of a cluster that is there, just so many of them."""
        wanted = Wanted((number, number), size).settled(name, seen[ControlPlane].get("cluster/main"))
        return self._settled(name, seen, [[nodes(self.cloud, name, _private(), wanted, seen)]])[0]

    def _entries(self, live: Live) -> dict[str, Any]:
        """Write what `aws eks update-kubeconfig` writes; without aws our own plugin stands in."""
        name, region = live["name"], self.cloud.region
        program = {
            "command": "aws",
            "args": ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"],
        }
        if not which("aws"):
            program = {
                "command": "seaway",
                "args": ["cluster", "token", "--cluster", name, "--region", region],
            }
        profile = os.environ.get("AWS_PROFILE")
        env = {"env": [{"name": "AWS_PROFILE", "value": profile}]} if profile else {}
        version = {"apiVersion": "client.authentication.k8s.io/v1beta1", "interactiveMode": "Never"}
        return kubeconfig.entries(live["arn"], server(live), {"exec": {**version, **program, **env}})

    def connect(self, name: str) -> Kube:
        """Reach a cluster by the token that our credentials sign. Raises NotFound where it is not there."""
        return entered(self.cloud, self._existing(name))

    def _facts(self, live: Live) -> ClusterFacts:
        state, nodes = live["status"].lower(), tuple[NodeFacts, ...]()
        if state == "active":
            state, nodes = self._seen(live)
        told = live["name"], live["arn"], live.get("endpoint", ""), state, nodes
        return ClusterFacts(*told, autoscaled=automated(live))

    def _seen(self, live: Live) -> tuple[str, tuple[NodeFacts, ...]]:
        """See the nodes as Kubernetes does; one that does not let us in, not yet or at all, shows none.

        Nor does one that lets us in, but not to look at nodes: no viewer may.
        """
        try:
            return "running", self._listed(live)
        except Refused:
            return "running", ()
        except Unreachable:
            return "broken", ()
        except SeawayError:
            return "closed", ()

    def _listed(self, live: Live) -> tuple[NodeFacts, ...]:
        """List the nodes as Kubernetes knows them. Raises SeawayError where it does not answer us."""
        with closing(entered(self.cloud, live)) as kube:
            found = kube.list("v1", "Node")
            return tuple(replace(NodeFacts.of(item), claim=claim_of(item)) for item in found)

    def _await_nodes(self, name: str, report: Report) -> None:
        """Wait until Kubernetes has just the nodes that shall always run, ready. Raises Unready."""
        wanted = asked_for(self.cloud, name)
        live, began = self._existing(name), time.monotonic()
        while True:
            found = [node for node in self._young(live, time.monotonic() - began) if not node.claim]
            ready = sum(node.ready for node in found)
            if ready == len(found) == wanted:
                seconds = time.monotonic() - began
                report(Event("nodes/ready", Outcome.DONE, f"{wanted} nodes ready", seconds=seconds))
                return
            if time.monotonic() > began + making.PATIENCE:
                raise Unready(
                    f"{ready} of {wanted} nodes of cluster {name} are ready",
                    remedy=f"kubectl --context {live['arn']} describe nodes",
                )
            report(Event("nodes/ready", Outcome.PROGRESS, f"{ready} of {wanted} nodes ready"))
            time.sleep(self.cloud.pace)

    def _young(self, live: Live, age: float) -> tuple[NodeFacts, ...]:
        """See the nodes of a cluster that may not answer yet, or not know yet who may ask."""
        try:
            return self._listed(live)
        except SeawayError as error:
            if age > making.VISIBLE:
                if isinstance(error, Unreachable) and closed(live):
                    raise unreached(live["name"]) from error
                raise
            return ()

    @contextmanager
    def changing(self, name: str, report: Report) -> Iterator[None]:
        """One change of a cluster at a time, on this machine; one that is rehearsed is another."""
        kind = "eks-rehearsed" if self.cloud.endpoints else "eks"
        file = cache.folder() / "locks" / f"{kind}-{self.cloud.region}-{cluster_name(name)}.lock"
        Path(file.parent).mkdir(parents=True, exist_ok=True)
        with locked(file, f"another change of cluster {name}", notes(report, "lock")):
            yield


def _at_least(nodes: int) -> tuple[int, int]:
    return nodes, max(nodes, MOST)


def _private() -> tuple[str, ...]:
    return tuple(subnet(i, public=False) for i in range(ZONES))


def _ours(live: Live) -> bool:
    return bool(live.get("tags", {}).get(CLUSTER) == live["name"])
