"""Which of AWS's actions each part of a cluster needs, on what, and under which condition.

Actions, resources and condition keys are those of AWS's service authorization reference. A test holds this
table equal to the calls that are really made; another, that no action of it can be spared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from seaway.providers.eks.roles import PILOT


class When(StrEnum):
    """Under which condition an action is allowed."""

    ALWAYS = "always"
    HERE = "in the region"
    MADE = "the call gives the thing Seaway's tag"
    OURS = "the thing carries Seaway's tag"
    BORN = "the tags come in the call that makes the thing"
    PASSED = "the role goes to EKS, to its nodes or to pods"
    MANAGED = "the policy is one of AWS's own for EKS"
    LINKED = "the role is one that EKS itself takes"
    ACCESS = "ours, and the policy is one that a job has"
    SIGNING = "by ECDSA with SHA-256"
    LENT = "a service of AWS asks for it, for what it keeps"
    PROVING = "the records are proofs for ACM, and texts of who owns these"


@dataclass(frozen=True)
class Grant:
    """One action. `on` is `service:type/pattern` of an ARN, or * where AWS knows no resource for it.

    `along` is one that AWS asks for besides the call, so that no call of its name is made.
    """

    action: str
    on: str = "*"
    when: When = When.ALWAYS
    along: bool = False


@dataclass(frozen=True)
class Needs:
    """What looking at a part takes, and what making, mending and removing it takes."""

    reads: tuple[Grant, ...]
    writes: tuple[Grant, ...] = ()


def _here(*actions: str) -> tuple[Grant, ...]:
    return tuple(Grant(action, when=When.HERE) for action in actions)


def _made(kind: str, action: str) -> tuple[Grant, ...]:
    """Allow a thing of EC2 to be made, with its tags."""
    tags = Grant("ec2:CreateTags", f"ec2:{kind}/*", When.BORN, along=True)
    return (Grant(f"ec2:{action}", f"ec2:{kind}/*", When.MADE), tags)


def _ours(kind: str, *actions: str) -> tuple[Grant, ...]:
    return tuple(Grant(f"ec2:{action}", f"ec2:{kind}/*", When.OURS) for action in actions)


#: The roles of clusters, as roles.py names them; {region} is filled in.
ROLES: Final = "iam:role/seaway-*-{region}-*"
#: Of them the one that pilots take.
PILOTS: Final = f"iam:role/seaway-*-{{region}}-{PILOT}"
#: The roles and users of people and CI, as identities.py names them.
IDENTITIES: Final = ("iam:role/seaway/*", "iam:user/seaway/*")
#: Of a session the role, with the path that the session does not tell.
_SELF: Final = Grant("iam:GetRole", IDENTITIES[0])
_ACCESS: Final = "eks:access-entry/*"
_NODES: Final = "eks:nodegroup/*"
_CLUSTER: Final = "eks:cluster/*"
#: An update is looked at by the right to what it is of.
_UPDATES: Final = ("ListUpdates", "DescribeUpdate")


def _eks(on: str, when: When, *actions: str) -> tuple[Grant, ...]:
    return tuple(Grant(f"eks:{action}", on, when) for action in actions)


def _iam(when: When, *actions: str, along: bool = False) -> tuple[Grant, ...]:
    return tuple(Grant(f"iam:{action}", ROLES, when, along) for action in actions)


def _tagging(on: str) -> Grant:
    """AWS has no way to allow this only for what is made at that moment."""
    return Grant("eks:TagResource", on, When.MADE, along=True)


def _linked(service: str) -> Grant:
    """EKS makes its own role on the first call of an account, by the right of who calls."""
    where = f"iam:role/aws-service-role/{service}/*"
    return Grant("iam:CreateServiceLinkedRole", where, When.LINKED, along=True)


_IMAGES: Final = "ecr:repository/*"
_CERTIFICATES: Final = "acm:certificate/*"
_ZONES: Final = "route53:hostedzone/*"
_ADDONS: Final = "eks:addon/*"
_IDENTITIES: Final = "eks:podidentityassociation/*"


def _ecr(when: When, *actions: str, along: bool = False) -> tuple[Grant, ...]:
    return tuple(Grant(f"ecr:{action}", _IMAGES, when, along) for action in actions)


#: By kind of part, as the story of a command names it.
PARTS: Final[Mapping[str, Needs]] = {
    "yourself": Needs((_SELF, *(Grant("iam:SimulatePrincipalPolicy", each) for each in IDENTITIES))),
    "choices": Needs(_here("ec2:DescribeAvailabilityZones", "ec2:DescribeInstanceTypes")),
    "vpc": Needs(
        _here("ec2:DescribeVpcs", "ec2:DescribeVpcAttribute"),
        (*_made("vpc", "CreateVpc"), *_ours("vpc", "ModifyVpcAttribute", "DeleteVpc")),
    ),
    "internet-gateway": Needs(
        _here("ec2:DescribeInternetGateways"),
        (
            *_made("internet-gateway", "CreateInternetGateway"),
            *_ours(
                "internet-gateway",
                "AttachInternetGateway",
                "DetachInternetGateway",
                "DeleteInternetGateway",
            ),
            *_ours("vpc", "AttachInternetGateway", "DetachInternetGateway"),
        ),
    ),
    "subnet": Needs(
        _here("ec2:DescribeSubnets"),
        (
            *_made("subnet", "CreateSubnet"),
            *_ours("vpc", "CreateSubnet"),
            *_ours("subnet", "CreateTags", "DeleteSubnet"),
        ),
    ),
    "address": Needs(
        _here("ec2:DescribeAddresses"),
        (*_made("elastic-ip", "AllocateAddress"), *_ours("elastic-ip", "ReleaseAddress")),
    ),
    "nat-gateway": Needs(
        _here("ec2:DescribeNatGateways"),
        (
            *_made("natgateway", "CreateNatGateway"),
            *_ours("subnet", "CreateNatGateway"),
            *_ours("elastic-ip", "CreateNatGateway"),
            *_ours("natgateway", "DeleteNatGateway"),
        ),
    ),
    "routes": Needs(
        _here("ec2:DescribeRouteTables"),
        (
            *_made("route-table", "CreateRouteTable"),
            *_ours("vpc", "CreateRouteTable"),
            *_ours(
                "route-table",
                "CreateRoute",
                "ReplaceRoute",
                "AssociateRouteTable",
                "DisassociateRouteTable",
                "DeleteRouteTable",
            ),
            *_ours("subnet", "AssociateRouteTable", "DisassociateRouteTable", "ReplaceRouteTableAssociation"),
            # The table that a subnet has by somebody's hand is not ours: only the subnet must be.
            Grant("ec2:ReplaceRouteTableAssociation", "ec2:route-table/*", When.HERE),
        ),
    ),
    "role": Needs(
        _iam(When.ALWAYS, "GetRole", "ListAttachedRolePolicies"),
        (
            *_iam(When.ALWAYS, "CreateRole", "UpdateAssumeRolePolicy", "DeleteRole"),
            *_iam(When.ALWAYS, "TagRole", along=True),
            *_iam(When.MANAGED, "AttachRolePolicy", "DetachRolePolicy"),
        ),
    ),
    # Nobody may write one but who administers IAM: it could allow anything.
    "rights": Needs(
        _iam(When.ALWAYS, "ListRolePolicies", "GetRolePolicy"),
        (Grant("iam:DeleteRolePolicy", PILOTS),),
    ),
    "cluster": Needs(
        (
            *_here("eks:ListClusters", "eks:DescribeAddonVersions"),
            *_eks(
                _CLUSTER,
                When.ALWAYS,
                "DescribeCluster",
                "ListNodegroups",
                "ListAddons",
                "ListInsights",
                "DescribeInsight",
                *_UPDATES,
            ),
        ),
        (
            Grant("eks:CreateCluster", when=When.MADE),
            _tagging(_CLUSTER),
            *_eks(_CLUSTER, When.OURS, "UpdateClusterConfig", "UpdateClusterVersion", "DeleteCluster"),
            *_iam(When.PASSED, "PassRole", along=True),
            _linked("eks.amazonaws.com"),
        ),
    ),
    # Where a cluster has a key of KMS.
    "key": Needs(
        (),
        (
            Grant("kms:DescribeKey", "kms:key/*", along=True),
            Grant("kms:CreateGrant", "kms:key/*", When.LENT, along=True),
        ),
    ),
    "nodes": Needs(
        _eks(_NODES, When.ALWAYS, "DescribeNodegroup", *_UPDATES),
        (
            *_eks(_CLUSTER, When.OURS, "CreateNodegroup"),
            _tagging(_NODES),
            *_eks(_NODES, When.OURS, "UpdateNodegroupConfig", "UpdateNodegroupVersion", "DeleteNodegroup"),
            _linked("eks-nodegroup.amazonaws.com"),
        ),
    ),
    "administrator": Needs(
        (
            *_eks(_CLUSTER, When.ALWAYS, "ListAccessEntries"),
            *_eks(_ACCESS, When.ALWAYS, "DescribeAccessEntry", "ListAssociatedAccessPolicies"),
            _SELF,
        ),
        (
            *_eks(_CLUSTER, When.OURS, "CreateAccessEntry"),
            _tagging(_ACCESS),
            *_eks(_ACCESS, When.ACCESS, "AssociateAccessPolicy"),
            *_eks(_ACCESS, When.OURS, "DeleteAccessEntry"),
        ),
    ),
    "pod-identity": Needs(
        (
            *_eks(_CLUSTER, When.ALWAYS, "ListPodIdentityAssociations"),
            *_eks(_IDENTITIES, When.ALWAYS, "DescribePodIdentityAssociation"),
        ),
        (
            *_eks(_CLUSTER, When.OURS, "CreatePodIdentityAssociation"),
            _tagging(_IDENTITIES),
            *_eks(_IDENTITIES, When.OURS, "UpdatePodIdentityAssociation", "DeletePodIdentityAssociation"),
        ),
    ),
    "addon": Needs(
        _eks(_ADDONS, When.ALWAYS, "DescribeAddon", *_UPDATES),
        (
            *_eks(_CLUSTER, When.OURS, "CreateAddon"),
            _tagging(_ADDONS),
            *_eks(_ADDONS, When.OURS, "UpdateAddon", "DeleteAddon"),
        ),
    ),
    "repository": Needs(
        _ecr(When.ALWAYS, "DescribeRepositories", "ListTagsForResource", "GetLifecyclePolicy"),
        (
            *_ecr(When.MADE, "CreateRepository"),
            *_ecr(When.MADE, "TagResource", along=True),
            *_ecr(
                When.OURS,
                "PutImageTagMutability",
                "PutImageScanningConfiguration",
                "PutLifecyclePolicy",
                "DeleteRepository",
            ),
        ),
    ),
    "certificate": Needs(
        (
            *_here("acm:ListCertificates"),
            *(
                Grant(f"acm:{each}", _CERTIFICATES)
                for each in ("ListTagsForCertificate", "DescribeCertificate")
            ),
        ),
        (
            Grant("acm:RequestCertificate", when=When.MADE),
            Grant("acm:AddTagsToCertificate", _CERTIFICATES, When.MADE, along=True),
            Grant("acm:DeleteCertificate", _CERTIFICATES, When.OURS),
        ),
    ),
    "proof": Needs(
        (Grant("route53:ListHostedZonesByName"), Grant("route53:ListResourceRecordSets", _ZONES)),
        (
            Grant("route53:ChangeResourceRecordSets", _ZONES, When.PROVING),
            Grant("route53:GetChange", "route53:change/*"),
        ),
    ),
    # ECR user guide, "IAM permissions for pushing an image": the registry's own protocol, by a password.
    "images": Needs(
        (
            *_here("ecr:GetAuthorizationToken"),
            *(
                Grant(f"ecr:{action}", _IMAGES, along=True)
                for action in ("BatchGetImage", "GetDownloadUrlForLayer", "ListImages")
            ),
        ),
        tuple(
            Grant(f"ecr:{action}", _IMAGES, along=True)
            for action in (
                "BatchCheckLayerAvailability",
                "InitiateLayerUpload",
                "UploadLayerPart",
                "CompleteLayerUpload",
                "PutImage",
            )
        ),
    ),
    "signing": Needs(
        (Grant("kms:GetPublicKey", "kms:key/*"),), (Grant("kms:Sign", "kms:key/*", When.SIGNING),)
    ),
}
