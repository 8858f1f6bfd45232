"""Which role the pods of an account in the cluster take: an association of EKS Pod Identity with our tags.

EKS would make one along with an add-on, and without tags: who may remove that may remove anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.control import Eks, mine
from seaway.providers.eks.parts import Fix, Ids, Live, tags_of, untaken

#: Namespace and account by the role that they take (EKS user guide, Amazon EBS CSI driver).
ACCOUNTS: Final = {"volumes": ("kube-system", "ebs-csi-controller-sa")}


@dataclass(frozen=True)
class PodRole(Eks):
    """The pods of one account take one role, from their next start on."""

    cluster: str
    use: str

    @property
    def id(self) -> str:
        return f"pod-identity/{self.use}"

    @property
    def role(self) -> str:
        """Name the part that is its role."""
        return f"role/{self.use}"

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        listing, found = cloud.eks.get_paginator("list_pod_identity_associations"), list[Live]()
        try:
            for namespace, account in ACCOUNTS.values():
                pages = listing.paginate(clusterName=cluster, namespace=namespace, serviceAccount=account)
                for id_ in [each["associationId"] for page in pages for each in page["associations"]]:
                    live = cloud.eks.describe_pod_identity_association(clusterName=cluster, associationId=id_)
                    found.append(dict(live["association"]))
        except cloud.eks.exceptions.ResourceNotFoundException:
            return {}
        return mine(found, cluster)

    def create(self, cloud: Cloud, ids: Ids) -> None:
        namespace, account = ACCOUNTS[self.use]
        with untaken(f"a role of the account {namespace}/{account} of cluster {self.cluster}"):
            cloud.eks.create_pod_identity_association(
                clusterName=self.cluster,
                namespace=namespace,
                serviceAccount=account,
                roleArn=ids[self.role],
                tags=tags_of(self.cluster, self.id),
            )

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
    """List them all."""
    return [PodRole(cluster, use) for use in ACCOUNTS]
