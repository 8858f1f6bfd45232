"""What AWS asks of a policy for each call, and whether a policy gives it (service authorization reference).

Written from AWS's side: which things a call is about, with their tags, and which other actions come along.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from seaway.twin.eks import ACCOUNT, Eks

Context = dict[str, str]
#: What makes the policy hold: the kinds of things in EC2, by the parameter that names them.
_EC2 = {
    "VpcId": "vpc",
    "SubnetId": "subnet",
    "RouteTableId": "route-table",
    "InternetGatewayId": "internet-gateway",
    "NatGatewayId": "natgateway",
    "AllocationId": "elastic-ip",
}
_CREATES = {
    "CreateVpc": "vpc",
    "CreateSubnet": "subnet",
    "CreateRouteTable": "route-table",
    "CreateInternetGateway": "internet-gateway",
    "CreateNatGateway": "natgateway",
    "AllocateAddress": "elastic-ip",
}
#: A route is of its table alone, wherever it leads.
_ROUTES = {"CreateRoute", "ReplaceRoute"}
_IN_CLUSTERS = {"CreateNodegroup", "CreateAccessEntry", "CreateAddon", "CreatePodIdentityAssociation"}
_NOWHERE = {"ListClusters", "CreateCluster", "DescribeAddonVersions"}
_OF_CLUSTERS = {
    "DescribeCluster",
    "DescribeInsight",
    "ListAccessEntries",
    "ListAddons",
    "ListInsights",
    "ListNodegroups",
    "ListPodIdentityAssociations",
}
_UPDATES = {"DescribeUpdate", "ListUpdates"}
_LINKED = {"CreateCluster": "eks", "CreateNodegroup": "eks-nodegroup"}


@dataclass(frozen=True)
class Demand:
    """An action that must be allowed, on one thing, in these circumstances."""

    action: str
    arn: str = "*"
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call as it came: `given` are its parameters, flat as in a query of EC2 and IAM."""

    service: str
    action: str
    region: str
    given: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.service}:{self.action}"

    def arn(self, rest: str, service: str = "") -> str:
        service = service or self.service
        return f"arn:aws:{service}:{'' if service == 'iam' else self.region}:{ACCOUNT}:{rest}"


