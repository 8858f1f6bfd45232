"""Who may do what inside a cluster: access entries, each with the access policy of EKS for its job.

(EKS user guide, Grant IAM users access to Kubernetes with EKS access entries)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Final

from seaway.model.event import Event, Outcome, Report, told
from seaway.model.identity import Job
from seaway.providers.eks.cloud import Cloud
from seaway.providers.eks.control import Eks, described, mine, tags_in_eks
from seaway.providers.eks.identities import role_of
from seaway.providers.eks.parts import CLUSTER, PART, Fix, Ids, Live, tags_of, untaken
from seaway.providers.eks.policies import ACCESS, ADMINISTRATOR, NODES, VIEWER, access_policy
from seaway.providers.eks.roles import role_name

_KINDS: Final = {ADMINISTRATOR: "administrator", VIEWER: "viewer", NODES: "node-entry"}
#: Of whom an entry is, where it is no person (EKS API reference, CreateAccessEntry: EKS Auto Mode).
MACHINES: Final = "EC2"


@dataclass(frozen=True)
class Entry(Eks):
    """This user or role may do what the policy says, in all of the cluster.

    Policies that others gave it are left alone.
    """

    cluster: str
    principal: str
    policy: str = ADMINISTRATOR

    @property
    def id(self) -> str:
        return f"{_KINDS[self.policy]}/{self.principal}"

    @classmethod
    def owned(cls, cloud: Cloud, cluster: str) -> dict[str, Live]:
        found: list[Live] = []
        try:
            pages = cloud.eks.get_paginator("list_access_entries").paginate(clusterName=cluster)
            for principal in [each for page in pages for each in page["accessEntries"]]:
                entry: Live = dict(
                    cloud.eks.describe_access_entry(clusterName=cluster, principalArn=principal)[
                        "accessEntry"
                    ]
                )
                if PART in tags_in_eks(entry):
                    policies = cloud.eks.get_paginator("list_associated_access_policies").paginate(
                        clusterName=cluster, principalArn=principal
                    )
                    entry["policies"] = [
                        each["policyArn"] for page in policies for each in page["associatedAccessPolicies"]
                    ]
                    found.append(entry)
        except cloud.eks.exceptions.ResourceNotFoundException:
            return {}
        return mine(found, cluster)

    def create(self, cloud: Cloud, ids: Ids) -> None:  # noqa: ARG002
        with untaken(f"the access entry of {self.principal}"):
            cloud.eks.create_access_entry(
                clusterName=self.cluster,
                principalArn=self.principal,
                tags=tags_of(self.cluster, self.id),
                **({"type": MACHINES} if self.policy == NODES else {}),
            )

    def fixes(self, cloud: Cloud, live: Live, ids: Ids) -> list[Fix]:  # noqa: ARG002
        arn = access_policy(cloud.partition, self.policy)
        if arn in live["policies"]:
            return []
        return [
            Fix(
                f"policy {self.policy}",
                lambda: cloud.eks.associate_access_policy(
                    clusterName=self.cluster,
                    principalArn=self.principal,
                    policyArn=arn,
                    accessScope={"type": "cluster"},
                ),
            )
        ]

    @classmethod
    def identity(cls, live: Live) -> str:
        return str(live["accessEntryArn"])

    @classmethod
    def delete(cls, cloud: Cloud, live: Live) -> None:
        cloud.eks.delete_access_entry(clusterName=live["clusterName"], principalArn=live["principalArn"])


def entries(
    cloud: Cloud, cluster: str, account: str, who: str, access: Mapping[str, Job]
) -> tuple[Entry, ...]:
    """Compose the entries of a cluster: `who` runs this and administers it, others by their jobs.

    They are called by the names of Seaway's roles, or by the ARNs of any.
    """
    given = {
        name if name.startswith("arn:") else role_of(cloud.partition, account, name): job
        for name, job in access.items()
    }
    others = (Entry(cluster, arn, ACCESS[job]) for arn, job in given.items() if arn != who)
    return (Entry(cluster, who), *others)


def node_entry(cloud: Cloud, cluster: str, account: str) -> Entry:
    """Let the nodes of EKS Auto Mode in, whose role is one of Seaway's."""
    name = role_name(cloud.region, cluster, "node")
    return Entry(cluster, f"arn:{cloud.partition}:iam::{account}:role/{name}", NODES)


def outdated(wanted: tuple[Entry, ...], live: Mapping[str, Live], *, all_named: bool) -> tuple[str, ...]:
    """Find entries that go: of who shall have another one, and of viewers who are not named where `all` are.

    An administrator who is not named stays: it may be somebody who ran this.
    """
    kept, named = {each.id for each in wanted}, {each.principal for each in wanted}
    return tuple(
        part
        for part, entry in live.items()
        if part not in kept
        and (entry["principalArn"] in named or (all_named and part.startswith(_KINDS[VIEWER])))
    )


def withdraw(cloud: Cloud, principals: Iterable[str], report: Report) -> bool:
    """Take away the entries that Seaway made for these in its clusters of the region, whoever they are.

    Gives whether there were any. One that somebody else made stays, and is told.
    """
    pages, gone = cloud.eks.get_paginator("list_clusters").paginate(), False
    names = [name for page in pages for name in page["clusters"]]
    ours = [name for name in names if tags_in_eks(described(cloud, name) or {}).get(CLUSTER) == name]
    for name, who in product(ours, principals):
        entry, what = _entry(cloud, name, who), f"the access entry of {who} in cluster {name}"
        if entry and tags_in_eks(entry).get(CLUSTER) == name:
            gone_already = cloud.eks.exceptions.ResourceNotFoundException
            with told(report, f"access/{name}", f"remove {what}"), suppress(gone_already):
                cloud.eks.delete_access_entry(clusterName=name, principalArn=who)
            gone = True
        elif entry:
            report(Event(f"access/{name}", Outcome.NOTE, f"{what} stays: somebody else made it"))
    return gone


def _entry(cloud: Cloud, cluster: str, principal: str) -> Live | None:
    try:
        return dict(
            cloud.eks.describe_access_entry(clusterName=cluster, principalArn=principal)["accessEntry"]
        )
    except cloud.eks.exceptions.ResourceNotFoundException:
        return None
