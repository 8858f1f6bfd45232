"""EKS itself: the control plane and its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seaway.model.manifests import differences
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.parts import (
    CLUSTER,
    Fix,
    Ids,
    Live,
    by_part,
    failed,
    id_of,
    tags_of,
    untaken,
)

GROUP: Final = "seaway"
#: Tag of a cluster that was made for EKS Auto Mode, with this value.
MODE: Final = "seaway.dev/nodes"
AUTO: Final = "auto"
#: Its three capabilities, which EKS turns on and off together only (EKS user guide, Disable EKS Auto Mode).
CAPABILITIES: Final[dict[str, Any]] = {
    "computeConfig": {"enabled": True},
    "kubernetesNetworkConfig": {"elasticLoadBalancing": {"enabled": True}},
    "storageConfig": {"blockStorage": {"enabled": True}},
}
#: What it is made with: pools of Seaway's own, and so no role of EKS's for nodes (Create a node pool), and no
#: add-ons for what is part of it.
MADE_AUTO: Final[dict[str, Any]] = {**CAPABILITIES, "bootstrapSelfManagedAddons": False}
#: What the control plane writes to CloudWatch.
LOGS: Final = ("api", "audit", "authenticator")


class Eks:
    """What all parts of EKS share: tags are a mapping, and a status tells how far it is."""

    @classmethod
    def settled(cls, live: Live) -> bool:
        status = live.get("status", "ACTIVE")
        if status in {"FAILED", "CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED", "DEGRADED"}:
            issues = [
                f"{each['code']}: {each['message']}" for each in live.get("health", {}).get("issues", [])
            ]
            raise failed(tags_in_eks(live).get("Name", "a part of the cluster"), "; ".join(issues) or status)
        return bool(status == "ACTIVE")


def tags_in_eks(live: Live) -> Mapping[str, str]:
    """Read the tags of what EKS describes."""
    tags: Mapping[str, str] = live.get("tags", {})
    return tags


def mine(found: list[Live], cluster: str) -> dict[str, Live]:
    """Sort what EKS describes by the part that it is, and leave out what is another's."""
    return by_part([each for each in found if tags_in_eks(each).get(CLUSTER) == cluster], tags_in_eks)


@dataclass(frozen=True)
class ControlPlane(Eks):
    """`open_to` are the networks that reach its public address; without any that is left as it is.

    With `auto` it has EKS Auto Mode.
    """

    cluster: str
    subnets: tuple[str, ...]
    open_to: tuple[str, ...] = ()
    auto: bool = False
    id: str = "cluster/main"

    @property
    def tags(self) -> dict[str, str]:
        """Its tags, by which it is also known for what nodes it was made."""
        return {**tags_of(self.cluster, self.id), **({MODE: AUTO} if self.auto else {})}

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        found = described(cloud, cluster)
        return mine([found] if found else [], cluster)

    def create(self, cloud: Cloud, ids: Ids) -> None:
        reach: Any = {"publicAccessCidrs": list(self.open_to)} if self.open_to else {}
        config: Any = {
            "subnetIds": [id_of(each, ids) for each in self.subnets],
            "endpointPublicAccess": True,
            "endpointPrivateAccess": True,
            **reach,
        }
        with untaken(f"cluster {self.cluster}"):
            cloud.eks.create_cluster(
                name=self.cluster,
                roleArn=ids["role/cluster"],
                resourcesVpcConfig=config,
                accessConfig={
                    "authenticationMode": "API",
                    "bootstrapClusterCreatorAdminPermissions": False,
                },
                logging={"clusterLogging": [{"types": list(LOGS), "enabled": True}]},
                tags=self.tags,
                **(MADE_AUTO if self.auto else {}),
            )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:  # noqa: ARG002
        fixes, reach, name = [], live["resourcesVpcConfig"], self.cluster
        change: Any = {}
        if not reach.get("endpointPrivateAccess"):
            change["endpointPrivateAccess"] = True
        if self.open_to and set(self.open_to) != set(reach.get("publicAccessCidrs", [])):
            change |= {"endpointPublicAccess": True, "publicAccessCidrs": list(self.open_to)}
        if change:
            fixes.append(
                Fix(
                    "from where its API is reached",
                    lambda: cloud.eks.update_cluster_config(name=name, resourcesVpcConfig=change),
                )
            )
        logged = {
            kind
            for each in live.get("logging", {}).get("clusterLogging", [])
            if each.get("enabled")
            for kind in each["types"]
        }
        if missing := sorted(set(LOGS) - logged):
            logging: Any = {"clusterLogging": [{"types": missing, "enabled": True}]}
            fixes.append(
                Fix(
                    f"logs: {', '.join(missing)}",
                    lambda: cloud.eks.update_cluster_config(name=name, logging=logging),
                )
            )
        if self.auto and differences(CAPABILITIES, live):
            fixes.append(
                Fix("EKS Auto Mode on", lambda: cloud.eks.update_cluster_config(name=name, **CAPABILITIES))
            )
        return fixes

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live["arn"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        if live["status"] != "DELETING":
            cloud.eks.delete_cluster(name=live["name"])


@dataclass(frozen=True)
class NodeGroup(Eks):
    """Managed nodes in the private subnets, just `nodes` of them."""

    cluster: str
    subnets: tuple[str, ...]
    nodes: int
    size: str
    image: str
    id: str = "nodes/main"

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        try:
            found: Live = dict(
                cloud.eks.describe_nodegroup(clusterName=cluster, nodegroupName=GROUP)["nodegroup"]
            )
        except cloud.eks.exceptions.ResourceNotFoundException:
            return {}
        return mine([found], cluster)

    def create(self, cloud: Cloud, ids: Ids) -> None:
        image: Any = self.image
        with untaken(f"node group {GROUP} of cluster {self.cluster}"):
            cloud.eks.create_nodegroup(
                clusterName=self.cluster,
                nodegroupName=GROUP,
                nodeRole=ids["role/node"],
                subnets=[id_of(each, ids) for each in self.subnets],
                instanceTypes=[self.size],
                amiType=image,
                capacityType="ON_DEMAND",
                scalingConfig=scaling(self.nodes),
                updateConfig={"maxUnavailable": 1},
                tags=tags_of(self.cluster, self.id),
            )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:  # noqa: ARG002
        now = live["scalingConfig"]["desiredSize"]
        if now == self.nodes:
            return []
        cluster, wanted = self.cluster, scaling(self.nodes)
        return [
            Fix(
                f"nodes {now} → {self.nodes}",
                lambda: cloud.eks.update_nodegroup_config(
                    clusterName=cluster, nodegroupName=GROUP, scalingConfig=wanted
                ),
            )
        ]

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live["nodegroupArn"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        if live["status"] != "DELETING":
            cloud.eks.delete_nodegroup(clusterName=live["clusterName"], nodegroupName=GROUP)


def described(cloud: Cloud, name: str) -> Live | None:
    """See a cluster of EKS, whoever made it."""
    try:
        return dict(cloud.eks.describe_cluster(name=name)["cluster"])
    except cloud.eks.exceptions.ResourceNotFoundException:
        return None


def automated(live: Live | None) -> bool:
    """Tell whether a cluster was made for EKS Auto Mode, be that switched on or not."""
    return bool(live and tags_in_eks(live).get(MODE) == AUTO)


def scaling(nodes: int) -> Any:
    """Say how many nodes there are, as EKS takes it."""
    return {"minSize": nodes, "maxSize": max(1, nodes), "desiredSize": nodes}