class Rules:
    """`aws` gives clients that may see everything, `eks` what EKS holds."""

    def __init__(self, aws: Callable[[str, str], Any], eks: dict[str, Eks]) -> None:
        self.aws, self.eks = aws, eks

    def demands(self, call: Call) -> list[Demand]:
        """List all that must be allowed."""
        if call.name == "sts:GetCallerIdentity":
            return []
        found = getattr(self, f"_{call.service}", self._other)(call)
        here = {"aws:RequestedRegion": call.region}
        return [Demand(each.action, each.arn, here | each.context) for each in found]

    @staticmethod
    def _other(call: Call) -> Iterator[Demand]:
        yield Demand(call.name)

    @staticmethod
    def _kms(call: Call) -> Iterator[Demand]:
        given = call.given
        how = {"kms:SigningAlgorithm": given["SigningAlgorithm"]} if "SigningAlgorithm" in given else {}
        yield Demand(call.name, call.given["KeyId"], how)

    def _acm(self, call: Call) -> Iterator[Demand]:
        tags = _request({each["Key"]: each["Value"] for each in call.given.get("Tags", [])})
        if tags:
            yield Demand(call.name, call.arn("certificate/*"), tags)
            yield Demand("acm:AddTagsToCertificate", call.arn("certificate/*"), tags)
        elif arn := call.given.get("CertificateArn"):
            acm = self.aws("acm", call.region)
            try:
                found = acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
            except acm.exceptions.ResourceNotFoundException:
                found = []
            yield Demand(call.name, arn, _resource({each["Key"]: each["Value"] for each in found}))
        else:
            yield Demand(call.name)

    @staticmethod
    def _route53(call: Call) -> Iterator[Demand]:
        given, key = call.given, "route53:ChangeResourceRecordSets"
        things = {f"hostedzone/{given.get('zone')}": "zone", f"change/{given.get('change')}": "change"}
        rest = next((thing for thing, label in things.items() if given.get(label)), "")
        changed = {f"{key}NormalizedRecordNames": " ".join(given["names"]).lower()}
        changed |= {f"{key}RecordTypes": " ".join(given["types"])}
        arn = f"arn:aws:route53:::{rest}" if rest else "*"
        yield Demand(call.name, arn, changed if given["names"] else {})

    def _ec2(self, call: Call) -> Iterator[Demand]:
        given = call.given
        if call.action.startswith("Describe"):
            yield Demand(call.name)
            return
        if call.action == "CreateTags":
            yield Demand(call.name, *self._thing(call, given["ResourceId.1"]))
            return
        if kind := _CREATES.get(call.action):
            tags = _request(_pairs(given, "TagSpecification.1.Tag"))
            yield Demand(call.name, call.arn(f"{kind}/*"), tags)
            if tags:
                yield Demand(
                    "ec2:CreateTags", call.arn(f"{kind}/*"), {**tags, "ec2:CreateAction": call.action}
                )
        if association := given.get("AssociationId"):
            for id_ in self._associated(call, association):
                yield Demand(call.name, *self._thing(call, id_))
        for name in ["RouteTableId"] if call.action in _ROUTES else _EC2:
            if name in given:
                yield Demand(call.name, *self._thing(call, given[name]))

    def _associated(self, call: Call, association: str) -> list[str]:
        """Give a subnet and the table that it has."""
        ec2 = self.aws("ec2", call.region)
        tables = ec2.describe_route_tables(
            Filters=[{"Name": "association.route-table-association-id", "Values": [association]}]
        )["RouteTables"]
        return [
            id_
            for table in tables
            for each in table["Associations"]
            if each["RouteTableAssociationId"] == association
            for id_ in (table["RouteTableId"], each["SubnetId"])
        ]

    def _thing(self, call: Call, id_: str) -> tuple[str, Context]:
        """Give the ARN of a thing of EC2 and the tags that it carries."""
        kinds = {
            "rtb": "route-table",
            "igw": "internet-gateway",
            "nat": "natgateway",
            "eipalloc": "elastic-ip",
        }
        prefix = id_.partition("-")[0]
        found = self.aws("ec2", call.region).describe_tags(Filters=[{"Name": "resource-id", "Values": [id_]}])
        tags = {each["Key"]: each["Value"] for each in found["Tags"]}
        return call.arn(f"{kinds.get(prefix, prefix)}/{id_}"), _resource(tags)

    def _iam(self, call: Call) -> Iterator[Demand]:
        given = call.given
        if source := given.get("PolicySourceArn"):
            yield Demand(call.name, source)
        elif role := given.get("RoleName"):
            arn, tags = self._role(call, role), _request(_pairs(given, "Tags.member"))
            more = {"iam:PolicyARN": given["PolicyArn"]} if "PolicyArn" in given else {}
            yield Demand(call.name, arn, {**tags, **more})
            if call.action == "CreateRole" and tags:
                yield Demand("iam:TagRole", arn, tags)
        else:
            yield Demand(call.name)

    def _role(self, call: Call, name: str) -> str:
        """Give a role's ARN, with the path that it has or will have."""
        iam = self.aws("iam", call.region)
        try:
            return str(iam.get_role(RoleName=name)["Role"]["Arn"])
        except iam.exceptions.NoSuchEntityException:
            return call.arn(f"role{call.given.get('Path', '/')}{name}")

    def _eks(self, call: Call) -> Iterator[Demand]:
        given, action = call.given, call.action
        cluster = given.get("name") or given.get("clusterName", "")
        tags, held = _request(given.get("tags", {})), self.eks.get(call.region)
        of_cluster = self._held(call, f"cluster/{cluster}", held.clusters.get(cluster) if held else None)
        if action in _NOWHERE:
            yield Demand(call.name, context=tags)
        elif action in _OF_CLUSTERS or action.startswith(("UpdateCluster", "DeleteC")):
            yield of_cluster
        elif action in _IN_CLUSTERS:
            yield Demand(call.name, of_cluster.arn, {**of_cluster.context, **tags})
        elif action in _UPDATES and not given.keys() & {"addonName", "nodegroupName"}:
            yield of_cluster
        elif "addonName" in given:
            addon = held.addons.get((cluster, given["addonName"])) if held else None
            yield self._held(call, f"addon/{cluster}/{given['addonName']}/1", addon)
        elif "PodIdentity" in action:
            id_ = given["associationId"]
            pods = held.pods.get((cluster, id_)) if held else None
            yield self._held(call, f"podidentityassociation/{cluster}/{id_}", pods)
        elif "nodegroupName" in given:
            group = held.groups.get((cluster, given["nodegroupName"])) if held else None
            yield self._held(call, f"nodegroup/{cluster}/{given['nodegroupName']}/1", group)
        else:
            who = given["principalArn"]
            entry = held.entries.get((cluster, who)) if held else None
            kind, _, name = who.rpartition(":")[2].partition("/")
            found = self._held(call, f"access-entry/{cluster}/{kind}/{ACCOUNT}/{name}/1", entry)
            policy = {"eks:policyArn": given["policyArn"]} if "policyArn" in given else {}
            yield Demand(found.action, found.arn, {**found.context, **policy})
        yield from _along(call, cluster, tags)

    def _ecr(self, call: Call) -> Iterator[Demand]:
        given = call.given
        if call.action == "GetAuthorizationToken":
            yield Demand(call.name)
            return
        names = given.get("repositoryNames") or [given.get("repositoryName", "*")]
        arns = (
            [given["resourceArn"]] if "resourceArn" in given else [call.arn(f"repository/{n}") for n in names]
        )
        tags = _request({each["Key"]: each["Value"] for each in given.get("tags", [])})
        for arn in arns:
            yield Demand(call.name, arn, {**tags, **self._repository(call, arn)})
            if tags:
                yield Demand("ecr:TagResource", arn, tags)

    def _repository(self, call: Call, arn: str) -> Context:
        """Give the tags of a repository that is there."""
        ecr = self.aws("ecr", call.region)
        try:
            found = ecr.list_tags_for_resource(resourceArn=arn)["tags"]
        except ecr.exceptions.RepositoryNotFoundException:
            return {}
        return _resource({each["Key"]: each["Value"] for each in found})

    @staticmethod
    def _held(call: Call, rest: str, live: Mapping[str, Any] | None) -> Demand:
        return Demand(call.name, call.arn(rest), _resource((live or {}).get("tags", {})))


