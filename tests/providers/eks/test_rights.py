"""What lets a pilot prove names at Route 53: made by `up`, and just enough for the pilot's own client."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from seaway.errors import NotFound, Refused
from seaway.kit.dns import Change, Records
from seaway.model.event import silent
from seaway.model.plan import Verb
from seaway.pilot.publishing import Publishing, open_zone
from seaway.providers.dns import hosted
from seaway.providers.dns.hosted import HostedZone
from seaway.providers.dns.pod_identity import TOKEN, URL
from seaway.providers.eks import making
from seaway.providers.eks.cloud import REHEARSAL, Cloud
from seaway.providers.eks.clusters import EksClusters
from seaway.providers.eks.ground import EksGround
from seaway.providers.eks.making import Groups
from seaway.providers.eks.nodes import Wanted
from seaway.providers.eks.parts import Part
from seaway.providers.eks.rights import Proving, Rights, proving_parts
from seaway.providers.eks.roles import PILOT, Role, role_name
from seaway.rooms.acme.challenge import Exhibit
from seaway.rooms.acme.wish import Wish
from seaway.twin.inventory import Aws, client
from seaway.twin.quiet import Quiet
from seaway.twin.wire import listening
from tests.providers.eks.conftest import IMAGES, Shop
from tests.providers.eks.gate import Gate
from tests.providers.eks.looks import Calls
from tests.providers.eks.test_clusters import killed_at_every_call

REGION = "ca-central-1"
KINDS: tuple[type[Part], ...] = (Role, Rights)
CALLS = {"ListHostedZonesByName", "ListResourceRecordSets", "ChangeResourceRecordSets", "GetChange"}


def zone_of(aws: Aws, name: str) -> str:
    made = client(aws, "route53", "us-east-1").create_hosted_zone(Name=name, CallerReference=uuid4().hex)[
        "HostedZone"
    ]["Id"]
    return str(made).rpartition("/")[2]


def values(aws: Aws, zone: str, name: str) -> list[str]:
    found = client(aws, "route53", "us-east-1").list_resource_record_sets(HostedZoneId=zone)[
        "ResourceRecordSets"
    ]
    return [v["Value"] for each in found if each["Name"] == f"{name}." for v in each["ResourceRecords"]]


@pytest.fixture
def proving(aws: Aws, gate: Gate) -> Iterator[Proving]:  # noqa: ARG001  (who runs this is its root)
    """The role and its policy for a system with two names, as `up` makes them."""
    domain = f"{uuid4().hex[:12]}.example.com"
    zone_of(aws, domain)
    found, cloud = Proving("shop", domain, (f"www.{domain}", domain)), Cloud.open(REGION)
    role, rights, _ = proving_parts(cloud, "shop", found)
    groups: Groups = [role, rights]
    making.ensure(cloud, groups, {kind: kind.owned(cloud, "shop") for kind in KINDS}, silent)
    yield found
    for kind in reversed(KINDS):
        for live in kind.owned(cloud, "shop").values():
            kind.delete(cloud, live)


Open = Callable[..., HostedZone]


@pytest.fixture
def opened(gate: Gate, proving: Proving, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Open]:
    """Open the zone as the pilot of a namespace does, by the key that an agent gives to its pod."""
    monkeypatch.setitem(hosted.ENDPOINTS, "", (os.environ[REHEARSAL], "us-east-1"))
    monkeypatch.setattr(hosted, "LOOK", 0.0)
    (tmp_path / "token").write_text("the pod's")
    key = dict[str, str]()

    class Agent(Quiet):
        def _answer(self) -> None:
            assert self.headers["Authorization"] == "the pod's"
            self.reply(200, {}, json.dumps(key).encode())

        do_GET = _answer  # noqa: N815

    def begin(namespace: str = "shop", zone: str = "") -> HostedZone:
        sts, role = Cloud.open(REGION).sts, role_name(REGION, "shop", PILOT)
        said: Any = sts.assume_role(
            RoleArn=f"arn:aws:iam::123456789012:role/{role}",
            RoleSessionName="eks-shop-pilot",
            Tags=[{"Key": "kubernetes-namespace", "Value": namespace}],
        )["Credentials"]
        named = {"Token": said["SessionToken"], "Expiration": said["Expiration"].isoformat()}
        key.update({name: said[name] for name in ("AccessKeyId", "SecretAccessKey")} | named)
        gate.asked.clear()
        wish = Wish("www.example.com", "https://ca.example.com/dir")
        wish = wish.by_record(zone or proving.zone, "", wildcard=False)
        kube: Any = None
        found = open_zone(kube, namespace, wish, threading.Event())
        assert isinstance(found, HostedZone)
        return found

    with listening(Agent) as port:
        monkeypatch.setenv(URL, f"http://127.0.0.1:{port}/v1/credentials")
        monkeypatch.setenv(TOKEN, str(tmp_path / "token"))
        yield begin


def test_the_pilots_own_client_proves_names_by_the_rights_that_up_writes_and_needs_all_of_them(
    aws: Aws, gate: Gate, proving: Proving, opened: Open
) -> None:
    zone, place = opened(), f"_acme-challenge.{proving.names[0]}"
    proof = Publishing(lambda: zone, lambda: True, threading.Event())
    both = [Exhibit(proving.names[0], place, "first"), Exhibit(proving.names[0], place, "second")]
    more = Exhibit(proving.names[1], f"_acme-challenge.{proving.names[1]}", "third")
    assert proof.show([*both, more]) == ""
    assert values(aws, zone.hosted, place) == ['"first"', '"second"']
    assert values(aws, zone.hosted, more.place) == ['"third"']
    proof.clear()
    assert values(aws, zone.hosted, place) == values(aws, zone.hosted, more.place) == []
    assert set(gate.asked) == {f"route53:{each}" for each in CALLS}
    rights = Rights("shop", proving, zone.hosted).document("aws")
    assert {each["Action"] for each in rights["Statement"]} == set(gate.asked)


def test_they_allow_nothing_else(aws: Aws, proving: Proving, opened: Open) -> None:
    zone, name = opened(), proving.names[0]
    theirs = zone_of(aws, f"{uuid4().hex[:12]}.example.com")
    wrong = [
        Records(f"_acme-challenge.other.{proving.zone}", "TXT", 30, ('"theirs"',)),
        Records(f"a._acme-challenge.{name}", "TXT", 30, ('"theirs"',)),
        Records(name, "TXT", 30, ('"theirs"',)),
        Records(f"_acme-challenge.{name}", "CNAME", 30, ("theirs.example.com.",)),
    ]
    for each in wrong:
        with pytest.raises(Refused, match="cannot be changed") as refused:
            zone.change([Change(Records(each.name, each.kind), each)])
        assert "not authorized to perform: route53:ChangeResourceRecordSets" in refused.value.why
    with pytest.raises(Refused, match="cannot be read"):
        replace(zone, hosted=theirs).read(f"_acme-challenge.{name}")
    allowed = Records(f"_acme-challenge.{name}", "TXT", 30, ('"ours"',))
    with pytest.raises(Refused, match="cannot be changed"):
        replace(zone, hosted=theirs).change([Change(replace(allowed, values=()), allowed)])
    with pytest.raises(Refused, match="cannot be looked for"):
        opened("bank")
    with pytest.raises(NotFound, match="no public hosted zone"):
        opened(zone=f"{uuid4().hex[:12]}.example.com")


def test_a_key_that_is_not_taken_is_told(opened: Open, gate: Gate) -> None:
    zone = opened()
    gate.owners.clear()
    with pytest.raises(Refused, match="cannot be read") as refused:
        zone.read("www.example.com")
    assert refused.value.why.startswith("InvalidClientTokenId: ")


def clusters_of(cloud: Cloud, proving: Proving | None) -> EksClusters:
    return EksClusters(cloud, images=IMAGES, proving=proving)


def changes(clusters: EksClusters) -> dict[str, Verb]:
    return {each.step: each.verb for each in clusters.propose("shop", 2, "").changes}


@pytest.mark.usefixtures("rehearsal")
def test_they_come_with_the_wish_change_with_the_names_and_go_with_it(shop: Shop, aws: Aws) -> None:
    """Killed after any call it goes on; other systems of the cluster keep theirs."""
    region, domain = shop.clusters.cloud.region, f"{uuid4().hex[:12]}.example.com"
    cloud = Cloud.open(region)
    zone_of(aws, domain)
    one = Proving("house", domain, (f"www.{domain}",))
    calls, first = Calls(cloud.session), clusters_of(cloud, one)
    account = f"pod-identity/{PILOT}/house"
    assert changes(first) == dict.fromkeys(("role/pilot", "rights/house", account), Verb.CREATE)
    assert killed_at_every_call(calls, lambda: first.create("shop", 2, "", silent)) == 3
    assert changes(first) == {}
    held = aws.regions[region].pods["shop", "house-pilot"]
    assert held["roleArn"].endswith(f":role/{role_name(region, 'shop', PILOT)}")
    assert (held["namespace"], held["serviceAccount"]) == ("house", "pilot")
    both = clusters_of(cloud, replace(one, names=(*one.names, domain)))
    assert changes(both) == {"rights/house": Verb.UPDATE}
    both.create("shop", 2, "", silent)
    assert changes(both) == {}
    for others in (None, Proving("bank")):
        assert changes(clusters_of(cloud, others)) == {}
    without = clusters_of(cloud, Proving("house"))
    assert changes(without) == {account: Verb.DELETE, "rights/house": Verb.DELETE}
    without.create("shop", 2, "", silent)
    assert changes(without) == {}
    first.create("shop", 2, "", silent)
    ground = EksGround(first, "shop", Wanted((2, 2), ""))
    ground.let_go(silent)
    assert changes(first) == {}
    ground.let_go(silent, leaving=True)
    assert changes(first) == dict.fromkeys(("rights/house", account), Verb.CREATE)
    client(aws, "iam", region).delete_role(RoleName=role_name(region, "shop", PILOT))


@pytest.mark.usefixtures("rehearsal")
def test_a_zone_that_is_not_there_is_told_before_anything_is_made(shop: Shop) -> None:
    with pytest.raises(NotFound, match=r"no public hosted zone none\.example\.com"):
        changes(
            clusters_of(shop.clusters.cloud, Proving("house", "none.example.com", ("www.none.example.com",)))
        )
