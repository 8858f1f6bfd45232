"""The policies of the jobs hold what is needed, all of it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from seaway.errors import Refused
from seaway.model.event import silent
from seaway.model.identity import Job, Kind, Wish
from seaway.providers.eks.acm import Public
from seaway.providers.eks.caller import whoami
from seaway.providers.eks.cloud import Cloud, explained
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.control import Choice
from seaway.providers.eks.identities import Identities
from seaway.providers.eks.kms import KmsKey
from seaway.providers.eks.needs import PARTS
from seaway.providers.eks.policies import Place, grants, policies
from seaway.providers.eks.registry import find_login
from seaway.providers.eks.rights import Proving, Rights
from seaway.providers.eks.roles import PILOT, Role
from seaway.providers.eks.upgrade import look
from seaway.twin.inventory import Aws, client, inventory
from tests.providers.eks.conftest import IMAGES, Shop
from tests.providers.eks.gate import Gate
from tests.providers.eks.test_clusters import NOTHING, let_go, parts_of
from tests.providers.eks.test_upgrade import insight
from tests.providers.eks.zones import hosted, names_in, proved

REGION = "eu-north-1"
#: Characters of a managed policy, white space not counted (IAM quotas).
LONGEST = 6144
#: What ECR's registry asks for over its own protocol, by a password; no emulator asks.
DATA = {g.action for g in (*PARTS["images"].reads, *PARTS["images"].writes) if g.along}
Phases = dict[str, Callable[[], Any]]


class Life:
    """The whole life of a cluster, by the hands of somebody with one job."""

    def __init__(self, aws: Aws, cloud: Cloud) -> None:
        self.aws, self.cloud = aws, cloud
        self.proving = Proving("shop", f"{REGION}.example.com", names_in(REGION)[:1])
        self.rights = Rights("shop", self.proving, hosted(aws.moto, REGION))
        self.root = cloud.signed_by(Gate.root())
        kms = client(aws, "kms", REGION)
        self.choice = Choice(key=kms.create_key()["KeyMetadata"]["Arn"])
        self.proved = proved(aws.moto, cloud, found=True)
        self.ec2, self.iam, self.ecr = (client(aws, name, REGION) for name in ("ec2", "iam", "ecr"))
        self.phases: Phases = {
            "create": self.create,
            "mend": lambda: self.clusters.create("shop", 1, "", silent),
            "look": self.look,
            "check": self.check,
            "scale": lambda: self.clusters.scale("shop", 2, "", silent),
            "upgrade": lambda: self.clusters.upgrade("shop", "1.37", silent),
            "delete": lambda: self.clusters.delete("shop", silent),
        }

    @property
    def clusters(self) -> EksClusters:
        """The clusters as each command opens them, with a zone that must be found, by clients made once."""
        public, access = Public("shop", names_in(REGION)[:1]), {"watcher": Job.VIEWER}
        vars(self.proved.proofs).pop("dns", None)
        return EksClusters(
            self.proved,
            images=IMAGES[:1],
            access=access,
            public=public,
            proving=self.proving,
            choice=self.choice,
        )

    def create(self) -> None:
        """Make all of it, but what pilots may do: that is written by who administers IAM.

        What was made before an action that is denied stays, so that the next attempt goes on from there.
        """
        if not Role.owned(self.root, "shop"):
            Role("shop", PILOT).create(self.root, {})
            self.rights.create(self.root, {})
        self.clusters.create("shop", 1, "", silent, keep=True)

    def look(self) -> None:
        """Do all that changes nothing."""
        self.clusters.list()
        self.clusters.use("shop")
        assert self.clusters.propose("shop", 1, "").changes == ()
        assert self.clusters.propose_nodes("shop", 2, "").changes
        assert self.clusters.propose_end("shop").changes

    def check(self) -> None:
        """Look at an upgrade while something else is under way."""
        held = self.aws.regions[REGION]
        held.insights["shop"] = [insight("Cluster health", "WARNING", "1.37")]
        held.updates.clear()
        held.begin(held.clusters["shop"], "ConfigUpdate", {}, {})
        held.clusters["shop"]["looks"] = 9
        found = look(self.clusters, "shop")
        told = " ".join(each.text for each in found.findings)
        assert "it is updating, by its update" in told
        assert "Cluster health" in told
        del held.insights["shop"]
        eks = client(self.aws, "eks", REGION)
        while eks.describe_cluster(name="shop")["cluster"]["status"] != "ACTIVE":
            pass

    def spoil(self) -> None:
        """Change by hand what only mending touches."""
        ids = parts_of(self.ec2)
        self.ec2.delete_tags(Resources=[ids["subnet/public-1"]], Tags=[{"Key": "kubernetes.io/role/elb"}])
        self.ec2.delete_nat_gateway(NatGatewayId=ids["nat-gateway/0"])
        let_go(self.ec2, ids["address/0"])
        tables = self.ec2.describe_route_tables(RouteTableIds=[ids["routes/private-1"]])["RouteTables"]
        vpc = tables[0]["VpcId"]
        # Theirs, without Seaway's tags: the default table of the network.
        theirs = self.ec2.describe_route_tables(
            Filters=[
                {"Name": "vpc-id", "Values": [vpc]},
                {"Name": "association.main", "Values": ["true"]},
            ]
        )["RouteTables"][0]["RouteTableId"]
        self.ec2.replace_route_table_association(
            AssociationId=tables[0]["Associations"][0]["RouteTableAssociationId"], RouteTableId=theirs
        )
        name = f"seaway-shop-{REGION}"
        trust = self.iam.get_role(RoleName=f"{name}-cluster")["Role"]["AssumeRolePolicyDocument"]
        self.iam.update_assume_role_policy(RoleName=f"{name}-node", PolicyDocument=json.dumps(trust))
        held = self.aws.regions[REGION]
        held.clusters["shop"]["resourcesVpcConfig"]["endpointPrivateAccess"] = False
        next(iter(held.pods.values()))["roleArn"] = held.clusters["shop"]["roleArn"]
        for change, how in (
            (self.ecr.put_image_tag_mutability, {"imageTagMutability": "MUTABLE"}),
            (
                self.ecr.put_image_scanning_configuration,
                {"imageScanningConfiguration": {"scanOnPush": False}},
            ),
        ):
            change(repositoryName=f"shop/{IMAGES[0]}", **how)


def minted(gate: Gate, monkeypatch: pytest.MonkeyPatch, job: Job, region: str = REGION) -> Cloud:
    """Be a user with this job, made by Seaway."""
    cloud = Cloud.open(region)
    made = Identities(cloud).create(Wish(job.value, job, Kind.USER), silent)
    key = cloud.iam.create_access_key(UserName=made.arn.rpartition("/")[2])["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    gate.calls.clear()
    gate.asked.clear()
    return Cloud.open(region)


@pytest.fixture(autouse=True)
def nobody(gate: Gate) -> Iterator[None]:
    """Leave no identity to the next test."""
    yield
    identities = Identities(Cloud.open(REGION).signed_by(gate.root()))
    for each in identities.all():
        identities.revoke(each.name, silent)


def test_the_table_is_what_is_called_and_nothing_can_be_spared(
    aws: Aws, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole life under the policy of a deployer; then again, each action taken away as it comes first.

    The life without an action stops at the part of the table that has it, by its name, and goes on from
    there once it is given back.
    """
    life = Life(aws, minted(gate, monkeypatch, Job.DEPLOYER))
    known = dict[str, str]()
    for phase, live in life.phases.items():
        if phase == "mend":
            life.spoil()
        live()
        known |= {action: phase for action in gate.asked if action not in known}
    assert inventory(aws, REGION) == NOTHING
    whoami(Cloud.open(REGION))
    signs = _signs(aws)
    for sign in signs.values():
        sign()
    wanted = {grant.action for grant in grants(Job.DEPLOYER)} - DATA
    assert set(gate.asked) == wanted
    called = {g.action for g in grants(Job.DEPLOYER) if not g.along} | {"sts:GetCallerIdentity"}
    assert set(gate.calls) == called

    for action, sign in signs.items():
        gate.without = action
        with pytest.raises(Refused) as stopped:
            sign()
        assert stopped.value.where == action
    for phase, live in life.phases.items():
        if phase == "mend":
            life.spoil()
        for action in [action for action, first in known.items() if first == phase]:
            gate.without = action
            with pytest.raises(Refused) as stopped:
                live()
            assert stopped.value.where == action
            assert f"allow {action} to who runs this" in stopped.value.remedy
            assert any(stopped.value.what.startswith(each) for each in _parts(action)), stopped.value.what
        gate.without = ""
        live()
    assert inventory(aws, REGION) == NOTHING


