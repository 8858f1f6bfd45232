"""The whole way of a cluster on AWS: made, killed at every call, changed by hand, scaled, removed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from seaway.errors import NotFound, Refused, Unreachable, Unready, UsageError
from seaway.model.event import silent
from seaway.providers.eks.cloud import REHEARSAL, Cloud, EmulatorGap, explained
from seaway.providers.eks.clusters import EksClusters
from seaway.twin.eks import Eks
from seaway.twin.inventory import Aws, Inventory, client, inventory
from seaway.twin.phases import PHASE, Wrong
from tests.providers.eks.conftest import Shop, West
from tests.providers.eks.looks import Calls, Killed

KINDS = ("vpcs", "subnets", "gateways", "addresses", "nats", "tables", "roles", "eks", "repositories",
         "certificates", "records")  # fmt: skip
NOTHING: Inventory = {kind: [] for kind in KINDS}


def killed_at_every_call(calls: Calls, work: Callable[[], Any]) -> int:
    """Do the work in as many runs as it has calls that change something: each but the last ends at one.

    Gives how many were killed. Nothing is kept from run to run but the clients, which hold nothing.
    """
    calls.deadly = True
    try:
        for run in range(100):
            try:
                work()
            except Killed:
                continue
            return run
    finally:
        calls.deadly = False
    raise AssertionError("it never ends")


def test_a_cluster_has_private_nodes_in_two_zones_with_a_way_out_of_each(rehearsal: Aws, shop: Shop) -> None:
    seen = inventory(rehearsal, "eu-central-1")
    ways = {tags.get("seaway.dev/part"): (subnets, routes) for tags, subnets, routes in seen["tables"]}
    for i in range(2):
        subnets, routes = ways[f"routes/private-{i}"]
        assert subnets == [f"subnet/private-{i}"]
        assert ("0.0.0.0/0", f"nat-gateway/{i}") in routes
    assert {zone for tags, *_, zone in seen["subnets"] if "private" in tags["seaway.dev/part"]} == {"a", "b"}
    for name, mutable, scanned, tags, rules in seen["repositories"]:
        assert (mutable, scanned) == ("IMMUTABLE_WITH_EXCLUSION", {"scanOnPush": True})
        assert (tags["seaway.dev/cluster"], f"shop/{tags['seaway.dev/part'][11:]}") == ("shop", name)
        assert json.loads(rules)["rules"][0]["selection"]["tagPatternList"] == ["src-*"]
    assert [name for name, *_ in seen["repositories"]] == ["shop/seaway/base", "shop/shop/web"]
    held = rehearsal.regions["eu-central-1"]
    cluster, group = held.clusters["shop"], held.groups["shop", "seaway"]
    assert cluster["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    assert cluster["resourcesVpcConfig"]["endpointPrivateAccess"]
    assert (group["instanceTypes"], group["amiType"]) == (["m7i.large"], "AL2023_x86_64_STANDARD")
    entry = held.entries["shop", "arn:aws:iam::123456789012:user/deployer"]
    assert entry["policies"][0]["policyArn"].endswith("/AmazonEKSClusterAdminPolicy")
    assert {name for _, name in held.addons} == {
        "eks-pod-identity-agent", "aws-ebs-csi-driver", "metrics-server"
    }  # fmt: skip
    assert shop.facts.state == "running"
    assert [(node.size, node.ready) for node in shop.facts.nodes] == [("m7i.large", True)] * 2


def test_killed_after_every_call_it_arrives_at_the_same_place(rehearsal: Aws, shop: Shop, west: West) -> None:
    """Both ways; and a second run of what is whole changes nothing."""
    clusters = west.clusters
    assert killed_at_every_call(west.calls, lambda: clusters.create("shop", 2, "", silent)) > 30
    assert inventory(rehearsal, "eu-west-1") == inventory(rehearsal, "eu-central-1")
    west.calls.made.clear()
    assert clusters.propose("shop", 2, "").changes == ()
    assert [(n.size, n.ready) for n in clusters.create("shop", 1, "", silent).nodes] == [
        (n.size, n.ready) for n in shop.facts.nodes
    ]
    assert west.calls.made == []
    assert killed_at_every_call(west.calls, lambda: clusters.delete("shop", silent)) > 20
    assert inventory(rehearsal, "eu-west-1") == NOTHING


def test_what_is_changed_by_hand_is_found_and_mended(rehearsal: Aws, shop: Shop) -> None:
    region = "eu-central-1"
    before = inventory(rehearsal, region)
    ec2, iam = client(rehearsal, "ec2", region), client(rehearsal, "iam", region)
    held, ids = rehearsal.regions[region], parts_of(ec2)
    ec2.modify_vpc_attribute(VpcId=ids["vpc/main"], EnableDnsHostnames={"Value": False})
    ec2.delete_tags(Resources=[ids["subnet/public-1"]], Tags=[{"Key": "kubernetes.io/role/elb"}])
    ec2.delete_route(RouteTableId=ids["routes/public"], DestinationCidrBlock="0.0.0.0/0")
    ec2.delete_nat_gateway(NatGatewayId=ids["nat-gateway/0"])
    let_go(ec2, ids["address/0"])
    tables = ec2.describe_route_tables(RouteTableIds=[ids["routes/private-1"]])["RouteTables"]
    ec2.replace_route_table_association(
        AssociationId=tables[0]["Associations"][0]["RouteTableAssociationId"],
        RouteTableId=ids["routes/public"],
    )
    iam.detach_role_policy(
        RoleName=f"seaway-shop-{region}-node", PolicyArn="arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
    )
    nodes = iam.get_role(RoleName=f"seaway-shop-{region}-node")["Role"]["AssumeRolePolicyDocument"]
    iam.update_assume_role_policy(RoleName=f"seaway-shop-{region}-cluster", PolicyDocument=json.dumps(nodes))
    held.clusters["shop"]["resourcesVpcConfig"]["endpointPrivateAccess"] = False
    held.clusters["shop"]["logging"]["clusterLogging"][0]["types"].remove("audit")
    held.groups["shop", "seaway"]["scalingConfig"]["desiredSize"] = 1
    next(iter(held.entries.values()))["policies"].clear()
    next(iter(held.pods.values()))["roleArn"] = held.clusters["shop"]["roleArn"]
    ecr = client(rehearsal, "ecr", region)
    ecr.put_image_tag_mutability(repositoryName="shop/shop/web", imageTagMutability="MUTABLE")
    ecr.put_image_scanning_configuration(
        repositoryName="shop/shop/web", imageScanningConfiguration={"scanOnPush": False}
    )
    ecr.delete_lifecycle_policy(repositoryName="shop/seaway/base")
    found = {(c.step, d) for c in shop.clusters.propose("shop", 2, "").changes for d in c.details or ("",)}
    who = next(iter(held.entries))[1]
    assert found == {
        ("vpc/main", "EnableDnsHostnames on"),
        ("subnet/public-1", "its tag for load balancers"),
        ("routes/public", "route through internet-gateway/main"),
        ("nat-gateway/0", ""),
        ("routes/private-0", "route through nat-gateway/0 again"),
        ("routes/private-1", "use it for subnet/private-1"),
        ("role/node", "policy AmazonEKS_CNI_Policy"),
        ("role/cluster", "who may take it"),
        ("cluster/main", "from where its API is reached"),
        ("cluster/main", "logs: audit"),
        ("nodes/main", "nodes 1 → 2"),
        ("pod-identity/volumes", "its role volumes"),
        ("repository/shop/web", "tags that cannot be moved"),
        ("repository/shop/web", "scan of what comes"),
        ("repository/seaway/base", "keep the newest 100 images"),
        (f"administrator/{who}", "policy AmazonEKSClusterAdminPolicy"),
    }
    shop.clusters.create("shop", 2, "", silent)
    held.clusters["shop"]["logging"] = {
        "clusterLogging": [{"types": ["api", "audit", "authenticator"], "enabled": True}]
    }
    assert inventory(rehearsal, region) == before


def test_what_is_not_seaways_stays(rehearsal: Aws, west: West) -> None:
    region, clusters = "eu-west-1", west.clusters
    ec2, iam, eks = (client(rehearsal, service, region) for service in ("ec2", "iam", "eks"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"{region}{'ab'[i]}")
        for i in range(2)
    ]
    trust, name = '{"Version": "2012-10-17", "Statement": []}', f"seaway-shop-{region}-node"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    places = {"subnetIds": [each["Subnet"]["SubnetId"] for each in subnets]}
    eks.create_cluster(name="shop", roleArn=role, resourcesVpcConfig=places)
    for _ in range(PHASE + 1):
        eks.describe_cluster(name="shop")
    before = inventory(rehearsal, region)
    assert clusters.find("shop") is None
    assert clusters.list() == ()
    with pytest.raises(NotFound, match="no cluster shop of Seaway's"):
        clusters.use("shop")
    with pytest.raises(Refused, match=f"role {name} is there and is not Seaway's"):
        clusters.create("shop", 1, "", silent)
    iam.delete_role(RoleName=name)
    with pytest.raises(Refused, match="cluster shop is there and is not Seaway's"):
        clusters.create("shop", 1, "", silent)
    assert not clusters.delete("shop", silent)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    assert inventory(rehearsal, region) == before
    assert not clusters.delete("shop", silent)
    iam.delete_role(RoleName=name)
    for each in subnets:
        ec2.delete_subnet(SubnetId=each["Subnet"]["SubnetId"])
    ec2.delete_vpc(VpcId=vpc)
    rehearsal.regions[region].clusters.clear()


def test_what_takes_its_time_is_waited_for_and_what_stays_is_told(
    rehearsal: Aws, west: West, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role that EKS does not see yet; somebody's subnet in the network that shall go."""
    clusters, seen, asked = west.clusters, Eks._role, list[str]()

    def slow(self: Eks, arn: str) -> None:
        asked.append(arn)
        if len(asked) < 4:
            raise Wrong("InvalidParameterException", f"Role with arn: {arn}, could not be assumed")
        seen(self, arn)

    monkeypatch.setattr(Eks, "_role", slow)
    with pytest.raises(UsageError, match=r"no such instance type: m9\.nano"):
        clusters.create("shop", 1, "m9.nano", silent)
    assert clusters.create("shop", 1, "m7g.large", silent).state == "running"
    assert len(asked) == 6
    held, ec2 = rehearsal.regions["eu-west-1"], client(rehearsal, "ec2", "eu-west-1")
    assert held.groups["shop", "seaway"]["amiType"] == "AL2023_ARM_64_STANDARD"
    vpc = held.clusters["shop"]["resourcesVpcConfig"]["vpcId"]
    theirs = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.200.0/24")["Subnet"]["SubnetId"]
    with pytest.raises(Unready, match="vpc of cluster shop is still in use") as stays:
        clusters.delete("shop", silent)
    assert "DependencyViolation" in stays.value.why
    ec2.delete_subnet(SubnetId=theirs)
    assert clusters.delete("shop", silent)
    assert inventory(rehearsal, "eu-west-1") == NOTHING