def _along(call: Call, cluster: str, tags: Context) -> Iterator[Demand]:
    """List what EKS asks for besides: tags that come along, the role it gets, its own role."""
    rest = {
        "CreateCluster": f"cluster/{cluster}",
        "CreateNodegroup": f"nodegroup/{cluster}/{call.given.get('nodegroupName')}/1",
        "CreateAccessEntry": f"access-entry/{cluster}/1",
        "CreateAddon": f"addon/{cluster}/{call.given.get('addonName')}/1",
        "CreatePodIdentityAssociation": f"podidentityassociation/{cluster}/1",
    }.get(call.action)
    if rest and tags:
        yield Demand("eks:TagResource", call.arn(rest), tags)
    takes = "pods.eks" if "PodIdentity" in call.action else "eks"
    for key, service in (("roleArn", takes), ("nodeRole", "ec2")):
        if role := call.given.get(key):
            yield Demand("iam:PassRole", role, {"iam:PassedToService": f"{service}.amazonaws.com"})
    for key in [each["provider"]["keyArn"] for each in call.given.get("encryptionConfig", ())]:
        yield Demand("kms:DescribeKey", key)
        yield Demand("kms:CreateGrant", key, {"kms:GrantIsForAWSResource": "true"})
    if service := _LINKED.get(call.action, ""):
        where = call.arn(f"role/aws-service-role/{service}.amazonaws.com/AWSServiceRole", "iam")
        yield Demand("iam:CreateServiceLinkedRole", where, {"iam:AWSServiceName": f"{service}.amazonaws.com"})


def allows(documents: list[Any], demand: Demand) -> bool:
    """Tell whether policies that only allow give what is asked for (IAM user guide, evaluation logic)."""
    statements = [each for document in documents for each in document["Statement"]]
    assert all(each["Effect"] == "Allow" for each in statements)
    return any(_fits(each, demand) for each in statements)


def _fits(statement: Mapping[str, Any], demand: Demand) -> bool:
    actions, arns = _several(statement["Action"]), _several(statement["Resource"])
    return (
        any(fnmatchcase(demand.action.lower(), each.lower()) for each in actions)
        and any(fnmatchcase(demand.arn, each) for each in arns)
        and all(
            _holds(operator, demand.context.get(key), _several(wanted))
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _holds(operator: str, value: str | None, wanted: list[str]) -> bool:
    if operator == "Null":
        return (value is None) == (wanted == ["true"])
    if operator in {"ForAllValues:StringEquals", "ForAllValues:StringLike"}:
        return all(any(fnmatchcase(each, like) for like in wanted) for each in (value or "").split())
    assert operator in {"StringEquals", "ArnEquals", "Bool"}, operator
    return value is not None and any(fnmatchcase(value, each) for each in wanted)


def _several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _pairs(given: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Read tags from a query: PREFIX.1.Key, PREFIX.1.Value."""
    keys = {
        name: text for name, text in given.items() if re.fullmatch(rf"{re.escape(prefix)}\.\d+\.Key", name)
    }
    return {text: given[name.removesuffix("Key") + "Value"] for name, text in keys.items()}


def _request(tags: Mapping[str, str]) -> Context:
    return {f"aws:RequestTag/{key}": value for key, value in tags.items()}


def _resource(tags: Mapping[str, str]) -> Context:
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def principal(given: Mapping[str, Any]) -> Context:
    """Read the tags that a session is begun with (STS API: AssumeRole)."""
    return {f"aws:PrincipalTag/{key}": value for key, value in _pairs(given, "Tags.member").items()}


def documents_of(iam: Any, kind: str, name: str) -> list[Any]:
    """Read the policies that a user or role has, attached or its own, as they are now."""
    who = {f"{kind.title()}Name": name}
    arns = [
        each["PolicyArn"]
        for each in getattr(iam, f"list_attached_{kind}_policies")(**who)["AttachedPolicies"]
    ]
    found = []
    for arn in arns:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    own = getattr(iam, f"list_{kind}_policies")(**who)["PolicyNames"]
    found += [getattr(iam, f"get_{kind}_policy")(**who, PolicyName=each)["PolicyDocument"] for each in own]
    return [json.loads(each) if isinstance(each, str) else each for each in found]
