"""What the rehearsal of AWS does not show: told in the docs, and looked at, to see it when a gap closes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import httpx2

from seaway.twin import ledger
from seaway.twin.inventory import OPEN, Aws, client

DOCS = Path(__file__).parents[3] / "docs" / "production.md"


def anybody_may(ec2: Any) -> bool:
    return bool(ec2.describe_vpcs()["Vpcs"])


def ready_at_once(ec2: Any) -> bool:
    return bool(_gateway(ec2)["State"] == "available")


def keeps_its_address(ec2: Any) -> bool:
    gateway = _gateway(ec2)
    ec2.delete_nat_gateway(NatGatewayId=gateway["NatGatewayId"])
    address = gateway["NatGatewayAddresses"][0]["AllocationId"]
    return "AssociationId" in ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]


def _gateway(ec2: Any) -> Any:
    """Make a NAT gateway in a network of its own."""
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    return ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]


def holds_nothing(ec2: Any) -> bool:
    vpc = ec2.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
    ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=vpc)
    ec2.delete_vpc(VpcId=vpc)
    return vpc not in {each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"]}


def no_images(ec2: Any) -> bool:
    """The way of images, which begins at /v2/ (OCI distribution spec), is not there."""
    return httpx2.get(f"{ec2.meta.endpoint_url}/v2/").status_code == httpx2.codes.NOT_FOUND


def weighs_nothing(ec2: Any) -> bool:
    """A plain record comes beside a weighted one, which AWS refuses."""
    names = boto3.client("route53", endpoint_url=ec2.meta.endpoint_url, region_name="us-east-1", **OPEN)
    zone = names.create_hosted_zone(Name="gaps.example.com", CallerReference="gaps")["HostedZone"]["Id"]
    values = [{"Value": "192.0.2.1"}]
    plain: Any = {"Name": "www.gaps.example.com", "Type": "A", "TTL": 60, "ResourceRecords": values}
    both = [{**plain, "SetIdentifier": "old", "Weight": 1}, plain]
    changes: list[Any] = [{"Action": "CREATE", "ResourceRecordSet": each} for each in both]
    names.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    listed = names.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return sum(each["Type"] == "A" for each in listed) == len(both)


def signs_whatever_the_zone_says(ec2: Any) -> bool:
    acm = boto3.client("acm", endpoint_url=ec2.meta.endpoint_url, region_name="eu-west-3", **OPEN)
    arn = acm.request_certificate(DomainName="gaps.example.com", ValidationMethod="DNS")["CertificateArn"]
    return bool(acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED")


#: What shows that something is still not rehearsed, by the words of the ledger.
PROBES: dict[str, Callable[[Any], bool]] = {
    "Permissions: the emulator lets anybody do anything; policies are held by a part of the tests, after "
    "AWS's reference.": anybody_may,
    "Waiting for the network: a NAT gateway is there at once; AWS takes minutes.": ready_at_once,
    "A NAT gateway that is gone lets its address go: in the emulator it keeps it.": keeps_its_address,
    "A security group or network interface of somebody else that holds the network.": holds_nothing,
    "ECR as a registry: images go to one of this machine, and nothing scans or removes them.": no_images,
    "ACM's own look at the zone: moto signs whatever that says, and no load balancer shows a certificate of "
    "it.": signs_whatever_the_zone_says,
    "Route 53's own look at a batch: moto compares no weights, and lets plain records stand beside "
    "weighted ones.": weighs_nothing,
}


def test_the_docs_list_what_is_not_rehearsed() -> None:
    _, _, part = DOCS.read_text().partition("## Not rehearsed\n")
    listed = re.findall(r"^- (.+)$", part.partition("\n## ")[0], re.MULTILINE)
    gaps = [gap for part in ledger.parts() for gap in part.gaps]
    assert listed == gaps
    assert PROBES.keys() <= set(gaps)


def test_the_gaps_are_still_there(aws: Aws) -> None:
    ec2 = client(aws, "ec2", "eu-west-3")
    open_ = {gap: probe(ec2) for gap, probe in PROBES.items()}
    assert all(open_.values()), open_
