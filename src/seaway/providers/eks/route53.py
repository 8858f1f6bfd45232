"""The port Dns at Amazon Route 53: a batch of changes is made whole or not at all."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from seaway.errors import Conflict, NotFound, Refused
from seaway.ports.dns import ALIAS, ALIAS_TTL, KINDS, SIDES, Change, Records
from seaway.providers.eks.cloud import Cloud, explained

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

#: Looks at whether all servers of AWS have a change; afterwards resolvers are asked anyway.
LOOKS: Final = 60
#: Route 53 is the same in all regions of a part of AWS, and a client still wants one.
ANY_REGION: Final = "us-east-1"
#: The host name of a load balancer with its region: a network one has it behind `elb`, others before that.
_BALANCER: Final = re.compile(r".+\.(?:elb\.([a-z0-9-]+)|([a-z0-9-]+)\.elb)\.amazonaws\.com(?:\.cn)?")
#: How the identifier of one of two sides begins; what follows is the side.
SET: Final = "seaway-"


@dataclass(frozen=True)
class Route53:
    """Implements ports/dns.py for a public hosted zone."""

    cloud: Cloud
    zone: str
    hosted: str

    @classmethod
    def open(cls, zone: str, region: str = "") -> Route53:
        """Find the hosted zone by clients of its own. Raises as find, and as Cloud.open."""
        return cls.find(Cloud.open(region or os.environ.get("AWS_REGION") or ANY_REGION), zone)

    @classmethod
    def find(cls, cloud: Cloud, zone: str) -> Route53:
        """Find the hosted zone. Raises NotFound, Refused where there are two."""
        with explained(f"the hosted zone of {zone} cannot be looked for"):
            found = cloud.route53.list_hosted_zones_by_name(DNSName=zone)["HostedZones"]
        ids = [
            each["Id"].rpartition("/")[2]
            for each in found
            if each["Name"].rstrip(".") == zone and not each.get("Config", {}).get("PrivateZone")
        ]
        if not ids:
            raise NotFound(
                f"there is no public hosted zone {zone} in this account of AWS",
                remedy="make it, or use the credentials of the account that has it",
            )
        if len(ids) > 1:
            raise Refused(
                f"there are {len(ids)} public hosted zones {zone}", where=", ".join(ids),
                why="it cannot be told which of them is delegated", remedy="remove those that are not",
            )  # fmt: skip
        return cls(cloud, zone, ids[0])

    @property
    def client(self) -> Route53Client:
        return self.cloud.route53

    @property
    def place(self) -> str:
        return f"hosted zone {self.zone} ({self.hosted})"

    @property
    def weighs(self) -> bool:
        return True

    def alias(self, host: str) -> str:
        """Give one to a load balancer of this account (Route 53 API: AliasTarget).

        Of two sides by weight, that of one without a healthy target is then not answered.
        """
        if not (found := _BALANCER.fullmatch(host.lower())):
            return ""
        with explained(f"the load balancer {host} cannot be looked for"):
            balancers = self.cloud.load_balancers(found[1] or found[2])
            pages = balancers.get_paginator("describe_load_balancers").paginate()
            hosted = [
                each["CanonicalHostedZoneId"]
                for page in pages
                for each in page["LoadBalancers"]
                if each["DNSName"].lower() == host.lower()
            ]
        return f"{ALIAS}{hosted[0]}:{host.lower()}:true" if hosted else ""

    def read(self, name: str) -> tuple[Records, ...]:
        """See what the zone has at a name. Raises Refused for records that have no value of their own."""
        with explained(f"{self.place} cannot be read"):
            listed = self.client.list_resource_record_sets(
                HostedZoneId=self.hosted, StartRecordName=f"{name}.", MaxItems="100"
            )["ResourceRecordSets"]
        mine = [each for each in listed if each["Name"].rstrip(".") == name and each["Type"] in KINDS]
        found = (_records(name, each) for each in mine)
        return tuple(
            sorted(found, key=lambda each: (KINDS.index(each.kind), SIDES.index(each.side or "old")))
        )

    def change(self, changes: Sequence[Change]) -> None:
        """Change all in one batch (Route 53 API: ChangeResourceRecordSets).

        A DELETE must name what is there, TTL and values: somebody else's change makes the batch fail.
        """
        real = [each for each in changes if each.before != each.after]
        batch = [_action("DELETE", each.before) for each in real if each.before.values]
        batch += [_action("CREATE", each.after) for each in real if each.after.values]
        if not batch:
            return
        try:
            with explained(f"{self.place} cannot be changed"):
                made = self._send(batch)
        except _OtherwiseError as error:
            if self._made(real):
                return  # the answer was lost, and it was asked for again
            raise Conflict(
                "somebody else changed the name in between", where=self.place, why=str(error),
                remedy="look at it (seaway domain status) and run the command again",
            ) from error  # fmt: skip
        for _ in range(LOOKS):
            with explained(f"the change of {self.place} cannot be followed"):
                if self.client.get_change(Id=made)["ChangeInfo"]["Status"] == "INSYNC":
                    return
            time.sleep(self.cloud.pace)

    def _made(self, changes: Sequence[Change]) -> bool:
        """Tell whether all that was to come is there, and all that was to go is not."""
        there = {found for name in {each.after.name for each in changes} for found in self.read(name)}
        come = {each.after for each in changes if each.after.values}
        return come <= there and not ({each.before for each in changes} - come) & there

    def _send(self, batch: list[Any]) -> str:
        try:
            answer = self.client.change_resource_record_sets(
                HostedZoneId=self.hosted, ChangeBatch={"Comment": "seaway domain", "Changes": batch}
            )
        except ClientError as error:
            said = error.response.get("Error", {})
            if said.get("Code") in {"InvalidChangeBatch", "InvalidInput"}:
                raise _OtherwiseError(str(said.get("Message"))) from error
            raise
        return answer["ChangeInfo"]["Id"]


class _OtherwiseError(Exception):
    """What a batch was to begin from is not there."""


def _records(name: str, live: Any) -> Records:
    side = live.get("SetIdentifier", "").removeprefix(SET)
    if "SetIdentifier" in live and (side not in SIDES or "Weight" not in live):
        raise Refused(
            f"{live['Type']} of {name} is one of several by a routing policy, which Seaway does not keep",
            remedy="make it a plain record with the same addresses first",
        )
    if target := live.get("AliasTarget"):
        healthy = str(target["EvaluateTargetHealth"]).lower()
        value = f"{ALIAS}{target['HostedZoneId']}:{target['DNSName'].rstrip('.')}:{healthy}"
        return Records(name, live["Type"], ALIAS_TTL, (value,), side, live.get("Weight", 0))
    values = tuple(sorted(each["Value"] for each in live["ResourceRecords"]))
    return Records(name, live["Type"], live["TTL"], values, side, live.get("Weight", 0))


def _action(action: str, records: Records) -> Any:
    """Compose a change; records with a side are one of two that share a name (weighted routing)."""
    shared = {"SetIdentifier": f"{SET}{records.side}", "Weight": records.weight} if records.side else {}
    record = {"Name": f"{records.name}.", "Type": records.kind, **shared, **_content(records)}
    return {"Action": action, "ResourceRecordSet": record}


def _content(records: Records) -> dict[str, Any]:
    """Say what records hold: values with a TTL, or the target of an alias (Route 53 API: AliasTarget)."""
    if not records.values[0].startswith(ALIAS):
        return {"TTL": records.ttl, "ResourceRecords": [{"Value": value} for value in records.values]}
    hosted, name, healthy = records.values[0].removeprefix(ALIAS).split(":")
    target = {"HostedZoneId": hosted, "DNSName": f"{name}.", "EvaluateTargetHealth": healthy == "true"}
    return {"AliasTarget": target}
