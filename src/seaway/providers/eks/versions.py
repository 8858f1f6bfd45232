"""Which versions a cluster on EKS is made of, and what is being done to them. Changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from seaway.errors import UsageError
from seaway.kit.kube import Kube, Ref
from seaway.model.manifests import Manifest
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.control import described, tags_in_eks
from seaway.providers.eks.parts import CLUSTER, Live
from seaway.steps.moving import deployment_of

#: Questions to EKS at the same time.
AT_ONCE: Final = 8
#: Looks at a thing that is updated by no update: it ends, or begins, just then.
LOOKS: Final = 3
#: What brings a control plane, nodes or an add-on to another version (EKS API reference, Update).
_KINDS: Final = frozenset({"VersionUpdate", "AddonUpdate"})
_UNDER_WAY: Final = "InProgress"
_MINOR: Final = re.compile(r"v?1\.(\d+)")
#: What a list or a description of an update is asked by, besides the cluster: a node group or an add-on.
Scope = Mapping[str, str]


@dataclass(frozen=True)
class Update:
    """An update that EKS tracks: `version` is where it leads, "" where it changes no version."""

    id: str
    version: str = ""


@dataclass(frozen=True)
class Versioned:
    """The control plane (without a name), a node group or an add-on, in its version.

    `ours` is what carries Seaway's tag of the cluster. `update` is the one under way.
    """

    name: str
    version: str
    status: str
    ours: bool
    scope: Scope = field(default_factory=dict)
    update: Update | None = None

    @property
    def minor(self) -> int:
        """36 of 1.36; for the control plane and node groups only."""
        return minor(self.version)


@dataclass(frozen=True)
class Insight:
    """What EKS found out about an upgrade: `status` PASSING, WARNING, ERROR or UNKNOWN; `lines` say more."""

    name: str
    status: str
    reason: str
    advice: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """The versions of an add-on that do for one of Kubernetes, and which of them EKS gives by itself."""

    default: str
    compatible: frozenset[str]


@dataclass(frozen=True)
class Budget:
    """A PodDisruptionBudget that lets no pod go now; `lasting` where it never will as it stands.

    `movable` is the Deployment whose only pod it keeps: another one can be started before that goes.
    """

    name: str
    healthy: int
    pods: int
    lasting: bool
    movable: Ref | None = None


@dataclass(frozen=True)
class Inside:
    """What Kubernetes tells: the minor versions of the kubelets, by node, and the budgets that hold pods."""

    kubelets: Mapping[str, int]
    budgets: tuple[Budget, ...]


def minor(version: str) -> int:
    """Read 36 of 1.36, or of a kubelet's v1.36.2-eks-1. Raises UsageError for what is no such version."""
    found = _MINOR.match(version)
    if not found:
        raise UsageError(f"{version!r} is no version of Kubernetes", remedy="one such as 1.36")
    return int(found[1])


def order(version: str) -> tuple[int, ...]:
    """Give what versions of an add-on go by: v1.9.0-eksbuild.2 comes before v1.10.0-eksbuild.1."""
    return tuple(int(each) for each in re.findall(r"\d+", version))


def control_plane(cloud: Cloud, cluster: str) -> Versioned:
    """See the control plane of a cluster that must be there."""
    return _versioned(cloud, cluster, lambda: described(cloud, cluster) or {"version": "", "status": "GONE"})


def node_groups(cloud: Cloud, cluster: str) -> tuple[Versioned, ...]:
    """See every managed node group, whoever made it."""
    pages = cloud.eks.get_paginator("list_nodegroups").paginate(clusterName=cluster)
    names = [name for page in pages for name in page["nodegroups"]]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(lambda name: node_group(cloud, cluster, name), names))


def node_group(cloud: Cloud, cluster: str, name: str) -> Versioned:
    """See one node group."""

    def see() -> Live:
        return dict(cloud.eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"])

    return _versioned(cloud, cluster, see, nodegroupName=name)


def add_ons(cloud: Cloud, cluster: str) -> tuple[Versioned, ...]:
    """See every add-on, whoever made it."""
    pages = cloud.eks.get_paginator("list_addons").paginate(clusterName=cluster)
    names = [name for page in pages for name in page["addons"]]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(lambda name: add_on(cloud, cluster, name), names))


def add_on(cloud: Cloud, cluster: str, name: str) -> Versioned:
    """See one add-on."""

    def see() -> Live:
        live: Live = dict(cloud.eks.describe_addon(clusterName=cluster, addonName=name)["addon"])
        return {**live, "version": live["addonVersion"]}

    return _versioned(cloud, cluster, see, addonName=name)


def _versioned(cloud: Cloud, cluster: str, see: Callable[[], Live], **scope: str) -> Versioned:
    """Look at a thing and its update, and again where that ended in between."""
    for _ in range(LOOKS):
        live = see()
        update = under_way(cloud, cluster, scope) if live["status"] == "UPDATING" else None
        if update or live["status"] != "UPDATING":
            break
    ours = tags_in_eks(live).get(CLUSTER) == cluster
    return Versioned(next(iter(scope.values()), ""), live["version"], live["status"], ours, scope, update)


