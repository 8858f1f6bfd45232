"""What an account had before: a network or a cluster is looked at, used, and left as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.api import lint  # type: ignore[import-untyped]

from seaway.errors import NotFound, Refused
from seaway.model.event import silent
from seaway.providers.eks.adopted import Adoption
from seaway.providers.eks.auto import Standing
from seaway.providers.eks.cloud import REHEARSAL, Cloud
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.nodes import Wanted
from seaway.twin.inventory import Aws, Inventory, client, inventory
from seaway.twin.phases import PHASE
from tests.providers.eks.conftest import Typed
from tests.providers.eks.test_production import write

REGION = "ap-northeast-1"
TAGS = {"public": "kubernetes.io/role/elb", "private": "kubernetes.io/role/internal-elb"}
#: What belongs to the network, in an inventory.
NETWORK = ("vpcs", "subnets", "gateways", "addresses", "nats", "tables")


@dataclass(frozen=True)
class Theirs:
    """A network that was there before: a public and a private subnet in each of two zones."""

    vpc: str
    private: list[str]
    tables: dict[str, str]


@pytest.fixture(scope="module")
def theirs(aws: Aws) -> Theirs:
    ec2 = client(aws, "ec2", REGION)
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnets: dict[str, list[str]] = {
        kind: [_subnet(ec2, vpc, f"10.7.{4 * n + i}.0/24", zone, TAGS[kind]) for i, zone in enumerate("ac")]
        for n, kind in enumerate(TAGS)
    }
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets["public"][0], AllocationId=address)["NatGateway"]
    ways = {"public": {"GatewayId": gateway}, "private": {"NatGatewayId": nat["NatGatewayId"]}}
    tables = {}
    for kind, way in ways.items():
        tables[kind] = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=tables[kind], DestinationCidrBlock="0.0.0.0/0", **way)
        for each in subnets[kind]:
            ec2.associate_route_table(RouteTableId=tables[kind], SubnetId=each)
    return Theirs(vpc, subnets["private"], tables)


def _subnet(ec2: Any, vpc: str, cidr: str, zone: str, tag: str = "") -> str:
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}")["Subnet"]
    if tag:
        ec2.create_tags(Resources=[made["SubnetId"]], Tags=[{"Key": tag, "Value": "1"}])
    return str(made["SubnetId"])


@pytest.fixture
def clusters(rehearsal: Aws, theirs: Theirs) -> EksClusters:  # noqa: ARG001
    return EksClusters(Cloud.open(REGION), adopt=Adoption(theirs.vpc))


def untouched(before: Inventory, now: Inventory) -> bool:
    return all(before[kind] == now[kind] for kind in NETWORK)


def test_a_network_is_used_and_neither_changed_nor_removed(
    rehearsal: Aws, theirs: Theirs, clusters: EksClusters
) -> None:
    before, cloud = inventory(rehearsal, REGION), clusters.cloud
    proposal = clusters.propose("shop", 2, "")
    kinds = {change.step.partition("/")[0] for change in proposal.changes}
    assert not kinds & {"vpc", "subnet", "nat-gateway", "routes"}
    assert proposal.bill
    assert not [item for item in proposal.bill.items if "nat-gateway" in item.thing]
    assert [note.partition(":")[0] for note in proposal.notes] == ["adopted"]
    assert theirs.vpc in proposal.notes[0]
    clusters.create("shop", 2, "", silent)
    held = rehearsal.regions[REGION]
    assert held.clusters["shop"]["resourcesVpcConfig"]["subnetIds"] == theirs.private
    assert held.groups["shop", "seaway"]["subnets"] == theirs.private
    assert untouched(before, inventory(rehearsal, REGION))
    unnamed = EksClusters(cloud)
    assert clusters.propose("shop", 2, "").changes == unnamed.propose("shop", 2, "").changes == ()
    with pytest.raises(Refused, match=f"cluster shop is in network {theirs.vpc}, not vpc-0a1b2c3d"):
        EksClusters(cloud, adopt=Adoption("vpc-0a1b2c3d")).create("shop", 2, "", silent)
    del held.groups["shop", "seaway"]
    assert len(unnamed.scale("shop", 1, "", silent).nodes) == 1
    assert unnamed.delete("shop", silent)
    assert inventory(rehearsal, REGION) == before


def test_all_that_a_network_lacks_is_told_at_once(rehearsal: Aws, clusters: EksClusters) -> None:
    ec2, before = client(rehearsal, "ec2", REGION), inventory(rehearsal, REGION)
    with pytest.raises(NotFound, match="there is no network vpc-0a1b2c3d in ap-northeast-1"):
        EksClusters(clusters.cloud, adopt=Adoption("vpc-0a1b2c3d")).propose("shop", 1, "")
    bare = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    closed = [_subnet(ec2, bare, "10.8.0.0/24", "a"), _subnet(ec2, bare, "10.8.1.0/29", "c")]
    ec2.modify_vpc_attribute(VpcId=bare, EnableDnsSupport={"Value": False})
    ec2.create_tags(Resources=[bare], Tags=[{"Key": "seaway.dev/cluster", "Value": "bank"}])
    lacking = EksClusters(clusters.cloud, adopt=Adoption(bare))
    with pytest.raises(Refused, match=f"network {bare} will not do for cluster shop") as refused:
        lacking.create("shop", 1, "", silent)
    names = ", ".join(closed)
    assert refused.value.why.split("; ") == [
        "EnableDnsSupport is off: nodes would not find the cluster",
        "EnableDnsHostnames is off: nodes would not find the cluster",
        "nodes need a private subnet with a way out in each of 2 zones, and it has none",
        f"without a way out: {names}",
        "it carries the tag of cluster bank of Seaway's: it is that one's, and goes when it goes",
    ]
    main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [bare]}])["RouteTables"][0]
    nat = ec2.describe_nat_gateways()["NatGateways"][0]["NatGatewayId"]
    way = {"RouteTableId": main["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.create_route(**way, NatGatewayId=nat)
    for name in ("EnableDnsSupport", "EnableDnsHostnames"):
        ec2.modify_vpc_attribute(VpcId=bare, **{name: {"Value": True}})
    ec2.delete_tags(Resources=[bare], Tags=[{"Key": "seaway.dev/cluster"}])
    with pytest.raises(Refused) as refused:
        lacking.propose("shop", 1, "")
    assert refused.value.why == f"subnet {closed[1]} has 3 free addresses, and EKS needs 6"
    ec2.delete_subnet(SubnetId=closed.pop())
    closed.append(_subnet(ec2, bare, "10.8.2.0/24", "c"))
    tag = TAGS["private"]
    _, *notes = lacking.propose("shop", 1, "").notes
    assert notes == [
        "the network has no public subnet: a load balancer that the internet reaches has no place there",
        f"private subnets {', '.join(closed)} lack the tag {tag}=1: load balancers find them by it",
    ]
    for each in closed:
        ec2.delete_subnet(SubnetId=each)
    ec2.delete_vpc(VpcId=bare)
    assert inventory(rehearsal, REGION) == before


@pytest.fixture
def lent(rehearsal: Aws, theirs: Theirs) -> Iterator[str]:
    """A cluster of somebody else's."""
    iam, eks = client(rehearsal, "iam", REGION), client(rehearsal, "eks", REGION)
    role = iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    eks.create_cluster(name="Prod_EU", roleArn=role, resourcesVpcConfig={"subnetIds": theirs.private})
    for _ in range(PHASE + 1):
        eks.describe_cluster(name="Prod_EU")
    yield "Prod_EU"
    iam.delete_role(RoleName="theirs")
    rehearsal.regions[REGION].clusters.pop("Prod_EU")


