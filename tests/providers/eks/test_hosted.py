"""The pilot's own client of Route 53: moto keeps the zone, whatever is asked of it goes over the wire."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from scripts.benchmark.names import Knot
from scripts.benchmark.pebble import pebble
from seaway.errors import Conflict, NotFound, Refused, SeawayError, Unreachable
from seaway.kit.dns import Change, Records
from seaway.kit.servers import NameServer
from seaway.kit.sigv4 import AwsKey
from seaway.pilot.publishing import Publishing
from seaway.pilot.signing import Asking, new_key, order
from seaway.ports.certificates import Issued
from seaway.providers.dns import hosted
from seaway.providers.dns.hosted import Api, HostedZone
from seaway.rooms.acme.challenge import Exhibit
from seaway.twin.inventory import Aws
from seaway.twin.quiet import Quiet
from seaway.twin.wire import listening
from tests.providers.eks.faults import Fault, Once, faulty
from tests.providers.eks.test_route53 import renewed, throttling

DOMAIN = "www.shop.test"
#: Where programs are that are built once, before a rehearsal has a cache of its own.
CACHE = os.environ.get("XDG_CACHE_HOME", "")
Answers = Callable[[bytes], tuple[int, bytes] | None]


@dataclass
class Waiting:
    """How long was waited, each time; from then on that `stopped` says, not at all."""

    waited: list[float] = field(default_factory=list)
    stopped: bool = False

    def __call__(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return self.stopped


@pytest.fixture
def reach(rehearsal: Aws, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Api]:
    """Reach Route 53 where it is played, or through what stands before it."""

    def found(url: str = "", pause: Callable[[float], bool] | None = None) -> Api:
        monkeypatch.setitem(hosted.ENDPOINTS, "", (url or rehearsal.moto, "us-east-1"))
        return Api.open("eu-central-1", lambda: AwsKey("any", "any"), pause or Waiting())

    return found


@pytest.fixture
def zone(name: str, reach: Callable[..., Api]) -> HostedZone:
    return HostedZone.find(name, reach())


def publishing(zone: HostedZone, stop: threading.Event | None = None) -> Publishing:
    return Publishing(lambda: zone, lambda: True, stop or threading.Event())


def two(zone: HostedZone) -> list[Exhibit]:
    """Proofs of a name and its wildcard, which have one place."""
    place = f"_acme-challenge.{zone.zone}"
    return [Exhibit(zone.zone, place, "first"), Exhibit(zone.zone, place, "second")]


def put(client: Any, zone: HostedZone, kind: str, ttl: int, value: str, **more: Any) -> None:
    """Put a record at the place of the proofs, as somebody else."""
    record = {"Name": f"{two(zone)[0].place}.", "Type": kind, "TTL": ttl, **more}
    record["ResourceRecords"] = [{"Value": value}]
    batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    client.change_resource_record_sets(HostedZoneId=zone.hosted, ChangeBatch=batch)


def texts(client: Any, zone: HostedZone) -> list[Any]:
    found = client.list_resource_record_sets(HostedZoneId=zone.hosted)["ResourceRecordSets"]
    return [each for each in found if each["Type"] in {"TXT", "CNAME"}]


def test_what_another_client_proves_there_stays(zone: HostedZone, client: Any) -> None:
    put(client, zone, "TXT", 77, '"theirs <&>" "in two"')
    before, proof = texts(client, zone), publishing(zone)
    assert proof.show(two(zone)) == ""
    values = {each["Value"] for each in texts(client, zone)[0]["ResourceRecords"]}
    assert values == {'"first"', '"second"', '"theirs <&>" "in two"'}
    proof.clear()
    (left,) = texts(client, zone)
    assert left["ResourceRecords"] == before[0]["ResourceRecords"]


def test_who_changes_the_place_in_between_loses_nothing(zone: HostedZone, client: Any) -> None:
    """That a CREATE is refused where there is something else, moto does not know."""
    place = two(zone)[0].place
    put(client, zone, "TXT", 60, '"theirs"')
    ours = Records(place, "TXT", 30, ('"ours"',))
    with pytest.raises(Conflict, match="cannot be changed"):
        zone.change([Change(replace(ours, values=('"another"',)), ours)])
    assert zone.read(place) == (Records(place, "TXT", 60, ('"theirs"',)),)
    assert zone.pending() == ""


def test_an_alias_is_anothers_and_is_left_alone(zone: HostedZone, client: Any) -> None:
    place = two(zone)[0].place
    put(client, zone, "CNAME", 60, "acme.example.net.")
    why = publishing(zone).show(two(zone))
    assert why == f"{place} is an alias of acme.example.net., which is another's to change"
    assert [each["ResourceRecords"] for each in texts(client, zone)] == [[{"Value": "acme.example.net."}]]


def test_what_could_not_be_put_back_as_it_was_is_refused(zone: HostedZone, client: Any) -> None:
    put(client, zone, "TXT", 60, '"one"', SetIdentifier="one", Weight=1)
    with pytest.raises(Refused, match="one of several by a routing policy"):
        zone.read(two(zone)[0].place)


def test_a_zone_that_is_not_there_private_or_there_twice_is_told(
    zone: HostedZone, client: Any, reach: Callable[..., Api]
) -> None:
    client.create_hosted_zone(
        Name=f"inside.{zone.zone}",
        CallerReference=uuid4().hex,
        VPC={"VPCRegion": "us-east-1", "VPCId": "vpc-1"},
        HostedZoneConfig={"PrivateZone": True},
    )
    for each in (f"none.{zone.zone}", f"inside.{zone.zone}"):
        with pytest.raises(NotFound, match="no public hosted zone"):
            HostedZone.find(each, reach())
    client.create_hosted_zone(Name=zone.zone, CallerReference=uuid4().hex)
    with pytest.raises(Refused, match="there are 2 public hosted zones"):
        HostedZone.find(zone.zone, reach())


def test_one_that_throttles_is_asked_again_later_and_later(
    name: str, rehearsal: Aws, reach: Callable[..., Api]
) -> None:
    waiting = Waiting()
    with throttling(rehearsal.moto, 3) as (url, calls):
        assert HostedZone.find(name, reach(url, waiting)).zone == name
    assert (waiting.waited, len(calls)) == ([1.0, 2.0, 4.0], 4)


@pytest.mark.parametrize(("stopped", "times"), [(False, 6), (True, 1)], ids=["always", "until told to end"])
def test_one_that_throttles_on_is_told(
    name: str, rehearsal: Aws, reach: Callable[..., Api], times: int, *, stopped: bool
) -> None:
    with throttling(rehearsal.moto, 99) as (url, calls):
        with pytest.raises(Unreachable, match="cannot be looked for") as told:
            HostedZone.find(name, reach(url, Waiting(stopped=stopped)))
        assert told.value.why == "Throttling: Rate exceeded"
    assert len(calls) == times


def test_a_change_whose_answer_was_lost_is_followed_all_the_same(
    name: str, rehearsal: Aws, reach: Callable[..., Api], client: Any
) -> None:
    once = Once(Fault.LOST)
    with faulty(rehearsal, once) as url:
        zone = HostedZone.find(name, reach(url))
        proof = publishing(zone)
        assert proof.show(two(zone)) == ""
        (found,) = texts(client, zone)
        assert [each["Value"] for each in found["ResourceRecords"]] == ['"first"', '"second"']
        proof.clear()
    assert texts(client, zone) == []
    assert once.met.total() >= 2


@contextmanager
def before(moto: str, answers: Answers) -> Iterator[str]:
    """Stand before moto, and answer in its place where there is something to say of what it would."""

    class Handler(Quiet):
        def _answer(self) -> None:
            status, headers, body = self.passed_on(moto, self.body())
            if said := answers(body):
                status, body = said
            self.reply(status, headers, body)

        do_GET = do_POST = _answer  # noqa: N815

    with listening(Handler) as port:
        yield f"http://127.0.0.1:{port}"


def test_all_servers_of_aws_are_waited_for(
    name: str, rehearsal: Aws, reach: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seaway.pilot.publishing.PACE", 0.01)
    looks = [0]

    def pending(body: bytes) -> tuple[int, bytes] | None:
        looks[0] += b"GetChangeResponse" in body
        late = b"GetChangeResponse" in body and looks[0] < 3
        return (200, body.replace(b"INSYNC", b"PENDING")) if late else None

    with before(rehearsal.moto, pending) as url:
        waiting = Waiting()
        zone = HostedZone.find(name, reach(url, waiting))
        assert publishing(zone).show(two(zone)) == ""
        assert (looks, waiting.waited) == ([3], [hosted.LOOK] * 3)
        looks[0] = 0
        stop = threading.Event()
        stop.set()
        assert publishing(zone, stop).show(two(zone)).endswith(f"of {zone.place} is PENDING")


_SPACE = "xmlns='https://route53.amazonaws.com/doc/2013-04-01/'"
#: A batch that cannot be made has a document of its own kind (API reference, ChangeResourceRecordSets).
BATCH = (
    f"<InvalidChangeBatch {_SPACE}><Messages><Message>One</Message><Message>Two</Message></Messages>"
    "</InvalidChangeBatch>"
)
DENIED = (
    f"<ErrorResponse {_SPACE}><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
)
GONE = "<ErrorResponse><Error><Code>NoSuchHostedZone</Code><Message>gone</Message></Error></ErrorResponse>"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((400, BATCH), (Conflict, "InvalidChangeBatch: One; Two")),
        ((403, DENIED), (Refused, "AccessDenied: no")),
        ((404, GONE), (SeawayError, "NoSuchHostedZone: gone")),
        ((200, "<html><br></html>"), (SeawayError, "mismatched tag")),
    ],
    ids=["batch", "denied", "gone", "page"],
)
def test_what_it_says_is_told(
    zone: HostedZone, rehearsal: Aws, reach: Callable[..., Api], answer: Any, told: Any
) -> None:
    status, document = answer
    with (
        before(rehearsal.moto, lambda _: (status, document.encode())) as url,
        pytest.raises(SeawayError) as raised,
    ):
        replace(zone, api=reach(url)).read(zone.zone)
    assert (type(raised.value), raised.value.why[: len(told[1])]) == told


def test_each_part_of_aws_has_its_own() -> None:
    regions = ("cn-north-1", "us-gov-east-1", "eu-central-1", "")
    found = [Api.open(region, lambda: AwsKey("any", "any"), Waiting()).http.base for region in regions]
    assert found == [
        "https://route53.amazonaws.com.cn",
        "https://route53.us-gov.amazonaws.com",
        *["https://route53.amazonaws.com"] * 2,
    ]


@dataclass(frozen=True)
class Served:
    """The hosted zone, whose texts a real server of names has too, as Route 53 tells them."""

    kept: HostedZone
    knot: Knot

    @property
    def zone(self) -> str:
        return self.kept.zone

    def servers(self) -> tuple[NameServer, ...]:
        return self.kept.servers()

    def read(self, name: str) -> tuple[Records, ...]:
        return self.kept.read(name)

    def change(self, changes: Sequence[Change]) -> None:
        self.kept.change(changes)
        for each in changes:
            found = self.kept.read(each.after.name) or (Records(each.after.name, "TXT"),)
            self.knot.put(self.zone, *found)

    def pending(self) -> str:
        return self.kept.pending()


@pytest.mark.cluster
def test_an_acme_server_signs_for_a_name_and_all_below_it_by_what_route_53_holds(
    knot: Knot, client: Any, reach: Callable[..., Api], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", CACHE)
    renewed(client)
    zone, stop = Served(HostedZone.find("shop.test", reach()), knot), threading.Event()
    proof = Publishing(lambda: zone, lambda: True, stop)
    with pebble(tmp_path, 1, names=knot.server) as server:
        asking = Asking(server.directory, server.ca, new_key(), by_record=True)
        got = order(asking, [DOMAIN, f"*.{DOMAIN}"], proof.show, stop)
    assert isinstance(got, Issued), got
    proof.clear()
    assert texts(client, zone.kept) == []
