"""The network of a cluster: a VPC over several zones, nodes in private subnets, a way out of each zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from typing import Any, ClassVar, Final

from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.parts import CLUSTER, Fix, Ids, Live, by_part, listed, tags_in, tags_of

ANYWHERE: Final = "0.0.0.0/0"
#: By which tag load balancers find their subnets: (public, private).
BALANCERS: Final = ("kubernetes.io/role/elb", "kubernetes.io/role/internal-elb")


class _Ec2:
    """What all parts of EC2 share: found by tag, there at once, with nothing to mend by default."""

    listing: ClassVar[tuple[str, str]]
    key: ClassVar[str]

    filters: ClassVar[tuple[Any, ...]] = ()

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        """Find them by tag, and look at the tag again: what comes back may be removed."""
        found = cls.found(cloud, [{"Name": f"tag:{CLUSTER}", "Values": [cluster]}, *cls.filters])
        return by_part([live for live in found if tags_in(live).get(CLUSTER) == cluster])

    @classmethod
    def found(cls, cloud: Cloud, filters: list[Any]) -> list[Live]:
        call, list_ = cls.listing
        client: Any = cloud.ec2
        if not client.can_paginate(call):
            return list(getattr(client, call)(Filters=filters)[list_])
        pages = client.get_paginator(call).paginate(Filters=filters)
        return [live for page in pages for live in page[list_]]

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:  # noqa: ARG002
        return []

    @classmethod
    def settled(cls, live: Live) -> bool:
        return bool(live.get("State", "available") == "available")

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live[cls.key])


def _tagged(resource: str, cluster: str, part: str, more: Mapping[str, str] | None = None) -> list[Any]:
    return [{"ResourceType": resource, "Tags": listed({**tags_of(cluster, part), **(more or {})})}]


@dataclass(frozen=True)
class Vpc(_Ec2):
    cluster: str
    cidr: str
    id: str = "vpc/main"
    listing: ClassVar = ("describe_vpcs", "Vpcs")
    key: ClassVar = "VpcId"

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        return {part: cls.whole(cloud, live) for part, live in super().owned(cloud, cluster).items()}

    @classmethod
    def whole(cls, cloud: Cloud, live: Live) -> Live:
        """Add what EC2 tells of a VPC only one by one: whether its DNS is on."""
        found = dict(live)
        for name in ("EnableDnsSupport", "EnableDnsHostnames"):
            attribute: Any = name[0].lower() + name[1:]
            answer: Live = dict(cloud.ec2.describe_vpc_attribute(VpcId=live["VpcId"], Attribute=attribute))
            found[name] = answer[name]["Value"]
        return found

    def create(self, cloud: Cloud, ids: Ids) -> None:  # noqa: ARG002
        cloud.ec2.create_vpc(CidrBlock=self.cidr, TagSpecifications=_tagged("vpc", self.cluster, self.id))

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:  # noqa: ARG002
        vpc, client = live["VpcId"], cloud.ec2
        on: Any = {"Value": True}
        calls = {
            "EnableDnsSupport": lambda: client.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport=on),
            "EnableDnsHostnames": lambda: client.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames=on),
        }
        return [Fix(f"{name} on", call) for name, call in calls.items() if not live[name]]

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cloud.ec2.delete_vpc(VpcId=live["VpcId"])


@dataclass(frozen=True)
class Gateway(_Ec2):
    """The VPC's way to the internet."""

    cluster: str
    id: str = "internet-gateway/main"
    listing: ClassVar = ("describe_internet_gateways", "InternetGateways")
    key: ClassVar = "InternetGatewayId"

    def create(self, cloud: Cloud, ids: Ids) -> None:  # noqa: ARG002
        cloud.ec2.create_internet_gateway(
            TagSpecifications=_tagged("internet-gateway", self.cluster, self.id)
        )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:
        vpc = ids.get("vpc/main", "")
        if vpc in {each["VpcId"] for each in live.get("Attachments", [])}:
            return []
        gateway = live["InternetGatewayId"]
        return [
            Fix("attach it", lambda: cloud.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc))
        ]

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        gateway = live["InternetGatewayId"]
        for each in live.get("Attachments", []):
            cloud.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=each["VpcId"])
        cloud.ec2.delete_internet_gateway(InternetGatewayId=gateway)


@dataclass(frozen=True)
class Subnet(_Ec2):
    """One per zone for what is reached from outside (public), one for nodes."""

    cluster: str
    public: bool
    number: int
    zone: str
    cidr: str
    listing: ClassVar = ("describe_subnets", "Subnets")
    key: ClassVar = "SubnetId"

    @property
    def id(self) -> str:
        return subnet(self.number, public=self.public)

    @property
    def role(self) -> dict[str, str]:
        """The tag by which load balancers find it."""
        return {BALANCERS[0 if self.public else 1]: "1"}

    def create(self, cloud: Cloud, ids: Ids) -> None:
        cloud.ec2.create_subnet(
            VpcId=ids["vpc/main"],
            AvailabilityZone=self.zone,
            CidrBlock=self.cidr,
            TagSpecifications=_tagged("subnet", self.cluster, self.id, self.role),
        )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:  # noqa: ARG002
        role = self.role
        if role.items() <= tags_in(live).items():
            return []
        resources = [live["SubnetId"]]
        return [
            Fix(
                "its tag for load balancers",
                lambda: cloud.ec2.create_tags(Resources=resources, Tags=listed(role)),
            )
        ]

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cloud.ec2.delete_subnet(SubnetId=live["SubnetId"])