def test_of_a_cluster_only_its_images_are_ours(rehearsal: Aws, lent: str, tmp_path: Path) -> None:
    cloud, before = Cloud.open(REGION), inventory(rehearsal, REGION)
    clusters = EksClusters(cloud, images=("shop/web",), adopt=Adoption(cluster=lent))
    proposal = clusters.propose("shop", 2, "")
    assert [each.step for each in proposal.changes] == ["repository/shop/web"]
    assert proposal.context.endswith(f":cluster/{lent}")
    adopted, lacks = proposal.notes
    assert adopted.startswith(f"adopted: cluster {lent}, at 1.36")
    assert lacks == f"cluster {lent} has no add-on aws-ebs-csi-driver: databases need what it does"
    facts = clusters.create("shop", 2, "", silent)
    assert (facts.name, facts.state, clusters.find("shop")) == (lent, "running", facts)
    now = inventory(rehearsal, REGION)
    assert {kind for kind in now if now[kind] != before[kind]} == {"repositories"}
    assert clusters.propose("shop", 2, "").changes == ()
    assert list(clusters.template("shop", Wanted((2, 2), ""))["Resources"]) == ["RepositoryShopWeb"]
    assert clusters.delete("shop", silent)
    assert inventory(rehearsal, REGION) == before
    contexts = yaml.safe_load((tmp_path / "kubeconfig").read_text())["contexts"]
    assert [each["name"] for each in contexts] == [proposal.context]
    rehearsal.regions[REGION].clusters[lent]["status"] = "FAILED"
    with pytest.raises(Refused, match=f"cluster {lent} cannot be adopted now"):
        clusters.propose("shop", 2, "")
    with pytest.raises(NotFound, match="there is no cluster prod in ap-northeast-1 to adopt"):
        EksClusters(cloud, adopt=Adoption(cluster="prod")).create("shop", 2, "", silent)


