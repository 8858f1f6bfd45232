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
#: What the control plane writes to CloudWatch, unless it is said.
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
class Choice:
    """How a control plane shall be; what is empty or None is left as it is, or as EKS has it.

    `private` has its API answer inside its network only. `key` is the ARN of a key of KMS, `logs` all that it
    writes.
    """

    version: str = ""
    private: bool | None = None
    key: str = ""
    logs: tuple[str, ...] | None = None


LEFT: Final = Choice()


@dataclass(frozen=True)
class ControlPlane(Eks):
    """`open_to` are the networks that reach its public address; without any that is left as it is.

    With `auto` it has EKS Auto Mode.
    """

    cluster: str
    subnets: tuple[str, ...]
    open_to: tuple[str, ...] = ()
    auto: bool = False
    choice: Choice = LEFT
    id: str = "cluster/main"

    @property
    def reach(self) -> dict[str, Any]:
        """From where its API is reached, as a new one has it."""
        private = bool(self.choice.private)
        named = {"publicAccessCidrs": list(self.open_to)} if self.open_to and not private else {}
        return {"endpointPublicAccess": not private, "endpointPrivateAccess": True, **named}

    @property
    def logs(self) -> tuple[str, ...]:
        """What a new one writes."""
        return LOGS if self.choice.logs is None else self.choice.logs

    @property
    def tags(self) -> dict[str, str]:
        """Its tags, by which it is also known for what nodes it was made."""
        return {**tags_of(self.cluster, self.id), **({MODE: AUTO} if self.auto else {})}

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        found = described(cloud, cluster)
        return mine([found] if found else [], cluster)

    def create(self, cloud: Cloud, ids: Ids) -> None:
        config: Any = {"subnetIds": [id_of(each, ids) for each in self.subnets], **self.reach}
        chosen: Any = {"version": self.choice.version} if self.choice.version else {}
        if key := self.choice.key:
            chosen["encryptionConfig"] = [{"resources": ["secrets"], "provider": {"keyArn": key}}]
        if self.logs:
            chosen["logging"] = {"clusterLogging": [{"types": list(self.logs), "enabled": True}]}
        with untaken(f"cluster {self.cluster}"):
            cloud.eks.create_cluster(
                name=self.cluster,
                roleArn=ids["role/cluster"],
                resourcesVpcConfig=config,
                accessConfig={
                    "authenticationMode": "API",
                    "bootstrapClusterCreatorAdminPermissions": False,
                },
                tags=self.tags,
                **chosen,
                **(MADE_AUTO if self.auto else {}),
            )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:  # noqa: ARG002
        fixes, name, change, logs = [], self.cluster, self._reached(live), self._logged(live)
        if change:
            fixes.append(
                Fix(
                    "from where its API is reached",
                    lambda: cloud.eks.update_cluster_config(name=name, resourcesVpcConfig=change),
                )
            )
        if logs:
            logging: Any = {"clusterLogging": [{"types": logs[on], "enabled": on} for on in logs]}
            told = ", ".join(each if on else f"no {each}" for on in logs for each in logs[on])
            fixes.append(
                Fix(f"logs: {told}", lambda: cloud.eks.update_cluster_config(name=name, logging=logging))
            )
        if self.auto and differences(CAPABILITIES, live):
            fixes.append(
                Fix("EKS Auto Mode on", lambda: cloud.eks.update_cluster_config(name=name, **CAPABILITIES))
            )
        return fixes

    def _reached(self, live: Live) -> Any:
        """Say what of the ways to its API must change."""
        reach, change = live["resourcesVpcConfig"], dict[str, Any]()
        if not reach.get("endpointPrivateAccess"):
            change["endpointPrivateAccess"] = True
        private = self.choice.private
        if private is not None and bool(reach.get("endpointPublicAccess")) == private:
            change["endpointPublicAccess"] = not private
        if not private and self.open_to and set(self.open_to) != set(reach.get("publicAccessCidrs", [])):
            change |= {"endpointPublicAccess": True, "publicAccessCidrs": list(self.open_to)}
        return change

    def _logged(self, live: Live) -> dict[bool, list[str]]:
        """Say what it must begin to write, and what it must not, which is so only where all are named."""
        kinds = (
            kind
            for each in live.get("logging", {}).get("clusterLogging", [])
            if each.get("enabled")
            for kind in each["types"]
        )
        now, wanted = set(kinds), set(self.logs)
        needless = now - wanted if self.choice.logs is not None else set()
        return {on: sorted(each) for on, each in ((True, wanted - now), (False, needless)) if each}

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