@pytest.mark.usefixtures("rehearsal")
def test_nodes_are_added_and_taken_away(shop: Shop) -> None:
    assert len(shop.clusters.scale("shop", 3, "", silent).nodes) == 3
    assert len(shop.clusters.scale("shop", 2, "m7i.large", silent).nodes) == 2
    with pytest.raises(Refused, match=r"of size m7i\.large, not m7g\.large"):
        shop.clusters.scale("shop", 2, "m7g.large", silent)
    with pytest.raises(UsageError, match="1 to 100 nodes"):
        shop.clusters.scale("shop", 0, "", silent)
    with pytest.raises(UsageError, match="1 to 100 nodes"):
        shop.clusters.create("shop", 101, "", silent)
    with pytest.raises(NotFound, match="no cluster bank"):
        shop.clusters.scale("bank", 2, "", silent)


def test_the_api_is_open_only_to_those_who_are_named(rehearsal: Aws, shop: Shop) -> None:
    reach = rehearsal.regions["eu-central-1"].clusters["shop"]["resourcesVpcConfig"]
    assert reach["publicAccessCidrs"] == ["0.0.0.0/0"]
    closed = EksClusters(shop.clusters.cloud, ("192.0.2.0/24",))
    closed.create("shop", 2, "", silent)
    assert reach["publicAccessCidrs"] == ["192.0.2.0/24"]
    assert shop.clusters.propose("shop", 2, "").changes == ()
    EksClusters(shop.clusters.cloud, ("0.0.0.0/0",)).create("shop", 2, "", silent)


