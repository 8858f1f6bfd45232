"""The public name at Route 53: moto keeps the zone, whatever is asked of it goes over the wire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from scripts.benchmark.names import NAME, ZONE, Knot
from seaway.errors import Conflict, NotFound, Refused, SeawayError
from seaway.flow.domain import PublicName, back, look, move
from seaway.ports.dns import Change, Records
from seaway.providers.eks.cloud import REHEARSAL
from seaway.providers.eks.route53 import Route53
from seaway.rooms.domain import course
from seaway.rooms.domain.course import Stage
from seaway.twin.inventory import Aws
from seaway.twin.quiet import Quiet
from seaway.twin.wire import listening
from tests.flow.names import OLD, place
from tests.providers.eks.faults import Fault, Once, faulty

THROTTLED = b"""<?xml version="1.0"?>
<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type>
<Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>1</RequestId></ErrorResponse>"""


@pytest.fixture
def zone(name: str) -> Route53:
    return Route53.open(name)


def records(zone: Route53, kind: str, ttl: int, *values: str) -> Records:
    prefix = "a-" if kind == "TXT" else ""
    return Records(f"{prefix}www.{zone.zone}", kind, ttl, values)


def none(like: Records) -> Records:
    return Records(like.name, like.kind)


def upsert(client: Any, zone: Route53, **record: Any) -> None:
    changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
    client.change_resource_record_sets(HostedZoneId=zone.hosted, ChangeBatch={"Changes": changes})


def test_what_is_put_there_is_read_with_its_ttl_and_taken_away_again(zone: Route53) -> None:
    name = f"www.{zone.zone}"
    old = records(zone, "A", 3600, "192.0.2.1", "192.0.2.2")
    text = records(zone, "TXT", 300, '"heritage=external-dns,external-dns/owner=us"')
    assert zone.read(name) == ()
    zone.change([Change(none(old), old), Change(none(text), text)])
    assert zone.read(name) == (old,)
    assert zone.read(text.name) == (text,)
    lower, alias = replace(old, ttl=60), records(zone, "CNAME", 60, "gateway.example.com.")
    zone.change([Change(old, lower), Change(text, text)])
    assert zone.read(name) == (lower,)
    zone.change([Change(lower, none(lower)), Change(none(alias), alias), Change(text, none(text))])
    assert zone.read(name) == (alias,)
    assert zone.read(text.name) == ()
    zone.change([Change(none(old), none(old))])


def test_a_change_that_begins_from_something_else_is_not_made(zone: Route53, client: Any) -> None:
    theirs = records(zone, "A", 60, "198.51.100.1")
    value = [{"Value": theirs.values[0]}]
    upsert(client, zone, Name=theirs.name, Type="A", TTL=60, ResourceRecords=value)
    mine, text = replace(theirs, values=("203.0.113.7",)), records(zone, "TXT", 300, '"x"')
    with pytest.raises(Conflict, match="somebody else changed"):
        zone.change([Change(none(text), text), Change(replace(theirs, ttl=3600), mine)])
    assert zone.read(theirs.name) == (theirs,)
    assert zone.read(text.name) == ()


def test_a_change_whose_answer_was_lost_is_not_taken_for_somebody_elses(
    rehearsal: Aws, zone: Route53, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, text = records(zone, "A", 60, "192.0.2.1"), records(zone, "TXT", 300, '"x"')
    once = Once(Fault.LOST)
    with faulty(rehearsal, once) as url:
        monkeypatch.setenv(REHEARSAL, url)
        lossy = Route53.open(zone.zone)
        lossy.change([Change(none(old), old), Change(none(text), text)])
        assert (lossy.read(old.name), lossy.read(text.name)) == ((old,), (text,))
        lossy.change([Change(old, none(old)), Change(text, replace(text, ttl=60))])
        assert lossy.read(old.name) == ()
    assert once.met.total() == 2


def test_what_could_not_be_put_back_as_it_was_is_refused(zone: Route53, client: Any) -> None:
    value = [{"Value": "192.0.2.1"}]
    upsert(
        client,
        zone,
        Name=f"www.{zone.zone}",
        Type="A",
        SetIdentifier="one",
        Weight=1,
        TTL=60,
        ResourceRecords=value,
    )
    with pytest.raises(Refused, match="one of several by a routing policy"):
        zone.read(f"www.{zone.zone}")


def test_an_alias_of_aws_is_put_back_as_it_was(zone: Route53, client: Any) -> None:
    target = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": "lb.example.com.", "EvaluateTargetHealth": True}
    upsert(client, zone, Name=f"www.{zone.zone}", Type="A", AliasTarget=target)
    before = client.list_resource_record_sets(HostedZoneId=zone.hosted)["ResourceRecordSets"]
    (old,) = zone.read(f"www.{zone.zone}")
    assert (old.ttl, old.values) == (60, ("alias:Z35SXDOTRQ7X7K:lb.example.com:true",))
    new = replace(old, values=("203.0.113.7",))
    zone.change([Change(old, new)])
    zone.change([Change(new, old)])
    assert client.list_resource_record_sets(HostedZoneId=zone.hosted)["ResourceRecordSets"] == before


def test_a_zone_that_is_not_there_private_or_there_twice_is_told(zone: Route53, client: Any) -> None:
    with pytest.raises(NotFound, match="no public hosted zone"):
        Route53.open("none.example.com")
    client.create_hosted_zone(
        Name="inside.example.com",
        CallerReference="inside",
        VPC={"VPCRegion": "us-east-1", "VPCId": "vpc-1"},
        HostedZoneConfig={"PrivateZone": True},
    )
    with pytest.raises(NotFound, match="no public hosted zone"):
        Route53.open("inside.example.com")
    client.create_hosted_zone(Name=zone.zone, CallerReference="twice")
    with pytest.raises(Refused, match="there are 2 public hosted zones"):
        Route53.open(zone.zone)


@contextmanager
def throttling(moto: str, times: int) -> Iterator[tuple[str, list[int]]]:
    """Stand before moto and refuse the first calls as AWS does; gives the URL, and the calls that came."""
    calls: list[int] = []

    class Handler(Quiet):
        def _answer(self) -> None:
            body = self.body()
            calls.append(len(body))
            refused = 400, {"Content-Type": "text/xml"}, THROTTLED
            self.reply(*(refused if len(calls) <= times else self.passed_on(moto, body)))

        do_GET = do_POST = _answer  # noqa: N815

    with listening(Handler) as port:
        yield f"http://127.0.0.1:{port}", calls


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pauses between two tries, which grow."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)


@pytest.mark.usefixtures("impatient")
def test_a_provider_that_throttles_is_asked_again(
    zone: Route53, rehearsal: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = records(zone, "A", 60, "192.0.2.1")
    with throttling(rehearsal.moto, 3) as (url, calls):
        monkeypatch.setenv(REHEARSAL, f"{rehearsal.moto} route53={url}")
        Route53.open(zone.zone).change([Change(none(made), made)])
    assert zone.read(made.name) == (made,)
    assert len(calls) == 3 + 3


@pytest.mark.usefixtures("impatient")
def test_one_that_throttles_on_is_told(
    zone: Route53, rehearsal: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    with throttling(rehearsal.moto, 99) as (url, calls):
        monkeypatch.setenv(REHEARSAL, f"{rehearsal.moto} route53={url}")
        with pytest.raises(SeawayError, match="cannot be looked for") as found:
            Route53.open(zone.zone)
    assert "Throttling" in found.value.why
    assert len(calls) == 5


@dataclass(frozen=True)
class Mirrored:
    """Route 53, whose records a real server of names has too: as the resolvers of visitors would."""

    dns: Route53
    knot: Knot

    @property
    def place(self) -> str:
        return self.dns.place

    @property
    def weighs(self) -> bool:
        return self.dns.weighs

    def alias(self, host: str) -> str:
        return self.dns.alias(host)

    def read(self, name: str) -> tuple[Records, ...]:
        return self.dns.read(name)

    def change(self, changes: Sequence[Change]) -> None:
        """Change both; whom Route 53 would answer now so, now so, has here the addresses of both sides."""
        self.dns.change(changes)
        places = dict.fromkeys((each.after.name, each.after.kind) for each in changes)
        self.knot.put(ZONE, *(_together(each, changes) for each in places))


def _together(place: tuple[str, str], changes: Sequence[Change]) -> Records:
    found = [each.after for each in changes if (each.after.name, each.after.kind) == place]
    ttl, values = max(each.ttl for each in found), {v for each in found for v in each.values}
    return Records(*place, ttl, tuple(sorted(values)))


def test_the_public_name_moves_there_and_back(client: Any, knot: Knot, tmp_path: Path) -> None:
    route53 = renewed(client)
    for each in OLD:
        values = [{"Value": value} for value in each.values]
        upsert(client, route53, Name=each.name, Type=each.kind, TTL=each.ttl, ResourceRecords=values)
    knot.put(ZONE, *OLD)
    with place(knot, tmp_path) as there:
        here = replace(there.here, dns=Mirrored(route53, knot))
        assert move(here, adopt=True).problems == ()
        assert route53.read(NAME) == here.wish.target
        assert back(here).held.records == OLD
    assert route53.read(NAME) == OLD


def weights(client: Any, zone: Route53) -> dict[tuple[str, str], tuple[int, list[str]]]:
    """What the zone has of the name by type and set identifier: weights and values."""
    listed = client.list_resource_record_sets(HostedZoneId=zone.hosted)["ResourceRecordSets"]
    return {
        (each["Type"], each.get("SetIdentifier", "")): (
            each.get("Weight", 0),
            sorted(value["Value"] for value in each["ResourceRecords"]),
        )
        for each in listed
        if each["Name"] == f"{NAME}."
    }


@pytest.fixture
def shared(client: Any, knot: Knot, tmp_path: Path) -> Iterator[tuple[PublicName, Route53]]:
    """The public name at Route 53, with addresses of the old server of the one type that the gateway has."""
    route53 = renewed(client)
    values = [{"Value": value} for value in OLD[0].values]
    upsert(client, route53, Name=NAME, Type="A", TTL=OLD[0].ttl, ResourceRecords=values)
    knot.put(ZONE, OLD[0])
    with place(knot, tmp_path) as there:
        yield replace(there.here, dns=Mirrored(route53, knot)), route53


def test_a_share_moves_first_then_more_then_all_and_back_in_one_command(
    shared: tuple[PublicName, Route53], client: Any
) -> None:
    here, route53 = shared
    old, new = list(OLD[0].values), list(here.wish.to)
    moved = move(here, adopt=True, weight=10)
    assert (moved.stage, moved.leads, moved.share, moved.held.ttl) == (Stage.SHARED, "both", 10, 60)
    assert moved.problems == ()
    assert weights(client, route53) == {("A", "seaway-old"): (90, old), ("A", "seaway-new"): (10, new)}
    assert route53.read(f"a-{NAME}")[0].values[0].startswith('"heritage=external-dns,external-dns/owner=')
    assert move(here, adopt=False, weight=10).share == 10
    assert move(here, adopt=False, weight=60).share == 60
    assert weights(client, route53) == {("A", "seaway-old"): (40, old), ("A", "seaway-new"): (60, new)}
    assert move(here, adopt=False).held.records == here.wish.target
    assert weights(client, route53) == {("A", ""): (0, new)}
    assert back(here).held.records == OLD[:1]
    assert weights(client, route53) == {("A", ""): (0, old)}


def test_from_a_share_it_goes_back_to_what_was(shared: tuple[PublicName, Route53], client: Any) -> None:
    here, route53 = shared
    move(here, adopt=True, weight=1)
    returned = back(here)
    assert (returned.held.records, returned.leads, returned.share) == (OLD[:1], "old server", 0)
    assert weights(client, route53) == {("A", ""): (0, list(OLD[0].values))}


def test_a_share_that_begins_from_something_else_is_not_made(
    shared: tuple[PublicName, Route53], client: Any
) -> None:
    """AWS compares the weight too, where moto looks at TTL and values only: so it is seen to be sent."""
    here, route53 = shared
    move(here, adopt=True, weight=10)
    sent = list[Any]()
    event = "provide-client-params.route53.ChangeResourceRecordSets"
    route53.client.meta.events.register(
        event, lambda params, **_: sent.extend(params["ChangeBatch"]["Changes"])
    )
    before, held = weights(client, route53), look(here)
    thought = replace(held, records=tuple(replace(each, ttl=3333) for each in held.records))
    with pytest.raises(Conflict, match="somebody else changed"):
        route53.change(course.share(thought, here.wish, 50, here.now()))
    assert weights(client, route53) == before
    gone = [each["ResourceRecordSet"] for each in sent if each["Action"] == "DELETE"]
    assert {each.get("SetIdentifier"): each.get("Weight") for each in gone if each["Type"] == "A"} == {
        "seaway-old": 90,
        "seaway-new": 10,
    }


def test_sides_of_unlike_types_cannot_share(shared: tuple[PublicName, Route53], client: Any) -> None:
    here, route53 = shared
    upsert(client, route53, Name=NAME, Type="AAAA", TTL=60, ResourceRecords=[{"Value": "2001:db8::1"}])
    with pytest.raises(Refused, match="cannot be shared") as found:
        move(here, adopt=True, weight=10)
    assert found.value.where == "A and AAAA there, A here"
    assert {kind for kind, _ in weights(client, route53)} == {"A", "AAAA"}


def renewed(client: Any) -> Route53:
    """Make the zone of the public name, in place of that of an earlier test."""
    for each in client.list_hosted_zones_by_name(DNSName=ZONE)["HostedZones"]:
        _remove(client, each["Id"])
    client.create_hosted_zone(Name=ZONE, CallerReference=uuid4().hex)
    return Route53.open(ZONE)


def _remove(client: Any, zone: str) -> None:
    listed = client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    own = [each for each in listed if each["Type"] not in {"NS", "SOA"}]
    gone = [{"Action": "DELETE", "ResourceRecordSet": each} for each in own]
    if gone:
        client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": gone})
    client.delete_hosted_zone(Id=zone)