def under_way(cloud: Cloud, cluster: str, scope: Scope) -> Update | None:
    """Find the update that runs: of a cluster, a node group or an add-on EKS does one at a time."""
    which: Any = scope
    for page in cloud.eks.get_paginator("list_updates").paginate(name=cluster, **which):
        for id_ in page["updateIds"]:
            told = cloud.eks.describe_update(name=cluster, updateId=id_, **which)["update"]
            if told["status"] == _UNDER_WAY:
                kind, params = told["type"], told.get("params", [])
                versions = [each["value"] for each in params if each["type"] in {"Version", "AddonVersion"}]
                return Update(id_, versions[0] if versions and kind in _KINDS else "")
    return None


def offers(cloud: Cloud, names: tuple[str, ...], version: str) -> dict[str, Offer]:
    """Ask which versions of these add-ons do for one of Kubernetes; those that have none are left out."""

    def ask(name: str) -> Offer | None:
        pages = cloud.eks.get_paginator("describe_addon_versions").paginate(
            addonName=name, kubernetesVersion=version
        )
        fits = {
            each["addonVersion"]: compatible.get("defaultVersion", False)
            for page in pages
            for addon in page["addons"]
            for each in addon["addonVersions"]
            for compatible in each["compatibilities"]
            if compatible["clusterVersion"] == version
        }
        given = [each for each, default in fits.items() if default] or sorted(fits, key=order)
        return Offer(given[-1], frozenset(fits)) if fits else None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(names, pool.map(ask, names), strict=True))
    return {name: offer for name, offer in found.items() if offer}


def insights(cloud: Cloud, cluster: str, version: str) -> tuple[Insight, ...]:
    """Ask what EKS found out about an upgrade to a version (EKS user guide, Cluster insights)."""
    wanted: Any = {"categories": ["UPGRADE_READINESS"], "kubernetesVersions": [version]}
    pages = cloud.eks.get_paginator("list_insights").paginate(clusterName=cluster, filter=wanted)
    return tuple(_insight(cloud, cluster, dict(each)) for page in pages for each in page["insights"])


def _insight(cloud: Cloud, cluster: str, listed: Live) -> Insight:
    """Ask for more where something is not as it should be."""
    status, reason = listed["insightStatus"]["status"], listed["insightStatus"].get("reason", "")
    if status == "PASSING":
        return Insight(listed["name"], status, reason)
    told: Live = dict(cloud.eks.describe_insight(clusterName=cluster, id=listed["id"])["insight"])
    old = told.get("categorySpecificSummary", {}).get("deprecationDetails", [])
    lines = tuple(_deprecated(each) for each in old)
    return Insight(listed["name"], status, reason, told.get("recommendation", ""), lines)


def _deprecated(told: Live) -> str:
    """Say which API is used that goes, by whom, and what takes its place."""
    clients = ", ".join(each["userAgent"] for each in told.get("clientStats", []))
    words = [told["usage"], f"gone with {told['stopServingVersion']}" * bool(told.get("stopServingVersion"))]
    words += [f"use {told['replacedWith']}" * bool(told.get("replacedWith"))]
    words += [f"used by {clients}" * bool(clients)]
    return ", ".join(filter(None, words))


def inside(kube: Kube) -> Inside:
    """Ask Kubernetes for what EKS does not tell. Raises what Kube raises."""
    nodes = kube.list("v1", "Node")
    kubelets = {
        node["metadata"]["name"]: minor(node["status"]["nodeInfo"]["kubeletVersion"]) for node in nodes
    }
    found = (_budget(kube, each) for each in kube.list("policy/v1", "PodDisruptionBudget"))
    return Inside(kubelets, tuple(each for each in found if each))


def _budget(kube: Kube, live: Manifest) -> Budget | None:
    """Read a budget that allows nothing; it lasts where as many pods must be healthy as there are."""
    status = live.get("status", {})
    pods, healthy = status.get("expectedPods", 0), status.get("currentHealthy", 0)
    if not pods or status.get("disruptionsAllowed", 0):
        return None
    meta, lasting = live["metadata"], status.get("desiredHealthy", 0) >= pods
    kept = pods_of(kube, live) if lasting and pods == 1 else []
    movable = deployment_of(kube, kept[0]["metadata"]) if len(kept) == 1 else None
    return Budget(f"{meta['namespace']}/{meta['name']}", healthy, pods, lasting, movable)


def pods_of(kube: Kube, budget: Manifest) -> list[Manifest]:
    """List the pods that a budget keeps; none where it names them by more than labels."""
    selector = budget["spec"]["selector"]
    if selector.get("matchExpressions") or not selector.get("matchLabels"):
        return []
    labels = ",".join(f"{key}={value}" for key, value in selector["matchLabels"].items())
    return kube.list("v1", "Pod", namespace=budget["metadata"]["namespace"], labels=labels)
