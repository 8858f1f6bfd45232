"""The parts of a cluster as a CloudFormation template, for teams in which somebody else makes them.

What a stack made of it carries the same names and tags as what Seaway makes: `up` finds it and takes it as
it is. (AWS CloudFormation User Guide, template anatomy; AWS resource and property types reference.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import singledispatch
from hashlib import sha256
from typing import Any, Final

from seaway.providers.eks.access import MACHINES, Entry
from seaway.providers.eks.acm import Certificate, Proof
from seaway.providers.eks.addons import CONFLICTS, Addon
from seaway.providers.eks.auto import Standing
from seaway.providers.eks.control import GROUP, MADE_AUTO, ControlPlane, NodeGroup, scaling
from seaway.providers.eks.network import ANYWHERE, Address, Gateway, Nat, Routes, Subnet, Vpc, subnet
from seaway.providers.eks.parts import Live, listed, tags_of
from seaway.providers.eks.pods import PodRole, pod_roles
from seaway.providers.eks.policies import NODES, access_policy
from seaway.providers.eks.repositories import LIFECYCLE, MOVABLE, MUTABILITY, Repository
from seaway.providers.eks.rights import Rights
from seaway.providers.eks.roles import PILOT, Role

#: The name of an attachment, which is no part by itself: what needs the internet waits for it.
_ATTACHED: Final = "InternetGatewayAttached"
_MAIN: Final = "cluster/main"
_NODES: Final = "nodes/main"


def template(parts: Iterable[object]) -> Live:
    """Compose a template of these parts; the region is that of the stack. Raises TypeError for no part.

    Of EKS Auto Mode the nodes are asked for inside the cluster, where no stack reaches, and what runs on them
    would be waited for: `up` makes both.
    """
    every = [*parts]
    inside = (Standing, Addon) if any(isinstance(part, Standing) for part in every) else ()
    resources: Live = {}
    for part in every:
        resources |= {} if isinstance(part, inside) else _resources(part)
    cluster = _logical(_MAIN)
    told = {
        "Endpoint": {"Value": {"Fn::GetAtt": [cluster, "Endpoint"]}},
        "Authority": {"Value": {"Fn::GetAtt": [cluster, "CertificateAuthorityData"]}},
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "A cluster as Seaway makes it. Its roles have names: CAPABILITY_NAMED_IAM.",
        "Resources": resources,
        **({"Outputs": told} if cluster in resources else {}),
    }


def _capital(value: Any) -> Any:
    """Write what EKS takes as CloudFormation does: by capitals."""
    if isinstance(value, Mapping):
        return {f"{name[0].upper()}{name[1:]}": _capital(each) for name, each in value.items()}
    return value


def _logical(part: str) -> str:
    """Name a part in the template, by letters and digits only: an ARN becomes a short hash."""
    kind, _, name = part.partition("/")
    name = name if re.fullmatch(r"[a-z0-9/-]+", name) else sha256(name.encode()).hexdigest()[:8]
    return "".join(word.capitalize() for word in re.split("[-/]", f"{kind}-{name}"))


def _ref(part: str) -> Any:
    """Refer to a part; what is adopted is named by its id."""
    return {"Ref": _logical(part)} if "/" in part else part


def _arn(part: str) -> Live:
    return {"Fn::GetAtt": [_logical(part), "Arn"]}


def _managed(policy: str) -> Live:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::aws:policy/{policy}"}


def _resource(
    kind: str, part: Any, properties: Mapping[str, Any], *after: str, tags: Mapping[str, str] | None = None
) -> dict[str, Live]:
    """Write a part as a resource with its tags, made after those `after` which it does not name itself."""
    waits = {"DependsOn": list(after)} if after else {}
    all_tags = listed({**tags_of(part.cluster, part.id), **(tags or {})})
    return {
        _logical(part.id): {"Type": f"AWS::{kind}", **waits, "Properties": {**properties, "Tags": all_tags}}
    }


@singledispatch
def _resources(part: object) -> dict[str, Live]:
    raise TypeError(f"{type(part).__name__} has no words in a template")


@_resources.register
def _vpc(part: Vpc) -> dict[str, Live]:
    names = {"EnableDnsSupport": True, "EnableDnsHostnames": True}
    return _resource("EC2::VPC", part, {"CidrBlock": part.cidr, **names})


@_resources.register
def _gateway(part: Gateway) -> dict[str, Live]:
    attached = {"VpcId": _ref("vpc/main"), "InternetGatewayId": _ref(part.id)}
    return {
        **_resource("EC2::InternetGateway", part, {}),
        _ATTACHED: {"Type": "AWS::EC2::VPCGatewayAttachment", "Properties": attached},
    }


@_resources.register
def _subnet(part: Subnet) -> dict[str, Live]:
    # By its place in the list: which zones there are is the account's.
    zone = {"Fn::Select": [part.number, {"Fn::GetAZs": ""}]}
    place = {"VpcId": _ref("vpc/main"), "AvailabilityZone": zone, "CidrBlock": part.cidr}
    return _resource("EC2::Subnet", part, place, tags=part.role)


@_resources.register
def _address(part: Address) -> dict[str, Live]:
    return _resource("EC2::EIP", part, {"Domain": "vpc"}, _ATTACHED)


@_resources.register
def _nat(part: Nat) -> dict[str, Live]:
    allocation = {"Fn::GetAtt": [_logical(f"address/{part.number}"), "AllocationId"]}
    place = {"SubnetId": _ref(subnet(part.number, public=True)), "AllocationId": allocation}
    return _resource("EC2::NatGateway", part, place, _ATTACHED)


@_resources.register
def _routes(part: Routes) -> dict[str, Live]:
    table = {"RouteTableId": _ref(part.id)}
    nat = part.way.startswith("nat-")
    out = {**table, "DestinationCidrBlock": ANYWHERE, "NatGatewayId" if nat else "GatewayId": _ref(part.way)}
    way = {"Type": "AWS::EC2::Route", **({} if nat else {"DependsOn": [_ATTACHED]}), "Properties": out}
    used = {
        f"{_logical(part.id)}For{_logical(each)}": {
            "Type": "AWS::EC2::SubnetRouteTableAssociation",
            "Properties": {**table, "SubnetId": _ref(each)},
        }
        for each in part.subnets
    }
    made = _resource("EC2::RouteTable", part, {"VpcId": _ref("vpc/main")})
    return {**made, _out(part.id): way, **used}


def _out(routes: str) -> str:
    return f"{_logical(routes)}Out"


@_resources.register
def _role(part: Role) -> dict[str, Live]:
    return _resource(
        "IAM::Role",
        part,
        {
            "RoleName": {"Fn::Sub": f"seaway-{part.cluster}-${{AWS::Region}}-{part.use}"},
            "AssumeRolePolicyDocument": part.trust,
            "ManagedPolicyArns": [_managed(each) for each in part.policies],
        },
    )


@_resources.register
def _rights(part: Rights) -> dict[str, Live]:
    """Write a policy of a role, which carries no tags."""
    document = part.document("${AWS::Partition}")
    for each in document["Statement"]:
        if "${" in each["Resource"]:
            each["Resource"] = {"Fn::Sub": each["Resource"]}
    role = {"RoleName": _ref(f"role/{PILOT}"), "PolicyName": part.policy, "PolicyDocument": document}
    return {_logical(part.id): {"Type": "AWS::IAM::RolePolicy", "Properties": role}}


@_resources.register
def _control_plane(part: ControlPlane) -> dict[str, Live]:
    chosen: Live = {"Version": part.choice.version} if part.choice.version else {}
    if key := part.choice.key:
        chosen["EncryptionConfig"] = [{"Provider": {"KeyArn": key}, "Resources": ["secrets"]}]
    if part.logs:
        chosen["Logging"] = {"ClusterLogging": {"EnabledTypes": [{"Type": each} for each in part.logs]}}
    return _resource(
        "EKS::Cluster",
        part,
        {
            "Name": part.cluster,
            "RoleArn": _arn("role/cluster"),
            "ResourcesVpcConfig": {
                "SubnetIds": [_ref(each) for each in part.subnets],
                **_capital(part.reach),
            },
            "AccessConfig": {
                "AuthenticationMode": "API",
                "BootstrapClusterCreatorAdminPermissions": False,
            },
            **chosen,
            **(_capital(MADE_AUTO) if part.auto else {}),
        },
        tags=part.tags,
    )


@_resources.register
def _node_group(part: NodeGroup) -> dict[str, Live]:
    made = [each for each in part.subnets if "/" in each]
    ways = (_out(f"routes/private-{i}") for i in range(len(made)))
    found = _resource(
        "EKS::Nodegroup",
        part,
        {
            "ClusterName": _ref(_MAIN),
            "NodegroupName": GROUP,
            "NodeRole": _arn("role/node"),
            "Subnets": [_ref(each) for each in part.subnets],
            "InstanceTypes": [part.size],
            "AmiType": part.image,
            "CapacityType": "ON_DEMAND",
            "ScalingConfig": _capital(scaling(part.nodes)),
            "UpdateConfig": {"MaxUnavailable": 1},
        },
        *ways,
    )
    found[_logical(part.id)]["Properties"]["Tags"] = tags_of(part.cluster, part.id)  # a mapping, only here
    return found


@_resources.register
def _entry(part: Entry) -> dict[str, Live]:
    policy = {"Fn::Sub": access_policy("${AWS::Partition}", part.policy)}
    who = {"PrincipalArn": _arn("role/node"), "Type": MACHINES} if part.policy == NODES else {}
    return _resource(
        "EKS::AccessEntry",
        part,
        {
            "ClusterName": _ref(_MAIN),
            "PrincipalArn": part.principal,
            **who,
            "AccessPolicies": [{"PolicyArn": policy, "AccessScope": {"Type": "cluster"}}],
        },
    )


@_resources.register
def _pod_role(part: PodRole) -> dict[str, Live]:
    namespace, account = part.account
    return _resource(
        "EKS::PodIdentityAssociation",
        part,
        {
            "ClusterName": _ref(_MAIN),
            "Namespace": namespace,
            "ServiceAccount": account,
            "RoleArn": _arn(part.role),
        },
    )


@_resources.register
def _addon(part: Addon) -> dict[str, Live]:
    properties = {"ClusterName": _ref(_MAIN), "AddonName": part.name, "ResolveConflicts": CONFLICTS}
    before = [_logical(each.id) for each in pod_roles(part.cluster)]
    return _resource("EKS::Addon", part, properties, _logical(_NODES), *before)


@_resources.register
def _certificate(part: Certificate) -> dict[str, Live]:
    domain, *others = part.public.names
    names = {"DomainName": domain, **({"SubjectAlternativeNames": others} if others else {})}
    return _resource("CertificateManager::Certificate", part, {**names, "ValidationMethod": "DNS"})


@_resources.register
def _proof(part: Proof) -> dict[str, Live]:  # noqa: ARG001
    """Leave it to who keeps the zone: a stack waits at the certificate until the records are there."""
    return {}


@_resources.register
def _repository(part: Repository) -> dict[str, Live]:
    kind = "ImageTagMutabilityExclusionFilter"
    movable = {f"{kind}Type": "WILDCARD", f"{kind}Value": MOVABLE}
    return _resource(
        "ECR::Repository",
        part,
        {
            "RepositoryName": f"{part.cluster}/{part.name}",
            "ImageTagMutability": MUTABILITY,
            "ImageTagMutabilityExclusionFilters": [movable],
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "LifecyclePolicy": {"LifecyclePolicyText": json.dumps(LIFECYCLE)},
            "EmptyOnDelete": True,
        },
    )
