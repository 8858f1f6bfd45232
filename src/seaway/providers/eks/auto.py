"""EKS Auto Mode: AWS runs the nodes, as NodePools in the cluster say.

Those that always run are a part of the cluster like any other, though it lies inside: a NodePool of our own.
What comes and goes with the load is a NodePool of each system, which `rooms/cluster` makes.
(EKS user guide, EKS Auto Mode; EKS API reference, CreateCluster)
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from seaway.errors import Refused, SeawayError
from seaway.kit.kube import Kube, Ref
from seaway.model.cluster import NodeFacts
from seaway.model.manifests import MANAGED_BY, Manifest, differences
from seaway.model.pools import CLAIM, CLASS, OF, OWN_CLASS, POOL, STANDING, standing_on_eks
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.control import automated, described, mine
from seaway.providers.eks.inside import entered
from seaway.providers.eks.parts import Fix, Ids, Live, id_of, tags_of
from seaway.providers.eks.roles import role_name

#: Gigabytes of a node's own disk, as EKS has it by itself (NodeClass, ephemeralStorage).
DISK: Final = 80
#: Seconds until a cluster lets in whom an entry names, and knows its own kinds.
SOON: Final = 120.0
_BUDGET: Final = ("policy/v1", "PodDisruptionBudget")
_OURS: Final = f"{MANAGED_BY}=seaway"


def refuse_switch(name: str, live: Live | None, *, auto: bool) -> None:
    """Raise Refused where a cluster that is there was made for the other mode."""
    if live is None or automated(live) == auto:
        return
    there = "EKS Auto Mode" if automated(live) else "a managed node group"
    word = "take auto out of nodes again" if auto else "say nodes: {auto: true}"
    raise Refused(
        f"cluster {name} has {there}, and the file says otherwise",
        why="volumes and load balancers of the one cannot be taken over by the other",
        remedy=f"{word}, or name another cluster (cluster:) and move to that",
    )


@dataclass(frozen=True)
class Standing:
    """The nodes that always run, just `nodes` of them; another size has them replaced, one by one."""

    cluster: str
    subnets: tuple[str, ...]
    nodes: int
    size: str
    id: str = "nodes/main"

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        """Look into the cluster: one that lets us in no more, or not yet, shows nothing.

        EKS itself ends what runs in a cluster that goes.
        """
        live = described(cloud, cluster)
        if not (automated(live) and live and live["status"] in {"ACTIVE", "UPDATING"}):
            return {}
        try:
            with closing(entered(cloud, live)) as kube:
                found = _found(kube, cluster)
        except SeawayError:
            return {}
        return mine([found] if found else [], cluster)

    def create(self, cloud: Cloud, ids: Ids) -> None:
        ends = time.monotonic() + SOON
        while True:
            try:
                self._apply(cloud, ids)
            except SeawayError:
                if time.monotonic() > ends:
                    raise
            else:
                return
            time.sleep(cloud.pace)

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:
        texts = []
        if (now := live["pool"].get("spec", {}).get("replicas", 0)) != self.nodes:
            texts.append(f"nodes {now} → {self.nodes}")
        if (size := size_of(live)) and size != self.size:
            texts.append(f"size {size} → {self.size}")
        kind, pool = self.wanted(cloud, ids)
        if differences(kind, live["class"]) or (differences(pool, live["pool"]) and not texts):
            texts.append("what its nodes are like")
        return [Fix(", ".join(texts), lambda: self._apply(cloud, ids))] if texts else []

    @classmethod
    def settled(cls, live: Live) -> bool:
        return bool(live["ready"] >= live["pool"].get("spec", {}).get("replicas", 0))

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live["name"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        """Have every node go that a pool of Seaway's brought, and their class, with what AWS has for it.

        The cluster goes too: no budget of pods holds them back.
        """
        there = described(cloud, live["cluster"])
        if there is None:
            return
        with closing(entered(cloud, there)) as kube:
            going = [*kube.list(*_BUDGET), *kube.list(*POOL, labels=_OURS), *kube.list(*CLASS, labels=_OURS)]
            for each in going:
                kube.delete(Ref.of(each))

    def _apply(self, cloud: Cloud, ids: Ids) -> None:
        live = described(cloud, self.cluster)
        if live is None:
            raise Refused(f"cluster {self.cluster} is gone", remedy="run the command again")
        with closing(entered(cloud, live)) as kube:
            for wanted in self.wanted(cloud, ids):
                found = kube.get(Ref.of(wanted))
                if found is None or differences(wanted, found):
                    kube.apply(wanted)

    def wanted(self, cloud: Cloud, ids: Ids) -> tuple[Manifest, Manifest]:
        """Write the class of all nodes of the cluster, with their role and subnets, and the pool of these."""
        spec = {
            "role": role_name(cloud.region, self.cluster, "node"),
            "subnetSelectorTerms": [{"id": id_of(each, ids)} for each in self.subnets],
            "securityGroupSelectorTerms": [{"tags": {"aws:eks:cluster-name": self.cluster}}],
            "ephemeralStorage": {"size": f"{DISK}Gi"},
        }
        pool = {**_named(POOL, STANDING), "spec": standing_on_eks(self.nodes, self.size)}
        return {**_named(CLASS, OWN_CLASS), "spec": spec}, pool


def size_of(live: Live) -> str:
    """Read of which size the nodes are that always run; nothing where their pool is gone."""
    template = live["pool"].get("spec", {}).get("template", {}).get("spec", {})
    found = (each["values"][0] for each in template.get("requirements", ()) if "instance-type" in each["key"])
    return next(found, "")


def _named(kind: tuple[str, str], name: str) -> Manifest:
    return {
        "apiVersion": kind[0],
        "kind": kind[1],
        "metadata": {"name": name, "labels": {MANAGED_BY: "seaway"}},
    }


def _found(kube: Kube, cluster: str) -> Live | None:
    """See the pool, its class and how many of its nodes are ready, and whether nodes of Seaway's are left."""
    pools = {each["metadata"]["name"]: each for each in kube.list(*POOL)}
    theirs = {name for name, each in pools.items() if MANAGED_BY not in each["metadata"].get("labels", {})}
    claims = {each["metadata"].get("labels", {}).get(OF, "") for each in kube.list(*CLAIM)} - theirs
    pool, class_ = pools.get(STANDING, {}), kube.get(Ref(*CLASS, OWN_CLASS)) or {}
    if not (pools.keys() - theirs or claims or class_):
        return None
    going = any("deletionTimestamp" in each.get("metadata", {}) for each in (pool, class_))
    nodes = [NodeFacts.of(each) for each in kube.list("v1", "Node", labels=f"{OF}={STANDING}")]
    return {
        "name": STANDING,
        "cluster": cluster,
        "tags": tags_of(cluster, "nodes/main"),
        "status": "DELETING" if going or (STANDING in claims and not pool) else "ACTIVE",
        "pool": pool,
        "class": class_,
        "ready": sum(node.ready for node in nodes),
    }