@pytest.mark.usefixtures("rehearsal")
def test_a_call_that_an_emulator_does_not_know_never_reads_as_not_found(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto has clusters and no access entries: it answers with a page and 404."""
    monkeypatch.setenv(REHEARSAL, aws.moto)
    with pytest.raises(EmulatorGap, match="does not know this call") as gap:
        Cloud.open("eu-central-1").eks.list_access_entries(clusterName="shop")
    assert gap.value.where == "eks ListAccessEntries"


@pytest.mark.usefixtures("rehearsal")
def test_a_service_that_is_busy_is_asked_again(west: West, monkeypatch: pytest.MonkeyPatch) -> None:
    list_clusters, codes = Eks.list_clusters, ["ThrottlingException", "ServerException"]

    def busy(self: Eks, **paging: Any) -> Any:
        if codes:
            raise Wrong(codes.pop(), "later")
        return list_clusters(self, **paging)

    monkeypatch.setattr(Eks, "list_clusters", busy)
    west.clusters.list()
    assert codes == []


@pytest.mark.parametrize("kind", [EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError])
def test_an_endpoint_that_nobody_answers_at_is_told_as_such(kind: type[BotoCoreError]) -> None:
    with pytest.raises(Unreachable, match="AWS does not answer"), explained("no list"):
        raise kind(endpoint_url="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("message", "action"),
    [
        ("not authorized", "CreateCluster"),
        ("User: arn:aws:iam::1:user/bob is not authorized to perform: iam:PassRole on it", "iam:PassRole"),
    ],
)
def test_an_action_that_is_denied_is_named(message: str, action: str) -> None:
    said: Any = {"Error": {"Code": "AccessDenied", "Message": message}}
    with pytest.raises(Refused) as refused, explained("cluster cannot be made"):
        raise ClientError(said, "CreateCluster")
    assert (refused.value.what, refused.value.where) == ("cluster cannot be made", action)
    assert f"allow {action} to" in refused.value.remedy


@pytest.mark.parametrize("aws_command", [True, False])
def test_the_context_is_what_the_aws_command_writes(
    rehearsal: Aws, shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, aws_command: bool
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent) if aws_command else str(tmp_path))
    ours = tmp_path / "ours"
    monkeypatch.setenv("KUBECONFIG", str(ours))
    assert (
        shop.clusters.use("shop")
        == shop.facts.context
        == "arn:aws:eks:eu-central-1:123456789012:cluster/shop"
    )
    document = yaml.safe_load(ours.read_text())
    run = document["users"][0]["user"]["exec"]
    assert run.pop("interactiveMode") == "Never"
    if not aws_command:
        assert (run["command"], run["args"]) == (
            "seaway",
            ["cluster", "token", "--cluster", "shop", "--region", "eu-central-1"],
        )
        return
    theirs = tmp_path / "theirs"
    words = [
        "eks",
        "update-kubeconfig",
        "--name",
        "shop",
        "--region",
        "eu-central-1",
        "--endpoint-url",
        rehearsal.eks,
    ]
    command: list[str | Path] = [Path(sys.executable).with_name("aws"), *words, "--kubeconfig", theirs]
    subprocess.run(command, check=True, capture_output=True)
    written = yaml.safe_load(theirs.read_text())
    assert document.pop("current-context") == written.pop("current-context")
    assert {key: document[key] for key in ("clusters", "users", "contexts")} == {
        key: written[key] for key in ("clusters", "users", "contexts")
    }


def let_go(ec2: Any, address: str) -> None:
    """Do what AWS does once a NAT gateway is gone, and moto does not."""
    found = ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]
    ec2.disassociate_address(AssociationId=found["AssociationId"])


def parts_of(ec2: Any) -> dict[str, str]:
    tags = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["seaway.dev/part"]}])["Tags"]
    return {tag["Value"]: tag["ResourceId"] for tag in tags}
