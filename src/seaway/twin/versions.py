"""The versions of a small EKS: which there are, updates that can be followed, and what stands against one.

Versions are only noted: what runs behind a cluster stays what it is.
"""

# ruff: noqa: N803  (parameters are called as EKS calls them)
from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from seaway.twin.phases import Thing, Wrong, paged, phase

#: Minor versions of Kubernetes 1 that there are, and the one of a cluster that asks for none.
MINORS: Final = (34, 35, 36, 37)
DEFAULT: Final = "1.36"
#: So many minor versions may a kubelet be older than its API server (Kubernetes version skew policy).
SKEW: Final = 3
#: A thing of EKS: its cluster, and the node group or the add-on in it that it is.
Scope = tuple[str, str, str]


def minor(version: str) -> int:
    """Read 36 of 1.36."""
    return int(version.partition(".")[2])


def addon_version(version: str) -> str:
    """Name the version of every add-on that a version of Kubernetes comes with."""
    return f"v{version}.0-eksbuild.1"


class Versions:
    """What each operation on versions does. An add-on's version does for the next one of Kubernetes too.

    `insights` are what EKS thinks of a cluster, by its name, each as DescribeInsight tells it.
    """

    clusters: dict[str, Thing]
    groups: dict[tuple[str, str], Thing]
    addons: dict[tuple[str, str], Thing]
    _look: Callable[[dict[Any, Thing], Any, str], Thing]
    _there: Callable[[dict[Any, Thing], Any, str], Thing]
    _active: Callable[[str], Thing]

    def __init__(self) -> None:
        self.updates: dict[str, tuple[Scope, Thing]] = {}
        self.insights: dict[str, list[Thing]] = {}

    def update_cluster_version(self, name: str, version: str, *, force: bool = False) -> Thing:
        live = self._there(self.clusters, name, f"No cluster found for name: {name}.")
        self._idle(live, f"cluster {name}")
        if minor(version) != minor(live["version"]) + 1 or minor(version) not in MINORS:
            said = f"Unsupported Kubernetes minor version update from {live['version']} to {version}"
            raise Wrong("InvalidParameterException", said)
        groups = [each for (of, _), each in self.groups.items() if of == name]
        if any(minor(version) - minor(each["version"]) > SKEW for each in groups):
            raise Wrong("InvalidRequestException", "Nodegroups are too old for the requested version")
        if not force and "ERROR" in {each["insightStatus"]["status"] for each in self._insights(name)}:
            raise Wrong("InvalidRequestException", "Upgrade insights of the cluster have errors")
        return self.begin(live, "VersionUpdate", {"version": version}, {"Version": version})

    def update_nodegroup_version(
        self, clusterName: str, nodegroupName: str, version: str = "", **_: Any
    ) -> Thing:
        cluster = self._active(clusterName)
        live = self._there(self.groups, (clusterName, nodegroupName), "No node group found")
        self._idle(live, f"nodegroup {nodegroupName}")
        wanted = version or cluster["version"]
        if wanted != cluster["version"]:
            raise Wrong("InvalidParameterException", "The version of a node group must be the cluster's")
        return self.begin(live, "VersionUpdate", {"version": wanted}, {"Version": wanted})

    def update_addon(self, clusterName: str, addonName: str, addonVersion: str, **_: Any) -> Thing:
        cluster = self._active(clusterName)
        live = self._there(self.addons, (clusterName, addonName), "No addon found")
        self._idle(live, f"addon {addonName}")
        if addonVersion not in {each["addonVersion"] for each in _published(cluster["version"])}:
            raise Wrong("InvalidParameterException", "Addon version specified is not supported")
        return self.begin(live, "AddonUpdate", {"addonVersion": addonVersion}, {"AddonVersion": addonVersion})

    def describe_addon_versions(
        self, addonName: str = "", kubernetesVersion: str = "", **paging: Any
    ) -> Thing:
        """Every add-on there is has the same versions."""
        names = [addonName] if addonName else sorted({name for _, name in self.addons})
        found = [{"addonName": each, "addonVersions": _published(kubernetesVersion)} for each in names]
        return paged("addons", [each for each in found if each["addonVersions"]], **paging)

    def list_updates(self, name: str, nodegroupName: str = "", addonName: str = "", **paging: Any) -> Thing:
        wanted = (name, nodegroupName, addonName)
        return paged("updateIds", [id_ for id_, (of, _) in self.updates.items() if of == wanted], **paging)

    def describe_update(
        self, name: str, updateId: str, nodegroupName: str = "", addonName: str = ""
    ) -> Thing:
        """Tell how far an update is, which lets it go on."""
        scope, update = self.updates.get(updateId, (("", "", ""), {}))
        if scope != (name, nodegroupName, addonName):
            raise Wrong("ResourceNotFoundException", f"No update found for ID: {updateId}")
        where: dict[Any, Thing] = (
            self.addons if addonName else self.groups if nodegroupName else self.clusters
        )
        key = (name, nodegroupName or addonName) if nodegroupName or addonName else name
        live = self._look(where, key, f"No cluster found for name: {name}.")
        if live["status"] not in {"UPDATING", "ACTIVE"} and update["status"] == "InProgress":
            issues = live.get("health", {}).get("issues", [])
            errors = [{"errorCode": "Unknown", "errorMessage": each["message"]} for each in issues]
            update |= {"status": "Failed", "errors": errors}
        return {"update": update}

    def list_insights(self, clusterName: str, filter: Thing | None = None, **paging: Any) -> Thing:  # noqa: A002
        self._there(self.clusters, clusterName, "No cluster found")
        wanted = filter or {}
        keys = {"categories": "category", "kubernetesVersions": "kubernetesVersion"}
        found = [
            {key: value for key, value in each.items() if key != "categorySpecificSummary"}
            for each in self._insights(clusterName)
            if all(each[key] in wanted[name] for name, key in keys.items() if name in wanted)
        ]
        return paged("insights", found, **paging)

    def describe_insight(self, clusterName: str, id: str) -> Thing:  # noqa: A002
        found = [each for each in self._insights(clusterName) if each["id"] == id]
        if not found:
            raise Wrong("ResourceNotFoundException", f"No insight found for ID: {id}")
        return {"insight": found[0]}

    def list_nodegroups(self, clusterName: str, **paging: Any) -> Thing:
        self._there(self.clusters, clusterName, "No cluster found")
        return paged("nodegroups", [name for of, name in self.groups if of == clusterName], **paging)

    def list_addons(self, clusterName: str, **paging: Any) -> Thing:
        self._there(self.clusters, clusterName, "No cluster found")
        return paged("addons", [name for of, name in self.addons if of == clusterName], **paging)

    def begin(self, live: Thing, kind: str, then: Thing, params: Thing) -> Thing:
        """Begin an update of a thing, which is what `then` says once it ends."""
        listed = [{"type": name, "value": value} for name, value in params.items()]
        update: Thing = {
            "id": str(uuid.uuid4()),
            "status": "InProgress",
            "type": kind,
            "params": listed,
            "errors": [],
        }
        self.updates[update["id"]] = (_scope(live), update)
        live |= {**phase("UPDATING"), "then": then}
        return {"update": update}

    def complete(self, live: Thing) -> None:
        """End the update of a thing that was updating."""
        live |= live.pop("then", {})
        for of, update in self.updates.values():
            if of == _scope(live) and update["status"] == "InProgress":
                update["status"] = "Successful"

    def _idle(self, live: Thing, named: str) -> None:
        """Raise Wrong where something is being done to a thing already."""
        if live["status"] != "ACTIVE":
            runs = [
                id_
                for id_, (of, each) in self.updates.items()
                if (of, each["status"]) == (_scope(live), "InProgress")
            ]
            told = f"currently has update {runs[0]} in progress" if runs else f"is {live['status']}"
            raise Wrong("ResourceInUseException", f"Cannot VersionUpdate because {named} {told}")

    def _insights(self, cluster: str) -> list[Thing]:
        """What EKS thinks of the next version: nothing is against it but what was put in `insights`."""
        passing = {
            "id": "kubelet-skew",
            "name": "Kubelet version skew",
            "category": "UPGRADE_READINESS",
            "kubernetesVersion": f"1.{minor(self.clusters[cluster]['version']) + 1}",
            "insightStatus": {"status": "PASSING", "reason": "Node kubelet versions match the cluster's."},
        }
        return [passing, *self.insights.get(cluster, [])]


def _scope(live: Thing) -> Scope:
    name = live.get("clusterName") or live["name"]
    return (name, live.get("nodegroupName", ""), live.get("addonName", ""))


def _published(version: str) -> list[Thing]:
    """List the versions of an add-on that do for one of Kubernetes, the newest first; "" is for any."""
    listed = []
    for each in reversed(MINORS):
        fits = [f"1.{n}" for n in (each, each + 1) if version in {"", f"1.{n}"}]
        compatible = [{"clusterVersion": n, "defaultVersion": n == f"1.{each}"} for n in fits]
        if fits:
            listed.append({"addonVersion": addon_version(f"1.{each}"), "compatibilities": compatible})
    return listed
