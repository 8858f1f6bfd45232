"""Which role the pods of an account in the cluster take: an association of EKS Pod Identity with our tags.

EKS would make one along with an add-on, and without tags: who may remove that may remove anybody's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.control import Eks, mine
from seaway.providers.eks.parts import Fix, Ids, Live, tags_of, untaken
from seaway.providers.eks.roles import PILOT

#: Namespace and account by the role that they take (EKS user guide, Amazon EBS CSI driver).
ACCOUNTS: Final = {"volumes": ("kube-system", "ebs-csi-controller-sa")}

#: Looks for which what starts is waited with: EKS shows an association to new pods only after seconds, and
#: nothing tells when (EKS API reference, CreatePodIdentityAssociation).
SEEN: Final = 3


@dataclass(frozen=True)
class PodRole(Eks):
    """The pods of one account take one role, from their next start on: of pilots that of one `system`."""

    cluster: str
    use: str
    system: str = ""

    @property
    def id(self) -> str:
        return "/".join(filter(None, ("pod-identity", self.use, self.system)))

    @property
    def account(self) -> tuple[str, str]:
        """Give the namespace and the name of the account."""
        return (self.system, PILOT) if self.system else ACCOUNTS[self.use]

    @property
    def role(self) -> str:
        """Name the part that is its role."""
        return f"role/{self.use}"

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        listing, found = cloud.eks.get_paginator("list_pod_identity_associations"), list[Live]()
        try:
            pages = listing.paginate(clusterName=cluster)
            for each in [each for page in pages for each in page["associations"]]:
                account = (each["namespace"], each["serviceAccount"])
                if account[1] == PILOT or account in ACCOUNTS.values():
                    live = cloud.eks.describe_pod_identity_association(
                        clusterName=cluster, associationId=each["associationId"]
                    )
                    found.append(dict(live["association"]))
        except cloud.eks.exceptions.ResourceNotFoundException:
            return {}
        return mine(found, cluster)

    def create(self, cloud: Cloud, ids: Ids) -> None:
        namespace, account = self.account
        with untaken(f"a role of the account {namespace}/{account} of cluster {self.cluster}"):
            cloud.eks.create_pod_identity_association(
                clusterName=self.cluster,
                namespace=namespace,
                serviceAccount=account,
                roleArn=ids[self.role],
                tags=tags_of(self.cluster, self.id),
            )
        if self.system:
            time.sleep(SEEN * cloud.pace)

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:
        cluster, id_, arn = self.cluster, live["associationId"], ids.get(self.role, "")
        if live["roleArn"] == arn:
            return []
        return [
            Fix(
                f"its {self.role.replace('/', ' ')}",
                lambda: cloud.eks.update_pod_identity_association(
                    clusterName=cluster, associationId=id_, roleArn=arn
                ),
            )
        ]

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live["associationArn"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cloud.eks.delete_pod_identity_association(
            clusterName=live["clusterName"], associationId=live["associationId"]
        )


def pod_roles(cluster: str) -> list[PodRole]:
    """List those that every cluster has."""
    return [PodRole(cluster, use) for use in ACCOUNTS]
