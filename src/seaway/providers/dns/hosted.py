"""A hosted zone of Amazon Route 53 as the pilot changes it, whose image has no SDK of AWS.

(Amazon Route 53 API reference 2013-04-01; throttled calls are made again, later and later)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from seaway.errors import Conflict, NotFound, Refused, SeawayError, Unreachable
from seaway.kit.dns import Change, Records
from seaway.kit.http import Http
from seaway.kit.servers import NameServer
from seaway.kit.sigv4 import AwsKey, SigV4
from seaway.providers.dns.pod_identity import PodIdentity

#: By how the name of a region begins: where Route 53 of that part of AWS is, and the region it is signed for.
ENDPOINTS: Final = {
    "cn-": ("https://route53.amazonaws.com.cn", "cn-northwest-1"),
    "us-gov-": ("https://route53.us-gov.amazonaws.com", "us-gov-west-1"),
    "": ("https://route53.amazonaws.com", "us-east-1"),
}
VERSION: Final = "/2013-04-01"
#: Answers that are read: a result, or an error in Route 53's own words.
ANSWERS: Final = range(200, 500)
DONE: Final = 200
#: What says "later" (API reference: Common errors, ChangeResourceRecordSets), how often a call is made then,
#: and the seconds before the second time, which double.
LATER: Final = frozenset({"Throttling", "ThrottlingException", "PriorRequestNotComplete"})
TRIES: Final = 6
PAUSE: Final = 1.0
#: What says that a batch does not begin from what is there, and what says no.
OTHERWISE: Final = frozenset({"InvalidChangeBatch", "InvalidInput"})
DENIED: Final = re.compile("AccessDenied|InvalidClientTokenId|SignatureDoesNotMatch|ExpiredToken")
#: Seconds before a look at whether all servers have a change; an account has five calls a second.
LOOK: Final = 2.0
#: Seconds that Route 53 has for an answer.
PATIENCE: Final = 10.0
#: What is read of a place: the texts, and whether it is another's.
KINDS: Final = ("TXT", "CNAME")


@dataclass(frozen=True)
class Api:
    """Route 53 over HTTP. `pause` waits so many seconds, and tells whether to give up."""

    http: Http
    pause: Callable[[float], bool]

    @classmethod
    def open(cls, region: str, key: Callable[[], AwsKey], pause: Callable[[float], bool]) -> Self:
        """Reach it from a region; nothing is asked yet."""
        url, signed = next(found for begin, found in ENDPOINTS.items() if region.startswith(begin))
        return cls(Http(url, timeout=PATIENCE, auth=SigV4("route53", signed, key)), pause)

    def ask(
        self, what: str, method: str, path: str, params: Mapping[str, str] | None = None, body: str = ""
    ) -> ET.Element:
        """Make a call; `what` says for people what does not work without it.

        Raises Conflict where a batch does not begin from what is there, Refused where it is not allowed,
        Unreachable where there is no answer, or always only "later".
        """
        pauses = [PAUSE * 2**tried for tried in range(TRIES - 1)]
        while True:
            answer = self.http.request(
                method, f"{VERSION}{path}", ok=ANSWERS, body=body.encode(), params=params
            )
            root = _read(answer.content)
            if answer.status_code == DONE:
                return root
            code, said = _error(root)
            if code not in LATER or not pauses or self.pause(pauses.pop(0)):
                raise _judged(what, code, said)


@dataclass(frozen=True)
class HostedZone:
    """A public hosted zone, for proofs in it; every change is noted until all servers of AWS have it."""

    zone: str
    hosted: str
    api: Api
    _noted: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, zone: str, environment: Mapping[str, str], pause: Callable[[float], bool]) -> Self:
        """Find the zone by the key that EKS gives to this pod. Raises as PodIdentity.of, and as `find`."""
        identity = PodIdentity.of(environment)
        return cls.find(zone, Api.open(environment.get("AWS_REGION", ""), identity.key, pause))

    @classmethod
    def find(cls, zone: str, api: Api) -> Self:
        """Find the zone. Raises NotFound, Refused where there are two, and as `Api.ask`."""
        what = f"the hosted zone of {zone} cannot be looked for"
        root = api.ask(what, "GET", "/hostedzonesbyname", {"dnsname": zone})
        ids = [
            _text(each, "Id").rpartition("/")[2]
            for each in root.iterfind(".//{*}HostedZone")
            if _text(each, "Name").rstrip(".") == zone and _text(each, "Config/{*}PrivateZone") != "true"
        ]
        if len(ids) == 1:
            return cls(zone, ids[0], api)
        if ids:
            raise Refused(f"there are {len(ids)} public hosted zones {zone}", where=", ".join(ids))
        raise NotFound(f"there is no public hosted zone {zone} in this account of AWS")

    @property
    def place(self) -> str:
        return f"hosted zone {self.zone} ({self.hosted})"

    def servers(self) -> tuple[NameServer, ...]:
        """Name whom to ask for a change: nobody, since Route 53 says itself when all have it."""
        return ()

    def read(self, name: str) -> tuple[Records, ...]:
        """See what the zone has at a name, of KINDS. Raises Refused for what has no values of its own."""
        root = self.api.ask(
            f"{self.place} cannot be read",
            "GET",
            f"/hostedzone/{self.hosted}/rrset",
            {"name": f"{name}.", "maxitems": "100"},
        )
        found = (each for each in root.iterfind(".//{*}ResourceRecordSet") if _is_at(each, name))
        return tuple(_records(name, each) for each in found)

    def change(self, changes: Sequence[Change]) -> None:
        """Change all in one batch, which is made whole or not at all.

        A DELETE must name what is there, TTL and values: somebody else's change makes the batch fail. What is
        there already is put there again, and so followed: the answer of an earlier call may have been lost.
        Raises as `Api.ask`.
        """
        batch = [_action(*each) for change in changes for each in _steps(change)]
        if not batch:
            return
        root = self.api.ask(
            f"{self.place} cannot be changed",
            "POST",
            f"/hostedzone/{self.hosted}/rrset/",
            body=_document(batch),
        )
        self._noted.append(_text(root, "ChangeInfo/{*}Id").rpartition("/")[2])

    def pending(self) -> str:
        """Look after a pause whether all servers have every change; say which is not there, or nothing."""
        while self._noted:
            if self.api.pause(LOOK):
                return f"the change {self._noted[0]} of {self.place} was not waited for"
            what = f"the change of {self.place} cannot be followed"
            root = self.api.ask(what, "GET", f"/change/{self._noted[0]}")
            if (status := _text(root, "ChangeInfo/{*}Status")) != "INSYNC":
                return f"the change {self._noted[0]} of {self.place} is {status}"
            self._noted.pop(0)
        return ""


def _is_at(record: ET.Element, name: str) -> bool:
    return _text(record, "Name").rstrip(".") == name and _text(record, "Type") in KINDS


def _records(name: str, record: ET.Element) -> Records:
    kind = _text(record, "Type")
    values = tuple(sorted(each.text or "" for each in record.iterfind(".//{*}Value")))
    if not values or record.find("{*}SetIdentifier") is not None:
        raise Refused(
            f"{kind} of {name} is an alias of Route 53, or one of several by a routing policy",
            remedy="make it a plain record, or take it away",
        )
    return Records(name, kind, int(_text(record, "TTL")), values)


def _steps(change: Change) -> list[tuple[str, Records]]:
    if change.before == change.after:
        return [("UPSERT", change.after)] if change.after.values else []
    steps = (("DELETE", change.before), ("CREATE", change.after))
    return [(action, records) for action, records in steps if records.values]


def _action(action: str, records: Records) -> str:
    values = (f"<ResourceRecord><Value>{escape(each)}</Value></ResourceRecord>" for each in records.values)
    return (
        f"<Change><Action>{action}</Action><ResourceRecordSet><Name>{escape(records.name)}.</Name>"
        f"<Type>{records.kind}</Type><TTL>{records.ttl}</TTL>"
        f"<ResourceRecords>{''.join(values)}</ResourceRecords></ResourceRecordSet></Change>"
    )


def _document(batch: Iterable[str]) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc{VERSION}/"><ChangeBatch>'
        f"<Comment>seaway: proofs of names</Comment><Changes>{''.join(batch)}</Changes>"
        "</ChangeBatch></ChangeResourceRecordSetsRequest>"
    )


def _read(content: bytes) -> ET.Element:
    try:
        return ET.fromstring(content)  # noqa: S314  (AWS's own words, over TLS)
    except ET.ParseError as error:
        raise SeawayError("Route 53 answered something else than XML", why=str(error)) from error


def _error(root: ET.Element) -> tuple[str, str]:
    """Read an error: its code and what it says. A batch that cannot be has a document of its own kind."""
    said = [each.text or "" for each in root.iterfind(".//{*}Message")]
    return _text(root, ".//{*}Code") or root.tag.rpartition("}")[2], "; ".join(said)


def _judged(what: str, code: str, said: str) -> SeawayError:
    why = f"{code}: {said}"
    if code in OTHERWISE:
        return Conflict(what, why=why, remedy="somebody else may have changed it in between")
    if DENIED.match(code):
        return Refused(what, why=why, remedy="have who administers the account run: seaway up")
    return (Unreachable if code in LATER else SeawayError)(what, why=why)


def _text(node: ET.Element, path: str) -> str:
    """Read the text at a path, whose first step is of any namespace as well."""
    return node.findtext(path if path.startswith(".") else f"{{*}}{path}", "")