@dataclass(frozen=True)
class Address(_Ec2):
    """The address under which the nodes of a zone are seen from outside."""

    cluster: str
    number: int
    listing: ClassVar = ("describe_addresses", "Addresses")
    key: ClassVar = "AllocationId"

    @property
    def id(self) -> str:
        return f"address/{self.number}"

    def create(self, cloud: Cloud, ids: Ids) -> None:  # noqa: ARG002
        cloud.ec2.allocate_address(
            Domain="vpc", TagSpecifications=_tagged("elastic-ip", self.cluster, self.id)
        )

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cloud.ec2.release_address(AllocationId=live["AllocationId"])


@dataclass(frozen=True)
class Nat(_Ec2):
    """The nodes' way out of one zone: with one per zone, the loss of a zone takes no other's away."""

    cluster: str
    number: int
    listing: ClassVar = ("describe_nat_gateways", "NatGateways")
    key: ClassVar = "NatGatewayId"
    #: One that failed or goes is none: AWS shows it for about an hour more.
    filters: ClassVar = ({"Name": "state", "Values": ["pending", "available"]},)

    @property
    def id(self) -> str:
        return f"nat-gateway/{self.number}"

    def create(self, cloud: Cloud, ids: Ids) -> None:
        cloud.ec2.create_nat_gateway(
            SubnetId=ids[subnet(self.number, public=True)],
            AllocationId=ids[f"address/{self.number}"],
            TagSpecifications=_tagged("natgateway", self.cluster, self.id),
        )

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cloud.ec2.delete_nat_gateway(NatGatewayId=live["NatGatewayId"])
        waiter = cloud.ec2.get_waiter("nat_gateway_deleted")
        waiter.wait(NatGatewayIds=[live["NatGatewayId"]])


@dataclass(frozen=True)
class Routes(_Ec2):
    """Where traffic of some subnets goes when it leaves: `way` is the part it goes through."""

    cluster: str
    name: str
    way: str
    subnets: tuple[str, ...]
    listing: ClassVar = ("describe_route_tables", "RouteTables")
    key: ClassVar = "RouteTableId"

    @property
    def id(self) -> str:
        return f"routes/{self.name}"

    def create(self, cloud: Cloud, ids: Ids) -> None:
        cloud.ec2.create_route_table(
            VpcId=ids["vpc/main"], TagSpecifications=_tagged("route-table", self.cluster, self.id)
        )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:
        table, fixes = live["RouteTableId"], list[Fix]()
        key = "NatGatewayId" if self.way.startswith("nat-") else "GatewayId"
        out = {"RouteTableId": table, "DestinationCidrBlock": ANYWHERE, key: ids.get(self.way, "")}
        routes = [each for each in live["Routes"] if each.get("DestinationCidrBlock") == ANYWHERE]
        client: Any = cloud.ec2
        if not routes:
            fixes.append(Fix(f"route through {self.way}", lambda: client.create_route(**out)))
        elif routes[0].get(key) != out[key]:
            fixes.append(Fix(f"route through {self.way} again", lambda: client.replace_route(**out)))
        there = {each.get("SubnetId") for each in live["Associations"]}
        missing = {each: ids.get(each, "") for each in self.subnets if ids.get(each, "") not in there}
        use = partial(_associate, cloud, table)
        fixes += [Fix(f"use it for {name}", partial(use, id_)) for name, id_ in missing.items()]
        return fixes

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        for each in live["Associations"]:
            cloud.ec2.disassociate_route_table(AssociationId=each["RouteTableAssociationId"])
        cloud.ec2.delete_route_table(RouteTableId=live["RouteTableId"])


def _associate(cloud: Cloud, table: str, subnet: str) -> None:
    """Have a subnet use a route table, also where somebody gave it another one."""
    others = Routes.found(cloud, [{"Name": "association.subnet-id", "Values": [subnet]}])
    for each in (each for other in others for each in other["Associations"]):
        if each.get("SubnetId") == subnet:
            cloud.ec2.replace_route_table_association(
                AssociationId=each["RouteTableAssociationId"], RouteTableId=table
            )
            return
    cloud.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)


#: The kinds of parts that a network is made of.
NETWORK: Final = (Vpc, Gateway, Subnet, Address, Nat, Routes)


def zones(cloud: Cloud) -> tuple[str, ...]:
    """List the zones of the region in which a cluster may be, by name."""
    found = cloud.ec2.describe_availability_zones(
        Filters=[
            {"Name": "zone-type", "Values": ["availability-zone"]},
            {"Name": "state", "Values": ["available"]},
        ]
    )["AvailabilityZones"]
    return tuple(sorted(zone["ZoneName"] for zone in found))


def subnet(number: int, *, public: bool) -> str:
    """Name the part that is a zone's subnet."""
    return f"subnet/{'public' if public else 'private'}-{number}"


def network(cluster: str, cidr: str, zones: tuple[str, ...]) -> list[list[Any]]:
    """List the parts of a network, in groups that come one after the other.

    Of a /16, each zone's nodes and pods have a /19 and its public side a /24.
    """
    whole, count = IPv4Network(cidr), len(zones)
    inner, outer = list(whole.subnets(3)), list(list(whole.subnets(3))[-1].subnets(5))
    subnets = [
        Subnet(cluster, public, i, zone, str((outer if public else inner)[i]))
        for public in (True, False)
        for i, zone in enumerate(zones)
    ]
    publics = tuple(subnet(i, public=True) for i in range(count))
    return [
        [Vpc(cluster, cidr)],
        [Gateway(cluster), *subnets, *(Address(cluster, i) for i in range(count))],
        [
            Routes(cluster, "public", "internet-gateway/main", publics),
            *(Nat(cluster, i) for i in range(count)),
        ],
        [
            Routes(cluster, f"private-{i}", f"nat-gateway/{i}", (subnet(i, public=False),))
            for i in range(count)
        ],
    ]
