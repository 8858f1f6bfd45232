"""Proofs in a real zone (Knot): beside what others have there, seen by its servers, and taken away again."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.benchmark.api_server import api_server
from scripts.benchmark.names import KEY, POOR_KEY, Knot
from seaway.errors import NotFound
from seaway.kit import dns
from seaway.kit.dns import Records, ask
from seaway.kit.servers import NameServer
from seaway.pilot.publishing import Publishing, open_zone
from seaway.providers.dns.rfc2136 import Rfc2136
from seaway.rooms.acme.challenge import Exhibit
from seaway.rooms.acme.wish import Wish

DOMAIN = "www.shop.test"
PLACE = f"_acme-challenge.{DOMAIN}"
#: The name and its wildcard are proved at one place.
TWO = [Exhibit(DOMAIN, PLACE, "first"), Exhibit(DOMAIN, PLACE, "second")]
OTHERS = Records(PLACE, "TXT", 60, ('"another client\'s"',))


@dataclass(frozen=True)
class Zone(Rfc2136):
    """The zone, whose servers are those that a test names."""

    named: tuple[NameServer, ...] = ()
    before: Callable[[], None] = lambda: None

    def servers(self) -> tuple[NameServer, ...]:
        return self.named or (self.server,)

    def change(self, changes: object) -> None:
        self.before()
        super().change(changes)  # type: ignore[arg-type]


@pytest.fixture
def zone(knot: Knot) -> Zone:
    return Zone("shop.test", knot.server, KEY)


def publishing(zone: Rfc2136, stop: threading.Event | None = None) -> Publishing:
    return Publishing(lambda: zone, lambda: True, stop or threading.Event())


def values(knot: Knot) -> set[str]:
    return set(ask(knot.server, PLACE, "TXT").values)


def test_proofs_of_a_name_and_its_wildcard_are_there_together_and_go_together(zone: Zone, knot: Knot) -> None:
    proof = publishing(zone)
    assert proof.show(TWO) == ""
    assert values(knot) == {'"first"', '"second"'}
    proof.clear()
    assert values(knot) == set()


def test_what_another_client_proves_there_stays(zone: Zone, knot: Knot) -> None:
    knot.put("shop.test", OTHERS)
    proof = publishing(zone)
    assert proof.show(TWO) == ""
    assert values(knot) == {'"first"', '"second"', *OTHERS.values}
    proof.clear()
    assert values(knot) == set(OTHERS.values)


def test_who_changes_the_place_in_between_loses_nothing(knot: Knot) -> None:
    """The zone takes a change only over what was read; it is read again, and changed again."""
    others = iter([OTHERS])

    def before() -> None:
        for each in others:
            knot.put("shop.test", each)
            return

    assert publishing(Zone("shop.test", knot.server, KEY, before=before)).show(TWO) == ""
    assert values(knot) == {'"first"', '"second"', *OTHERS.values}


def test_an_alias_is_anothers_and_is_left_alone(zone: Zone, knot: Knot) -> None:
    alias = Records(PLACE, "CNAME", 60, ("acme.example.net.",))
    knot.put("shop.test", alias)
    proof = publishing(zone)
    assert proof.show(TWO) == f"{PLACE} is an alias of acme.example.net., which is another's to change"
    proof.clear()
    assert ask(knot.server, PLACE, "CNAME") == alias


def test_a_server_of_the_zone_that_is_late_is_waited_for(knot: Knot, tmp_path: Path) -> None:
    with Knot(tmp_path / "second", {"shop.test": ""}) as second:
        late = publishing(Zone("shop.test", knot.server, KEY, (knot.server, second.server)))
        copied = threading.Timer(
            0.3, second.put, ("shop.test", Records(PLACE, "TXT", 30, ('"first"', '"second"')))
        )
        copied.start()
        assert late.show(TWO) == ""
        copied.join()
        assert set(ask(second.server, PLACE, "TXT").values) == {'"first"', '"second"'}


def test_a_server_that_never_has_it_is_named(knot: Knot, tmp_path: Path) -> None:
    stop = threading.Event()
    with Knot(tmp_path / "second", {"shop.test": ""}) as second:
        stop.set()
        why = publishing(Zone("shop.test", knot.server, KEY, (second.server,)), stop).show(TWO)
        assert why == f"the server {second.server} of the zone shop.test does not have the proof yet"


def test_a_server_of_the_zone_that_does_not_answer_from_here_is_not_waited_for(
    knot: Knot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns, "PATIENCE", 0.05)
    nobody = NameServer("127.0.0.1", 9)
    assert publishing(Zone("shop.test", knot.server, KEY, (nobody, knot.server))).show(TWO) == ""


@pytest.mark.parametrize(
    ("hand", "why"),
    [
        (lambda knot: knot.stop(), "does not answer"),
        (lambda _: None, "does not take the signature"),
    ],
    ids=["away", "refuses"],
)
def test_a_zone_that_cannot_be_changed_now_is_told_and_nothing_is_raised(
    knot: Knot, monkeypatch: pytest.MonkeyPatch, hand: Callable[[Knot], None], why: str
) -> None:
    monkeypatch.setattr(dns, "PATIENCE", 0.05)
    hand(knot)
    proof = publishing(Rfc2136("shop.test", knot.server, POOR_KEY))
    assert why in proof.show(TWO)
    proof.clear()


def test_who_no_longer_leads_changes_nothing(zone: Zone, knot: Knot) -> None:
    proof = Publishing(lambda: zone, lambda: False, threading.Event())
    assert proof.show(TWO) == "another pilot leads, or nobody may at this moment"
    proof.clear()
    assert values(knot) == set()


@pytest.mark.parametrize("key", [None, "", "garbage", f"hmac-md5:x:{b64encode(b'x').decode()}"])
def test_a_key_that_is_lost_or_broken_is_asked_for(key: str | None) -> None:
    wish = Wish(DOMAIN, "https://ca.example.com/dir").by_record("shop.test", "127.0.0.1:53", wildcard=True)
    with api_server() as (kube, _):
        if key is not None:
            meta = {"name": "acme-dns-key", "namespace": "shop"}
            data = {"key": b64encode(key.encode()).decode()}
            kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})
        with pytest.raises(NotFound, match="holds no key of the zone"):
            open_zone(kube, "shop", wish, threading.Event())


def test_the_servers_of_a_zone_are_those_that_it_names(zone: Zone) -> None:
    assert Rfc2136.servers(zone) == (NameServer("ns.shop.test"),)
