"""What was in an account before: a network or a cluster that somebody else keeps.

It is looked at and used, never changed and never removed: it does not get Seaway's tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from seaway.errors import NotFound, Refused
from seaway.providers.eks.acm import Certificate, Proof
from seaway.providers.eks.auto import Standing
from seaway.providers.eks.cloud import Cloud, explained
from seaway.providers.eks.control import ControlPlane, NodeGroup, described
from seaway.providers.eks.network import ANYWHERE, BALANCERS, NETWORK, Routes, Subnet, Vpc, zones
from seaway.providers.eks.parts import CLUSTER, Live, Part, tags_in
from seaway.providers.eks.repositories import Repository

#: Zones over which nodes must lie (EKS user guide, Networking requirements).
ZONES: Final = 2
#: Free addresses that EKS needs in each subnet of a cluster (the same).
ADDRESSES: Final = 6
#: What the storage class of databases is made by.
_VOLUMES: Final = "aws-ebs-csi-driver"
#: Parts that stand beside a cluster, whoever keeps that.
_BESIDE: Final = (Certificate, Proof, Repository)
Groups = Sequence[Sequence[Part]]
#: Parts that lie in subnets which they name.
_PLACED: Final = (ControlPlane, NodeGroup, Standing)


@dataclass(frozen=True)
class Adoption:
    """What is adopted: a VPC by its id, or a cluster of EKS by its name; nothing where they are empty."""

    vpc: str = ""
    cluster: str = ""


NOTHING: Final = Adoption()


@dataclass(frozen=True)
class Home:
    """An adopted network: `private` are the subnets for nodes; `notes` say what it is and what it lacks."""

    vpc: str
    private: tuple[str, ...]
    notes: tuple[str, ...]


def settled(
    cloud: Cloud, adopt: Adoption, cluster: str, seen: Mapping[Any, dict[str, Live]], groups: Groups
) -> tuple[Groups, tuple[str, ...]]:
    """Take out of a cluster's parts what is adopted, and have the others use that; gives what to say of it.

    Where nobody names a network, it is the one in which the cluster is already. Raises as `home` and `lent`,
    and Refused where the cluster is in another network.
    """
    if adopt.cluster:
        _, notes = lent(cloud, adopt.cluster)
        return [[part for part in group if isinstance(part, _BESIDE)] for group in groups], notes
    live, own = seen[ControlPlane].get("cluster/main"), seen[Vpc].get("vpc/main")
    there = live["resourcesVpcConfig"]["vpcId"] if live else own["VpcId"] if own else ""
    vpc = adopt.vpc or ("" if own else there)
    if there and vpc not in {"", there}:
        raise Refused(
            f"cluster {cluster} is in network {there}, not {vpc}",
            why="a cluster stays in the network in which it was made",
            remedy=f"name {there} or none, or make another cluster",
        )
    if not vpc:
        return groups, ()
    found = home(cloud, vpc, cluster)
    kept = ([_inside(part, found) for part in group if not isinstance(part, NETWORK)] for group in groups)
    return [group for group in kept if group], found.notes


def _inside(part: Part, found: Home) -> Part:
    return replace(part, subnets=found.private) if isinstance(part, _PLACED) else part


def home(cloud: Cloud, vpc: str, cluster: str) -> Home:
    """Look at a network in which a cluster shall be. Changes nothing.

    Raises NotFound where there is none, Refused with all that it lacks.
    """
    with explained(f"AWS refused to show network {vpc}"):
        within: list[Any] = [{"Name": "vpc-id", "Values": [vpc]}]
        found = Vpc.found(cloud, within)
        if not found:
            raise NotFound(
                f"there is no network {vpc} in {cloud.region}",
                remedy=f"aws ec2 describe-vpcs --region {cloud.region} lists those that are there",
            )
        live = Vpc.whole(cloud, found[0])
        subnets, tables = Subnet.found(cloud, within), Routes.found(cloud, within)
        seen = _sorted(subnets, tables, zones(cloud))
    wrong = [*_lacks(live, seen), *_belongs(live, cluster)]
    if wrong:
        raise Refused(
            f"network {vpc} will not do for cluster {cluster}",
            why="; ".join(wrong),
            remedy="have it changed by who keeps it, or leave it out: then one of its own is made",
        )
    private = tuple(each["SubnetId"] for each in seen["private"])
    told = f"adopted: vpc {vpc} with subnets {', '.join(private)}: not made, changed, removed or in the costs"
    return Home(vpc, private, (told, *_tagless(seen)))


def lent(cloud: Cloud, name: str) -> tuple[Live, tuple[str, ...]]:
    """Look at an adopted cluster; gives it, and what there is to say. Changes nothing.

    Raises NotFound where it is not there, Refused where it cannot be used now.
    """
    with explained("AWS refused to show the cluster"):
        live = described(cloud, name)
        if live is None:
            raise NotFound(
                f"there is no cluster {name} in {cloud.region} to adopt",
                remedy=f"aws eks list-clusters --region {cloud.region} lists those that are there",
            )
        if live["status"] not in {"ACTIVE", "UPDATING"}:
            raise Refused(f"cluster {name} cannot be adopted now", why=f"it is {live['status'].lower()}")
        pages = cloud.eks.get_paginator("list_addons").paginate(clusterName=name)
        addons = [each for page in pages for each in page["addons"]]
    told = f"adopted: cluster {name}, at {live['version']}: not made, changed, removed or in the costs"
    lacks = f"cluster {name} has no add-on {_VOLUMES}: databases need what it does"
    automatic = live.get("storageConfig", {}).get("blockStorage", {}).get("enabled")
    return live, (told, *([] if _VOLUMES in addons or automatic else [lacks]))


def _sorted(subnets: list[Live], tables: list[Live], zones: tuple[str, ...]) -> dict[str, list[Live]]:
    """Sort the subnets of these zones by their way out: public, private, or none of them: closed."""
    main = next((each for each in tables if any(a.get("Main") for a in each["Associations"])), None)
    of = {a["SubnetId"]: each for each in tables for a in each["Associations"] if a.get("SubnetId")}
    found: dict[str, list[Live]] = {"public": [], "private": [], "closed": []}
    for each in sorted(subnets, key=lambda each: (each["AvailabilityZone"], each["SubnetId"])):
        if each["AvailabilityZone"] in zones:
            found[_way(of.get(each["SubnetId"], main))].append(each)
    return found


def _way(table: Live | None) -> str:
    """Tell where a route table leads what goes anywhere."""
    for route in (table or {}).get("Routes", []):
        if route.get("DestinationCidrBlock") == ANYWHERE and route.get("State", "active") == "active":
            return "public" if route.get("GatewayId", "").startswith("igw-") else "private"
    return "closed"


def _lacks(live: Live, seen: Mapping[str, list[Live]]) -> Iterator[str]:
    for name in ("EnableDnsSupport", "EnableDnsHostnames"):
        if not live[name]:
            yield f"{name} is off: nodes would not find the cluster"
    zones = sorted({each["AvailabilityZone"] for each in seen["private"]})
    if len(zones) < ZONES:
        where = f"only {zones[0]} has one" if zones else "it has none"
        closed = f"; without a way out: {', '.join(e['SubnetId'] for e in seen['closed'])}" * bool(
            seen["closed"]
        )
        yield f"nodes need a private subnet with a way out in each of {ZONES} zones, and {where}{closed}"
    for each in seen["private"]:
        if (free := each["AvailableIpAddressCount"]) < ADDRESSES:
            yield f"subnet {each['SubnetId']} has {free} free addresses, and EKS needs {ADDRESSES}"


def _belongs(live: Live, cluster: str) -> Iterator[str]:
    owner = tags_in(live).get(CLUSTER, "")
    if owner:
        own = "its own, and is made with it" if owner == cluster else "that one's, and goes when it goes"
        yield f"it carries the tag of cluster {owner} of Seaway's: it is {own}"


def _tagless(seen: Mapping[str, list[Live]]) -> Iterator[str]:
    """Say which subnets load balancers do not find by tag: that is not changed by us."""
    if not seen["public"]:
        yield "the network has no public subnet: a load balancer that the internet reaches has no place there"
    for kind, tag in zip(("public", "private"), BALANCERS, strict=True):
        without = [each["SubnetId"] for each in seen[kind] if tag not in tags_in(each)]
        if without:
            yield f"{kind} subnets {', '.join(without)} lack the tag {tag}=1: load balancers find them by it"
