"""What pilots may do in AWS: put the proofs of their system's names into its zone, and take them away again.

The pilots of a cluster share a role. Each system has a policy of it, which holds for its own namespace alone:
EKS Pod Identity tells that as a tag of the session. (EKS user guide, Grant pods access to AWS resources based
on tags; Route 53 developer guide, Using IAM policy conditions for fine-grained access control)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.parts import Fix, Ids, Live
from seaway.providers.eks.pods import PodRole
from seaway.providers.eks.roles import PILOT, Role, found, role_name
from seaway.providers.eks.route53 import Route53

#: How a policy of Seaway's is called; what follows is the system. Policies of a role have no tags.
PREFIX: Final = "seaway-"
_CHANGE: Final = "route53:ChangeResourceRecordSets"
#: Where a name is proved (RFC 8555, 8.4).
_PLACE: Final = "_acme-challenge"


@dataclass(frozen=True)
class Proving:
    """The names of one system that its pilot proves in a zone of Route 53; none where it does not."""

    system: str
    zone: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rights:
    """The policy for the pilot of one system, whose zone is `hosted`."""

    cluster: str
    proving: Proving
    hosted: str

    @property
    def id(self) -> str:
        return f"rights/{self.proving.system}"

    @property
    def policy(self) -> str:
        """Name the policy."""
        return f"{PREFIX}{self.proving.system}"

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        if (role := found(cloud, cluster, PILOT)) is None:
            return {}
        name = role["RoleName"]
        pages = cloud.iam.get_paginator("list_role_policies").paginate(RoleName=name)
        ours = [each for page in pages for each in page["PolicyNames"] if each.startswith(PREFIX)]
        lives: list[Live] = [dict(cloud.iam.get_role_policy(RoleName=name, PolicyName=each)) for each in ours]
        return {f"rights/{live['PolicyName'].removeprefix(PREFIX)}": live for live in lives}

    def create(self, cloud: Cloud, ids: Ids) -> None:  # noqa: ARG002
        cloud.iam.put_role_policy(
            RoleName=role_name(cloud.region, self.cluster, PILOT),
            PolicyName=self.policy,
            PolicyDocument=json.dumps(self.document(cloud.partition)),
        )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:
        if live["PolicyDocument"] == self.document(cloud.partition):
            return []
        return [Fix("what its pilot may do", lambda: self.create(cloud, ids))]

    @classmethod
    def settled(cls, live: Live) -> bool:  # noqa: ARG003
        return True

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live["PolicyName"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cloud.iam.delete_role_policy(RoleName=live["RoleName"], PolicyName=live["PolicyName"])

    def document(self, partition: str) -> Live:
        """Write the policy; `partition` is a part of AWS, as ARNs name it."""
        within = {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": self.proving.system}}
        places = [f"{_PLACE}.{name}" for name in self.proving.names]
        each = {
            f"{_CHANGE}NormalizedRecordNames": places,
            f"{_CHANGE}RecordTypes": ["TXT"],
        }
        route53 = f"arn:{partition}:route53:::"
        zone = f"{route53}hostedzone/{self.hosted}"
        return {
            "Version": "2012-10-17",
            "Statement": [
                _allowed(_CHANGE, zone, {**within, "ForAllValues:StringEquals": each}),
                _allowed("route53:ListResourceRecordSets", zone, within),
                _allowed("route53:GetChange", f"{route53}change/*", within),
                _allowed("route53:ListHostedZonesByName", "*", within),
            ],
        }


def proving_parts(
    cloud: Cloud, cluster: str, proving: Proving | None
) -> tuple[list[Role], list[Rights], list[PodRole]]:
    """Compose what lets a pilot prove its names; without names that is nothing. Raises as Route53.find."""
    if proving is None or not proving.names:
        return [], [], []
    rights = Rights(cluster, proving, Route53.find(cloud, proving.zone).hosted)
    return [Role(cluster, PILOT)], [rights], [PodRole(cluster, PILOT, proving.system)]


def needless(proving: Proving | None, seen: Mapping[type[Any], Mapping[str, Live]]) -> tuple[str, ...]:
    """Find what the pilot of a system has and needs no more. Where nobody says whose, that is nothing.

    The role stays for as long as the cluster: it has no rights of its own.
    """
    if proving is None or proving.names:
        return ()
    parts = (PodRole("", PILOT, proving.system), Rights("", proving, ""))
    return tuple(part.id for part in parts if part.id in seen[type(part)])


def _allowed(action: str, on: str, limits: Live) -> Live:
    return {"Effect": "Allow", "Action": action, "Resource": on, "Condition": limits}
