"""What EKS itself runs in the cluster beyond the bare minimum: volumes, and figures to scale by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.control import Eks, mine
from seaway.providers.eks.parts import Fix, Ids, Live, tags_of, untaken

#: Pod identity comes first, since by it the others have their roles (EKS user guide, EKS add-ons).
ADDONS: Final = ("eks-pod-identity-agent", "aws-ebs-csi-driver", "metrics-server")
#: Of them, what is no part of EKS Auto Mode already.
BESIDE: Final = ("metrics-server",)

#: What somebody else put there before gives way.
CONFLICTS: Final = "OVERWRITE"


@dataclass(frozen=True)
class Addon(Eks):
    """An add-on in the version that EKS gives by itself; its settings are left alone."""

    cluster: str
    name: str

    @property
    def id(self) -> str:
        return f"addon/{self.name}"

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        found: list[Live] = []
        for name in ADDONS:
            try:
                found.append(dict(cloud.eks.describe_addon(clusterName=cluster, addonName=name)["addon"]))
            except cloud.eks.exceptions.ResourceNotFoundException:
                continue
        return mine(found, cluster)

    def create(self, cloud: Cloud, ids: Ids) -> None:  # noqa: ARG002
        with untaken(f"add-on {self.name} of cluster {self.cluster}"):
            cloud.eks.create_addon(
                clusterName=self.cluster,
                addonName=self.name,
                resolveConflicts=CONFLICTS,
                tags=tags_of(self.cluster, self.id),
            )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:  # noqa: ARG002
        return []

    @classmethod
    def settled(cls, live: Live) -> bool:
        """Wait also where its pods are not well yet, which they are once there is room for them."""
        return live.get("status") != "DEGRADED" and super().settled(live)

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live["addonArn"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        if live["status"] != "DELETING":
            cloud.eks.delete_addon(clusterName=live["clusterName"], addonName=live["addonName"])


def addons(cluster: str, *, auto: bool) -> list[Addon]:
    """List the add-ons of a cluster, `auto` of one with EKS Auto Mode."""
    return [Addon(cluster, name) for name in (BESIDE if auto else ADDONS)]