def _parts(action: str) -> list[str]:
    """Give the parts of the table that need an action, as errors begin; looking at all of them has none.

    Of a zone they speak by its name, whatever part it is for, and of a key as of the cluster.
    """
    looks = any(action == grant.action for needs in PARTS.values() for grant in needs.reads)
    parts = [p for p, n in PARTS.items() if action in {grant.action for grant in (*n.reads, *n.writes)}]
    zone = ["hosted zone ", "the hosted zone ", "the change of hosted zone "]
    parts += ["cluster"] * ("key" in parts)
    return [*parts, *["AWS refused to"] * looks, *(zone if action.startswith("route53:") else [])]


def _signs(aws: Aws) -> Phases:
    """Give what is done with images, by the action it takes: sign in to ECR, sign by KMS."""
    kms = client(aws, "kms", REGION)
    made = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    return {
        "ecr:GetAuthorizationToken": lambda: find_login(f"123456789012.dkr.ecr.{REGION}.amazonaws.com"),
        "kms:GetPublicKey": lambda: KmsKey.open(f"awskms:///{made}").public_pem,
        "kms:Sign": lambda: KmsKey.open(f"awskms:///{made}").sign(b"an image"),
    }


def test_a_viewer_sees_all_and_changes_nothing(
    aws: Aws, shop: Shop, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    region = shop.clusters.cloud.region
    clusters = EksClusters(minted(gate, monkeypatch, Job.VIEWER, region))
    before = inventory(aws, region)
    assert [each.name for each in clusters.list()] == ["shop"]
    assert clusters.propose("shop", 2, "").changes
    assert clusters.propose_end("shop").changes
    for change in (
        lambda: clusters.create("shop", 2, "", silent),
        lambda: clusters.scale("shop", 3, "", silent),
        lambda: clusters.delete("shop", silent),
    ):
        with pytest.raises(Refused, match="cannot be"):
            change()
    assert inventory(aws, region) == before


def test_what_is_not_seaways_is_out_of_reach(aws: Aws, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a deployer: things without the tags, other roles, more power for itself, other regions."""
    ec2, eks = client(aws, "ec2", REGION), client(aws, "eks", REGION)
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    eks.list_clusters()
    theirs: Any = {"clusterName": "bank", "associationId": "kube-system-theirs"}
    aws.regions[REGION].clusters["bank"] = {"name": "bank", "tags": {}, "status": "ACTIVE", "looks": 0}
    aws.regions[REGION].pods["bank", "kube-system-theirs"] = {**theirs, "tags": {}}
    zone, acm = hosted(aws.moto, REGION), client(aws, "acm", REGION)
    bought = acm.request_certificate(DomainName="bank.example.com", ValidationMethod="DNS")["CertificateArn"]
    deployer = minted(gate, monkeypatch, Job.DEPLOYER)
    own = "seaway-deployer"
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    trust = '{"Version": "2012-10-17", "Statement": []}'
    wrongs: list[Callable[[], Any]] = [
        lambda: deployer.ec2.delete_vpc(VpcId=vpc),
        lambda: deployer.ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24"),
        lambda: deployer.ec2.create_vpc(CidrBlock="10.8.0.0/16"),
        lambda: deployer.ec2.create_route(
            RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId="igw-1"
        ),
        lambda: deployer.ec2.create_tags(
            Resources=[vpc], Tags=[{"Key": "seaway.dev/cluster", "Value": "shop"}]
        ),
        lambda: deployer.eks.delete_cluster(name="bank"),
        lambda: deployer.eks.delete_pod_identity_association(**theirs),
        lambda: deployer.iam.create_role(RoleName="mine", AssumeRolePolicyDocument=trust),
        lambda: deployer.iam.attach_role_policy(
            RoleName=f"seaway-shop-{REGION}-node", PolicyArn=administrator
        ),
        lambda: deployer.iam.put_role_policy(
            RoleName=f"seaway-shop-{REGION}-pilot", PolicyName="seaway-shop", PolicyDocument=trust
        ),
        lambda: deployer.iam.delete_role_policy(RoleName=f"seaway-shop-{REGION}-node", PolicyName="theirs"),
        lambda: deployer.iam.attach_user_policy(UserName=own, PolicyArn=administrator),
        lambda: deployer.iam.create_access_key(UserName=own),
        lambda: deployer.iam.update_assume_role_policy(RoleName="theirs", PolicyDocument=trust),
        lambda: deployer.acm.delete_certificate(CertificateArn=bought),
        lambda: deployer.acm.request_certificate(DomainName="bank.example.com"),
        *(
            partial(_put, deployer, zone, name, kind)
            for name, kind in (
                (f"www.{REGION}.example.com", "CNAME"),
                (f"_acme-challenge.{REGION}.example.com", "TXT"),
                (f"_{'0' * 32}.{REGION}.example.com", "A"),
            )
        ),
        Cloud.open("eu-west-2").ec2.describe_vpcs,
    ]
    eks_of_theirs = {"name": "bank", "roleArn": "arn:aws:iam::123456789012:role/theirs"}
    wrongs.append(lambda: deployer.eks.create_cluster(**eks_of_theirs, resourcesVpcConfig={}))  # type: ignore[arg-type]
    for wrong in wrongs:
        with pytest.raises(Refused), explained("no"):
            wrong()
    assert eks.list_clusters()["clusters"] == ["bank"]
    assert aws.regions[REGION].pods.pop(("bank", "kube-system-theirs"))
    aws.regions[REGION].clusters.clear()
    acm.delete_certificate(CertificateArn=bought)
    ec2.delete_route_table(RouteTableId=table)
    ec2.delete_vpc(VpcId=vpc)


def _put(cloud: Cloud, zone: str, name: str, kind: Any) -> None:
    record: Any = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    changes: Any = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    cloud.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)


@pytest.mark.parametrize("job", list(Job))
def test_policies_fit_into_iam_also_where_names_are_longest(job: Job) -> None:
    for document in policies(job, Place("123456789012", "ap-southeast-2", "aws-us-gov")).values():
        assert len(json.dumps(document, separators=(",", ":"))) <= LONGEST
