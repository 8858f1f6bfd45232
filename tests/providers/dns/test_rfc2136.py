"""Changes of a zone at a real server, and its noes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.benchmark.names import KEY, POOR_KEY, Knot, free_port, secret_of
from seaway.errors import Conflict, Refused, Unreachable, UsageError
from seaway.kit.dns import Change, Key, Records, ask, resolve
from seaway.kit.servers import NameServer
from seaway.providers.dns.rfc2136 import Rfc2136, load_key

NAME = "www.shop.test"
A = Records(NAME, "A", 3600, ("192.0.2.1", "192.0.2.2"))
AAAA = Records(NAME, "AAAA", 3600, ("2001:db8::1",))
ALIAS = Records(NAME, "CNAME", 60, ("gateway.example.com.",))
TEXT = Records(f"a-{NAME}", "TXT", 300, ('"heritage=external-dns,external-dns/owner=us" "and a second"',))
SECRET = secret_of(KEY)


def none(like: Records) -> Records:
    return Records(like.name, like.kind)


@pytest.fixture
def zone(knot: Knot) -> Rfc2136:
    return Rfc2136("shop.test", knot.server, KEY)


def test_what_is_put_there_is_read_with_its_ttl_and_taken_away_again(zone: Rfc2136) -> None:
    assert zone.read(NAME) == ()
    zone.change([Change(none(A), A), Change(none(AAAA), AAAA), Change(none(TEXT), TEXT)])
    assert zone.read(NAME) == (A, AAAA)
    assert zone.read(TEXT.name) == (TEXT,)
    shorter = replace(A, ttl=1)
    zone.change([Change(A, shorter)])
    assert zone.read(NAME) == (shorter, AAAA)
    zone.change([Change(shorter, none(A)), Change(AAAA, none(AAAA)), Change(none(ALIAS), ALIAS)])
    assert zone.read(NAME) == (ALIAS,)
    zone.change([Change(ALIAS, none(ALIAS)), Change(none(A), A)])
    assert zone.read(NAME) == (A,)


def test_a_change_is_made_whole_or_not_at_all(zone: Rfc2136, knot: Knot) -> None:
    zone.change([Change(none(A), A), Change(none(TEXT), TEXT)])
    knot.put("shop.test", theirs := replace(A, values=("198.51.100.9",)))
    mine = replace(A, values=("203.0.113.7",))
    for changes in (
        [Change(TEXT, none(TEXT)), Change(A, mine)],  # another value by now
        [Change(TEXT, none(TEXT)), Change(none(A), mine)],  # there by now
        [Change(theirs, mine), Change(AAAA, none(AAAA))],  # gone by now
        [Change(theirs, mine), Change(none(TEXT), none(TEXT))],  # nothing of ours, and yet there
    ):
        with pytest.raises(Conflict, match="somebody else changed"):
            zone.change(changes)
        assert zone.read(NAME) == (theirs,)
        assert zone.read(TEXT.name) == (TEXT,)


@pytest.mark.parametrize("key", [replace(KEY, secret=b"x" * 32), replace(KEY, name="nobody")])
def test_a_wrong_key_is_told_at_the_first_question(zone: Rfc2136, key: Key) -> None:
    wrong = replace(zone, key=key)
    with pytest.raises(Refused, match="does not take the signature") as found:
        wrong.read(NAME)
    assert SECRET not in "".join(found.value.lines())
    with pytest.raises(Refused, match="does not take the signature"):
        wrong.change([Change(none(A), A)])
    assert zone.read(NAME) == ()


def test_a_key_that_may_not_change_the_zone_is_told(zone: Rfc2136) -> None:
    poor = replace(zone, key=POOR_KEY)
    with pytest.raises(Refused):
        poor.change([Change(none(A), A)])
    assert zone.read(NAME) == ()


def test_a_server_that_is_away_is_told_and_may_come_back(zone: Rfc2136, knot: Knot) -> None:
    zone.change([Change(none(A), A)])
    knot.stop()
    with pytest.raises(Unreachable, match=f"127.0.0.1:{knot.server.port} does not answer"):
        zone.change([Change(A, none(A))])
    knot.start()
    assert zone.read(NAME) == (A,)


def test_a_zone_that_the_server_does_not_keep_is_refused(zone: Rfc2136) -> None:
    with pytest.raises(Refused, match="cannot be taken"):
        zone.read("www.other.example")
    with pytest.raises(Refused, match="cannot be taken"):
        replace(zone, zone="other.example").change([Change(none(A), replace(A, name="www.other.example"))])


def test_a_resolver_follows_aliases_and_knows_when_there_is_nothing(zone: Rfc2136, knot: Knot) -> None:
    gateway = Records("gateway.shop.test", "A", 60, ("203.0.113.7",))
    alias = replace(ALIAS, values=("gateway.shop.test.",))
    zone.change([Change(none(alias), alias), Change(none(gateway), gateway)])
    assert resolve(knot.server, NAME, "A").values == ("203.0.113.7",)
    assert resolve(knot.server, NAME, "AAAA").values == ()
    assert resolve(knot.server, "none.shop.test", "A").values == ()
    assert ask(knot.server, NAME, "A").values == ()


def test_no_server_at_all_is_told() -> None:
    with pytest.raises(Unreachable, match="does not answer"):
        ask(NameServer("name.invalid", free_port()), NAME, "A")


CLAUSE = f'key "seaway" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n'


@pytest.mark.parametrize(
    "text", [f"hmac-sha256:seaway:{SECRET}", f"# hmac-sha256:seaway:{SECRET}\nkey:\n", CLAUSE]
)
def test_a_key_comes_from_the_environment_or_a_file(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAWAY_SECRET_DNS_KEY", text)
    (tmp_path / "dns.key").write_text(text)
    for named in ("dns-key", "./dns.key"):
        found = load_key(named, tmp_path)
        assert found == KEY
        assert repr(found) == "seaway"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SECRET, "neither"),
        (f"hmac-md5:seaway:{SECRET}", "algorithm is none of"),
        ("hmac-sha256:seaway:not*base64", "no base64"),
    ],
)
def test_a_key_of_no_use_is_told_without_its_secret(
    text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAWAY_SECRET_DNS_KEY", text)
    with pytest.raises(UsageError, match="dns-key is no key") as found:
        load_key("dns-key", tmp_path)
    assert why in found.value.why
    assert text.rpartition(":")[2] not in "".join(found.value.lines())


def test_a_key_that_is_not_given_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEAWAY_SECRET_DNS_KEY", raising=False)
    with pytest.raises(UsageError, match="is not given") as found:
        load_key("dns-key", tmp_path)
    assert "SEAWAY_SECRET_DNS_KEY" in found.value.remedy
    with pytest.raises(UsageError, match="cannot be read"):
        load_key("./none.key", tmp_path)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("ns1.example.com", "ns1.example.com", 53),
        ("192.0.2.1:5353", "192.0.2.1", 5353),
        ("2001:db8::1", "2001:db8::1", 53),
        ("[2001:db8::1]:5353", "2001:db8::1", 5353),
    ],
)
def test_servers_are_read_as_people_write_them(text: str, host: str, port: int) -> None:
    assert NameServer.parse(text) == NameServer(host, port)
    assert str(NameServer.parse(text)) == text


@pytest.mark.parametrize("text", ["", "a b", "ns1:0", "ns1:70000", "http://ns1", "ns1:port"])
def test_what_is_no_server_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no server"):
        NameServer.parse(text)
