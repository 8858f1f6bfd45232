"""The least that each job needs: in an account as a policy of IAM, in a cluster as one of EKS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seaway.model.identity import Job
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.needs import PARTS, Grant, When
from seaway.providers.eks.parts import CLUSTER
from seaway.providers.eks.roles import MANAGED, TAKERS

Document = dict[str, Any]
#: Which parts a job looks at, and which it makes, mends and removes.
_JOBS: Final[Mapping[Job, tuple[frozenset[str], frozenset[str]]]] = {
    Job.DEPLOYER: (frozenset(PARTS), frozenset(PARTS)),
    Job.PROMOTER: (
        frozenset({"yourself", "cluster", "images", "signing"}),
        frozenset({"images", "signing"}),
    ),
    Job.VIEWER: (frozenset(PARTS), frozenset()),
}
#: Parts that there are for public names, and for keys.
_NAMES: Final = frozenset({"certificate", "proof", "rights", "key"})
ADMINISTRATOR: Final = "AmazonEKSClusterAdminPolicy"
VIEWER: Final = "AmazonEKSViewPolicy"
#: What each job may do inside a cluster. What a promoter copies is in registries, outside of every cluster.
ACCESS: Final[Mapping[Job, str]] = {Job.DEPLOYER: ADMINISTRATOR, Job.PROMOTER: VIEWER, Job.VIEWER: VIEWER}
#: What nodes of EKS Auto Mode may do inside (EKS user guide, Create a node class).
NODES: Final = "AmazonEKSAutoNodePolicy"
#: By service, the conditions for which one statement does for all kinds of things.
_ALIKE: Final = {"ec2": frozenset({When.MADE, When.OURS, When.BORN}), "eks": frozenset({When.OURS})}
#: Condition keys of a change of a zone, and what the names of ACM's proofs begin with: 32 digits.
_CHANGE: Final = "route53:ChangeResourceRecordSets"
_HASH: Final = "?" * 32
_MAKES: Final = (
    "CreateVpc",
    "CreateInternetGateway",
    "CreateSubnet",
    "AllocateAddress",
    "CreateNatGateway",
    "CreateRouteTable",
)


@dataclass(frozen=True)
class Place:
    """Where a policy holds: one account, one region."""

    account: str
    region: str
    partition: str

    @classmethod
    def of(cls, cloud: Cloud) -> Place:
        """Ask where we are (sts:GetCallerIdentity, which needs no permission)."""
        return cls(cloud.sts.get_caller_identity()["Account"], cloud.region, cloud.partition)

    def arn(self, on: str) -> str:
        """Write what a grant is on as an ARN; IAM knows no regions, and Route 53 no accounts either."""
        if on == "*":
            return on
        service, _, rest = on.replace("{region}", self.region).partition(":")
        region = "" if service in {"iam", "route53"} else self.region
        account = "" if service == "route53" else self.account
        return f"arn:{self.partition}:{service}:{region}:{account}:{rest}"


def access_policy(partition: str, policy: str) -> str:
    """Write the ARN of an access policy of EKS."""
    return f"arn:{partition}:eks::aws:cluster-access-policy/{policy}"


def grants(
    job: Job, *, looks: bool = True, makes: bool = True, of: frozenset[str] = frozenset(PARTS)
) -> tuple[Grant, ...]:
    """List what a job needs, each once, in the order of the parts, all or those of some."""
    seen, made = (parts & of for parts in _JOBS[job])
    found = [grant for part, needs in PARTS.items() if looks and part in seen for grant in needs.reads]
    found += [grant for part, needs in PARTS.items() if makes and part in made for grant in needs.writes]
    return tuple(dict.fromkeys(found))


def policies(job: Job, place: Place) -> dict[str, Document]:
    """Write a job's policies: for what it looks at, and what it makes, for names and keys and for all else.

    One would be too long for IAM.
    """
    parts = {
        "looks": grants(job, makes=False),
        "makes": grants(job, looks=False, of=frozenset(PARTS) - _NAMES),
        "names": grants(job, looks=False, of=_NAMES),
    }
    return {name: _policy(found, place) for name, found in parts.items() if found}


def _policy(found: tuple[Grant, ...], place: Place) -> Document:
    """Write a statement for each thing and condition; for what is alike in a service, one for all its things.

    An action reaches only the kinds of things that it is about, and the condition says which of these.
    """
    statements: dict[tuple[When, str], dict[str, None]] = {}
    for grant in found:
        service = grant.on.partition(":")[0]
        on = f"{service}:*" if grant.when in _ALIKE.get(service, ()) else grant.on
        statements.setdefault((grant.when, on), {})[grant.action] = None
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": list(actions),
                "Resource": place.arn(on),
                **({"Condition": limits} if (limits := condition(when, place)) else {}),
            }
            for (when, on), actions in statements.items()
        ],
    }


def condition(when: When, place: Place) -> Document:
    """Write a condition as IAM takes it."""
    ours = {"Null": {f"aws:ResourceTag/{CLUSTER}": "false"}}
    own = f"arn:{place.partition}:iam::aws:policy"
    access = [access_policy(place.partition, policy) for policy in dict.fromkeys([*ACCESS.values(), NODES])]
    conditions: dict[When, dict[str, Any]] = {
        When.ALWAYS: {},
        When.HERE: {"StringEquals": {"aws:RequestedRegion": place.region}},
        When.MADE: {"Null": {f"aws:RequestTag/{CLUSTER}": "false"}},
        When.OURS: ours,
        When.BORN: {"StringEquals": {"ec2:CreateAction": list(_MAKES)}},
        When.PASSED: {"StringEquals": {"iam:PassedToService": list(TAKERS)}},
        When.MANAGED: {"ArnEquals": {"iam:PolicyARN": [f"{own}/{name}" for name in MANAGED]}},
        When.LINKED: {
            "StringEquals": {"iam:AWSServiceName": ["eks.amazonaws.com", "eks-nodegroup.amazonaws.com"]}
        },
        When.ACCESS: {**ours, "ArnEquals": {"eks:policyArn": access}},
        When.SIGNING: {"StringEquals": {"kms:SigningAlgorithm": "ECDSA_SHA_256"}},
        When.LENT: {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        When.PROVING: {
            "ForAllValues:StringLike": {f"{_CHANGE}NormalizedRecordNames": [f"_{_HASH}.*", f"*_{_HASH}.*"]},
            "ForAllValues:StringEquals": {f"{_CHANGE}RecordTypes": ["CNAME", "TXT"]},
        },
    }
    return conditions[when]
