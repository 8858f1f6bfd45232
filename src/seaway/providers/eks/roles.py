"""What control plane, nodes and volumes may do in the account: a role for each, with AWS's own policies.

That of the pilots has none of these: see rights.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.parts import (
    CLUSTER,
    Fix,
    Ids,
    Live,
    by_part,
    listed,
    tags_in,
    tags_of,
    untaken,
)

#: The role of the pilots of a cluster, which is there where one has rights in AWS, and their account.
PILOT: Final = "pilot"
#: Who takes the role, and which managed policies it has (EKS user guide: cluster role, node role, EBS CSI).
USES: Final = {
    "cluster": ("eks.amazonaws.com", ("AmazonEKSClusterPolicy",)),
    "node": (
        "ec2.amazonaws.com",
        ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"),
    ),
    "volumes": ("pods.eks.amazonaws.com", ("service-role/AmazonEBSCSIDriverPolicy",)),
    PILOT: ("pods.eks.amazonaws.com", ()),
}
#: The policies with EKS Auto Mode (EKS user guide, Learn about identity and access in EKS Auto Mode).
AUTO: Final = {
    "cluster": (
        "AmazonEKSClusterPolicy",
        "AmazonEKSComputePolicy",
        "AmazonEKSBlockStoragePolicy",
        "AmazonEKSLoadBalancingPolicy",
        "AmazonEKSNetworkingPolicy",
    ),
    "node": ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly"),
}
#: The services of AWS that take them.
TAKERS: Final = tuple(dict.fromkeys(service for service, _ in USES.values()))
#: AWS's own policies that Seaway gives to a role.
MANAGED: Final = tuple(
    dict.fromkeys(name for names in (*(n for _, n in USES.values()), *AUTO.values()) for name in names)
)


@dataclass(frozen=True)
class Role:
    """A role, with `auto` for EKS Auto Mode; policies that others attach to it are left alone."""

    cluster: str
    use: str
    auto: bool = False
    uses: ClassVar = tuple(USES)

    @property
    def policies(self) -> tuple[str, ...]:
        """AWS's own policies that it has."""
        return AUTO[self.use] if self.auto else USES[self.use][1]

    @property
    def id(self) -> str:
        return f"role/{self.use}"

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        return by_part([live for use in cls.uses if (live := found(cloud, cluster, use))])

    def create(self, cloud: Cloud, ids: Ids) -> None:  # noqa: ARG002
        name = role_name(cloud.region, self.cluster, self.use)
        with untaken(f"role {name}"):
            cloud.iam.create_role(
                RoleName=name,
                AssumeRolePolicyDocument=json.dumps(self.trust),
                Description=f"What the {self.use} of EKS cluster {self.cluster} may do; made by Seaway",
                Tags=listed(tags_of(self.cluster, self.id)),
            )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:  # noqa: ARG002
        name, trust, fixes = live["RoleName"], self.trust, []
        if live["AssumeRolePolicyDocument"] != trust:
            fixes.append(
                Fix(
                    "who may take it",
                    lambda: cloud.iam.update_assume_role_policy(
                        RoleName=name, PolicyDocument=json.dumps(trust)
                    ),
                )
            )
        for policy in self.policies:
            arn = f"arn:{cloud.partition}:iam::aws:policy/{policy}"
            if arn not in live["Policies"]:
                attach = partial(cloud.iam.attach_role_policy, RoleName=name, PolicyArn=arn)
                fixes.append(Fix(f"policy {policy.rpartition('/')[2]}", attach))
        return fixes

    @classmethod
    def settled(cls, live: Live) -> bool:  # noqa: ARG003
        return True

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live["Arn"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        for arn in live["Policies"]:
            cloud.iam.detach_role_policy(RoleName=live["RoleName"], PolicyArn=arn)
        cloud.iam.delete_role(RoleName=live["RoleName"])

    @property
    def trust(self) -> Live:
        """Say which service takes the role."""
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": USES[self.use][0]},
                    "Action": "sts:AssumeRole"
                    if self.use == "node"
                    else ["sts:AssumeRole", "sts:TagSession"],
                }
            ],
        }


def found(cloud: Cloud, cluster: str, use: str) -> Live | None:
    """See a role that carries the cluster's tag, with the policies that are attached to it."""
    name = role_name(cloud.region, cluster, use)
    try:
        role: Live = dict(cloud.iam.get_role(RoleName=name)["Role"])
    except cloud.iam.exceptions.NoSuchEntityException:
        return None
    if tags_in(role).get(CLUSTER) != cluster:
        return None
    pages = cloud.iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
    role["Policies"] = [each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]]
    return role


def role_name(region: str, cluster: str, use: str) -> str:
    """Name a role. Roles know no regions: the name carries it."""
    return f"seaway-{cluster}-{region}-{use}"


def roles(cluster: str, *, auto: bool) -> list[Role]:
    """List the roles that every cluster has: with EKS Auto Mode its own one makes volumes."""
    return [Role(cluster, use, auto) for use in (AUTO if auto else USES) if use != PILOT]