def test_a_template_names_an_adopted_network_by_its_ids(theirs: Theirs, clusters: EksClusters) -> None:
    written = clusters.template("shop", Wanted((2, 2), ""))
    assert written["Resources"]["NodesMain"]["Properties"]["Subnets"] == theirs.private
    assert "VpcMain" not in written["Resources"]
    assert [str(each) for each in lint(json.dumps(written), regions=[REGION])] == []


def test_as_people_type_it(
    rehearsal: Aws,
    theirs: Theirs,
    monkeypatch: pytest.MonkeyPatch,
    typed: Typed,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(REHEARSAL, f"{rehearsal.moto} eks={rehearsal.eks} registry=http://127.0.0.1:5055")
    create = ("cluster", "create", "--on", "eks", "--region", REGION, "--name", "shop")
    status, _, told = typed(*create, "--vpc", theirs.vpc)
    assert (status, told.splitlines()[0].partition(" with ")[0]) == (1, f"• adopted: vpc {theirs.vpc}")
    assert "give the option --yes as well" in told
    status, _, told = typed(*create, "--vpc", "main")
    assert (status, "--vpc main is no network" in told) == (2, True)
    write(tmp_path, REGION)
    file = tmp_path / "seaway.yaml"
    adopt = f"cluster: shop, adopt: {{vpc: {theirs.vpc}}},"
    file.write_text(file.read_text().replace("cluster: shop,", adopt))
    status, document, told = typed("plan", "--on", "production", "-o", "json")
    assert status == 3, told
    found = json.loads(document)
    parts = {part["step"].partition("/")[0] for part in found["changes"][0]["parts"]}
    assert parts == {"role", "cluster", "nodes", "administrator", "pod-identity", "addon", "repository"}
    assert [note for note in found["notes"] if note.startswith(f"adopted: vpc {theirs.vpc}")]
    assert not [item for item in found["costs"]["items"] if "nat-gateway" in item["thing"]]


@pytest.mark.usefixtures("rehearsal")
def test_nodes_of_auto_mode_are_in_its_private_subnets_too(clusters: EksClusters, theirs: Theirs) -> None:
    parts = clusters.look("shop", Wanted((1, 1), "", auto=True))[1]
    (nodes,) = (part for part in parts if isinstance(part, Standing))
    assert list(nodes.subnets) == theirs.private
    (wanted, _) = nodes.wanted(clusters.cloud, {})
    assert [each["id"] for each in wanted["spec"]["subnetSelectorTerms"]] == theirs.private
