"""What is in an account that is played, seen without Seaway's eyes."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Any

import boto3

from seaway.twin.eks import Eks

Inventory = dict[str, list[Any]]
#: Keys that open everything: an emulator asks for some.
OPEN: Any = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}


@dataclass(frozen=True)
class Aws:
    """AWS on loopback: the URL of moto, that of EKS, what EKS holds by region, the keys of a user there."""

    moto: str
    eks: str
    regions: dict[str, Eks]
    key: str
    secret: str


def client(aws: Aws, service: str, region: str) -> Any:
    """Give a client that may see and change everything."""
    url = aws.eks if service == "eks" else aws.moto
    return boto3.client(service, endpoint_url=url, region_name=region, **OPEN)  # type: ignore[call-overload]


def inventory(aws: Aws, region: str) -> Inventory:
    """List all of a region but what every account has, each thing by its name and those it is tied to.

    Two regions in which the same was made have the same inventory.
    """
    ec2 = client(aws, "ec2", region)
    vpcs = [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"] for vpc in vpcs] or ["none"]}]
    subnets = ec2.describe_subnets(Filters=inside)["Subnets"]
    tables = ec2.describe_route_tables(Filters=inside)["RouteTables"]
    gateways = [
        each
        for each in ec2.describe_internet_gateways()["InternetGateways"]
        if each.get("Tags") or not each["Attachments"]
    ]
    nats = ec2.describe_nat_gateways(Filters=[{"Name": "state", "Values": ["available"]}])["NatGateways"]
    addresses = ec2.describe_addresses()["Addresses"]
    kinds = {
        "VpcId": vpcs,
        "SubnetId": subnets,
        "RouteTableId": tables,
        "InternetGatewayId": gateways,
        "NatGatewayId": nats,
        "AllocationId": addresses,
    }
    names = {
        each[key]: _tags(each).get("seaway.dev/part", "untagged")
        for key, lives in kinds.items()
        for each in lives
    }
    on = [ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute="enableDnsHostnames") for vpc in vpcs]
    seen: Inventory = {
        "vpcs": [
            (_tags(vpc), vpc["CidrBlock"], each["EnableDnsHostnames"])
            for vpc, each in zip(vpcs, on, strict=True)
        ],
        "subnets": [
            (_tags(s), names[s["VpcId"]], s["CidrBlock"], s["AvailabilityZone"][-1]) for s in subnets
        ],
        "gateways": [(_tags(g), [names[a["VpcId"]] for a in g["Attachments"]]) for g in gateways],
        "addresses": [_tags(each) for each in addresses],
        "nats": [
            (_tags(n), names[n["SubnetId"]], names[n["NatGatewayAddresses"][0]["AllocationId"]]) for n in nats
        ],
        "tables": [
            (
                _tags(table),
                sorted(names[a["SubnetId"]] for a in table["Associations"] if a.get("SubnetId")),
                [
                    (r["DestinationCidrBlock"], names.get(r.get("NatGatewayId") or r["GatewayId"], "local"))
                    for r in table["Routes"]
                ],
            )
            for table in tables
        ],
        "roles": _roles(client(aws, "iam", region), region),
        "eks": _eks(aws, region, names),
        "repositories": _repositories(client(aws, "ecr", region)),
        "certificates": _certificates(client(aws, "acm", region), region),
        "records": _records(client(aws, "route53", region), region),
    }
    return {kind: sorted(things, key=str) for kind, things in seen.items()}


def _tags(live: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in live.get("Tags", [])}


def _roles(iam: Any, region: str) -> list[Any]:
    found = [role for role in iam.list_roles()["Roles"] if region in role["RoleName"]]
    return [
        (
            role["RoleName"].replace(region, "REGION"),
            role["AssumeRolePolicyDocument"],
            sorted(
                p["PolicyName"]
                for p in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
            ),
            iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"],
            _tags(iam.list_role_tags(RoleName=role["RoleName"])),
        )
        for role in found
    ]


def _repositories(ecr: Any) -> list[Any]:
    return [
        (
            each["repositoryName"],
            each["imageTagMutability"],
            each["imageScanningConfiguration"],
            _tags({"Tags": ecr.list_tags_for_resource(resourceArn=each["repositoryArn"])["tags"]}),
            ecr.get_lifecycle_policy(repositoryName=each["repositoryName"])["lifecyclePolicyText"],
        )
        for each in ecr.describe_repositories()["repositories"]
    ]


def _certificates(acm: Any, region: str) -> list[Any]:
    arns = [each["CertificateArn"] for each in acm.list_certificates()["CertificateSummaryList"]]
    found = [acm.describe_certificate(CertificateArn=arn)["Certificate"] for arn in arns]
    tags = [_tags(acm.list_tags_for_certificate(CertificateArn=arn)) for arn in arns]
    seen = [(sorted(each["SubjectAlternativeNames"]), of) for each, of in zip(found, tags, strict=True)]
    # What several names are called by is a hash of them, and so of the region's name.
    return [re.sub(r"-[0-9a-f]{8}\b", "-HASH", str(each).replace(region, "REGION")) for each in seen]


def _records(names: Any, region: str) -> list[Any]:
    """Take the records of zones that are called like the region: others are everybody's."""
    zones = [each["Id"] for each in names.list_hosted_zones()["HostedZones"] if region in each["Name"]]
    pages = [names.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"] for zone in zones]
    found = [each for page in pages for each in page if each["Type"] not in {"NS", "SOA"}]
    return [str(each).replace(region, "REGION") for each in found]


def _eks(aws: Aws, region: str, names: dict[str, str]) -> list[Any]:
    """Take EKS's own word, with names in place of ids and without what differs by chance."""
    if region not in aws.regions:
        return []
    held = aws.regions[region]
    kinds = (held.clusters, held.groups, held.entries, held.addons, held.pods)
    things = copy.deepcopy([live for kind in kinds for live in kind.values()])
    for each in things:
        for key in ("looks", "endpoint", "certificateAuthority", "accessEntryArn"):
            each.pop(key, None)
        for holder in (each, each.get("resourcesVpcConfig", {})):
            for key in ("subnets", "subnetIds", "vpcId"):
                if isinstance(ids := holder.get(key), list):
                    holder[key] = [names[id_] for id_ in ids]
                elif ids:
                    holder[key] = names[ids]
    return [str(each).replace(region, "REGION") for each in things]
