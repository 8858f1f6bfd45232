"""The public name moves there and back at a real server, whoever and whatever comes in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from scripts.benchmark.names import KEY, NAME, ZONE, Knot, Side, free_port
from seaway.errors import Conflict, Refused, SeawayError, Unreachable, Unready
from seaway.flow.domain import back, domain_status, look, move
from seaway.kit import dns
from seaway.kit.dns import Change, Records, ask
from seaway.kit.servers import NameServer
from seaway.ports.dns import Dns
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.domain.course import Stage
from seaway.rooms.domain.outside import complaint
from tests.flow.names import HOLD, OLD, WISH, Killed, Place, place

TARGET = WISH.target
ALIAS = (Records(NAME, "CNAME", 300, ("old.example.com.",)),)
OURS = '"heritage=external-dns,external-dns/owner=seaway-shop,external-dns/resource=gateway/shop/edge'
FOREIGN = '"heritage=external-dns,external-dns/owner=blue,external-dns/resource=ingress/shop/web"'


@pytest.fixture
def there(knot: Knot, tmp_path: Path) -> Iterator[Place]:
    """A name that leads to the old server, and is nobody's."""
    knot.put(ZONE, *OLD)
    with place(knot, tmp_path) as found:
        yield found


def serial(knot: Knot) -> str:
    """The zone's serial number: every change of it raises it (RFC 2136, 3.7)."""
    return ask(knot.server, ZONE, "SOA").values[0].split()[2]


def texts(knot: Knot) -> list[str]:
    return [v for kind in ("a", "aaaa", "cname") for v in ask(knot.server, f"{kind}-{NAME}", "TXT").values]


@pytest.mark.parametrize("old", [OLD, ALIAS, ()], ids=["addresses", "alias", "nothing"])
def test_it_moves_there_and_back_and_is_what_it_was(
    knot: Knot, tmp_path: Path, old: tuple[Records, ...]
) -> None:
    if old:
        knot.put(ZONE, *old)
    with place(knot, tmp_path) as there:
        moved = move(there.here, adopt=bool(old))
        assert (moved.leads, moved.stage, moved.ours) == ("gateway", Stage.MOVED, True)
        assert moved.held.records == TARGET
        assert [each.split()[-1] for each in moved.earlier] == [each.values[-1] for each in old]
        assert moved.problems == ()
        # the old TTL, that of the move, and the watch over it
        assert there.clock.waited >= max([0, *(each.ttl for each in old)]) + HOLD
        returned = back(there.here)
        assert returned.held.records == old
        assert returned.leads == ("old server" if old else "nowhere")
        assert [text[: len(OURS)] for text in texts(knot)] == [OURS] * len(old)
        assert move(there.here, adopt=False).leads == "gateway"


def test_the_second_time_nothing_is_changed_or_waited_for(there: Place, knot: Knot) -> None:
    move(there.here, adopt=True)
    before, waited = serial(knot), there.clock.waited
    assert move(there.here, adopt=False).leads == "gateway"
    assert (serial(knot), there.clock.waited) == (before, waited)
    back(there.here)
    before, waited = serial(knot), there.clock.waited
    assert back(there.here).held.records == OLD
    assert (serial(knot), there.clock.waited) == (before, waited)


def test_another_ttl_in_the_file_is_all_that_changes(there: Place) -> None:
    move(there.here, adopt=True)
    longer = replace(there.here, wish=replace(WISH, ttl=7200))
    assert move(longer, adopt=False).held.ttl == 7200
    assert back(longer).held.records == OLD


def test_a_low_ttl_needs_no_lowering(knot: Knot, tmp_path: Path) -> None:
    knot.put(ZONE, replace(OLD[0], ttl=30))
    with place(knot, tmp_path) as there:
        move(there.here, adopt=True)
        assert "lower the TTL" not in there.told
        assert back(there.here).held.ttl == 30


def test_what_is_nobodys_is_not_changed_without_a_word(there: Place, knot: Knot) -> None:
    before = serial(knot)
    with pytest.raises(Refused, match="is nobody's yet") as found:
        move(there.here, adopt=False)
    assert "--adopt" in found.value.remedy
    assert "192.0.2.1" in found.value.where
    assert serial(knot) == before


@pytest.mark.parametrize("at", [f"a-{NAME}", f"aaaa-{NAME}", NAME])
def test_what_is_another_owners_is_never_changed(there: Place, knot: Knot, at: str) -> None:
    knot.put(ZONE, Records(at, "TXT", 300, (FOREIGN,)))
    before = serial(knot)
    for adopt in (True, False):
        with pytest.raises(Refused, match="is not ours: it is owned by blue"):
            move(there.here, adopt=adopt)
    assert serial(knot) == before
    status = domain_status(there.here)
    assert (status.owner, status.ours) == ("blue", False)
    assert "it is owned by blue" in status.problems


def test_another_text_at_the_owners_place_is_not_overwritten(there: Place, knot: Knot) -> None:
    knot.put(ZONE, Records(f"a-{NAME}", "TXT", 300, ('"somebody\'s"',)))
    with pytest.raises(Refused, match="is owned by a-www"):
        move(there.here, adopt=True)
    assert look(there.here).records == OLD


def test_who_takes_it_over_in_the_meantime_keeps_it(there: Place, knot: Knot) -> None:
    move(there.here, adopt=True)
    knot.put(ZONE, *(Records(f"{kind}-{NAME}", "TXT", 300, (FOREIGN,)) for kind in ("a",)))
    for verb in (back, lambda here: move(here, adopt=True)):
        with pytest.raises(Refused, match="is owned by blue"):
            verb(there.here)
    assert look(there.here).records == TARGET


def test_nothing_moves_to_a_gateway_that_does_not_serve_it(there: Place, knot: Knot, tmp_path: Path) -> None:
    before = serial(knot)
    there.side.silent = True
    with pytest.raises(Refused, match="the gateway does not serve www"):
        move(there.here, adopt=True)
    there.side.silent = False
    stranger = LocalCertificates(tmp_path / "stranger")
    stranger.issue(NAME)
    untrusted = replace(there.here.gateway, ca=stranger.authority_path())
    with pytest.raises(Refused, match="the gateway does not serve www") as found:
        move(replace(there.here, gateway=untrusted), adopt=True)
    assert "CERTIFICATE_VERIFY_FAILED" in found.value.why
    assert serial(knot) == before


def test_a_certificate_for_another_name_does_not_fit(there: Place, tmp_path: Path) -> None:
    port = free_port()
    with Side("127.0.0.4", port, "other.test", there.authority, tmp_path).serving():
        gateway = replace(there.here.gateway, to=("127.0.0.4",), port=port)
        assert "Hostname mismatch" in complaint(gateway, NAME)
        assert complaint(gateway, "other.test") == ""


def test_a_name_that_is_not_delegated_stays(there: Place, knot: Knot, tmp_path: Path) -> None:
    before = serial(knot)
    with Knot(tmp_path / "above", {"test": ""}) as above:
        undelegated = replace(there.here, resolvers=(above.server,))
        with pytest.raises(Refused, match="no resolver knows the zone"):
            move(undelegated, adopt=True)
        assert any("not delegated yet" in each for each in domain_status(undelegated).problems)
    assert serial(knot) == before


def test_a_zone_that_visitors_are_not_told_of_stays(there: Place, tmp_path: Path) -> None:
    """The zone is delegated to other servers, which have other records."""
    with Knot(tmp_path / "others", {ZONE: "www 60 A 198.51.100.1\n"}) as others:
        elsewhere = replace(there.here, resolvers=(others.server,))
        with pytest.raises(Refused, match="otherwise than zone"):
            move(elsewhere, adopt=True)
    assert look(there.here).records == OLD


def test_without_any_resolver_nothing_moves(there: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "PATIENCE", 0.5)
    nobody = NameServer("127.0.0.1", free_port())
    with pytest.raises(Unreachable, match="no resolver answers"):
        move(replace(there.here, resolvers=(nobody,)), adopt=True)
    both = replace(there.here, resolvers=(nobody, *there.here.resolvers))
    assert move(both, adopt=True).leads == "gateway"
    assert any("says nothing" in each for each in domain_status(both).problems)


def test_resolvers_that_do_not_follow_are_named(there: Place, tmp_path: Path) -> None:
    with Knot(tmp_path / "stale", {ZONE: "www 60 A 192.0.2.1\n"}) as stale:
        late = replace(there.here, resolvers=(*there.here.resolvers, stale.server))
        with pytest.raises(Unready, match=f"127.0.0.1:{stale.server.port} still leads"):
            move(late, adopt=True)
        assert domain_status(late).leads == "gateway"
    assert back(there.here).held.records == OLD


@pytest.mark.parametrize("wait", [1, 400, 722, 735, 738])
def test_an_interrupted_move_goes_on(there: Place, wait: int) -> None:
    """Ended while the old TTL runs out, while resolvers follow, or while the gateway is watched."""
    there.clock.deadly = wait
    with pytest.raises(Killed):
        move(there.here, adopt=True)
    there.clock.deadly = 0
    done = move(there.here, adopt=False)
    assert done.held.records == TARGET
    # the TTL is waited for once, whenever the second run begins
    assert 3600 + HOLD <= there.clock.waited <= 3600 + 2 * 61 + HOLD + 10
    assert back(there.here).held.records == OLD


@dataclass(frozen=True)
class Between:
    """A zone in which something happens just before a change, by its number, or just after it."""

    dns: Dns
    before: dict[int, tuple[Knot, Records]]
    deadly: int = 0
    made: list[int] = field(default_factory=list)

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
        self.made.append(len(changes))
        if theirs := self.before.get(len(self.made)):
            theirs[0].put(ZONE, theirs[1])
        self.dns.change(changes)
        if len(self.made) == self.deadly:
            raise Killed


@pytest.mark.parametrize("change", [1, 2])
def test_a_run_killed_after_a_change_goes_on(there: Place, change: int) -> None:
    with pytest.raises(Killed):
        move(replace(there.here, dns=Between(there.here.dns, {}, change)), adopt=True)
    assert move(there.here, adopt=False).held.records == TARGET
    with pytest.raises(Killed):
        back(replace(there.here, dns=Between(there.here.dns, {}, 1)))
    assert back(there.here).held.records == OLD


@pytest.mark.parametrize("change", [1, 2])
@pytest.mark.parametrize(
    "theirs", [Records(NAME, "A", 60, ("198.51.100.1",)), Records(f"a-{NAME}", "TXT", 60, (FOREIGN,))]
)
def test_a_change_by_somebody_else_in_between_is_kept(
    there: Place, knot: Knot, change: int, theirs: Records
) -> None:
    with pytest.raises(Conflict, match="somebody else changed"):
        move(replace(there.here, dns=Between(there.here.dns, {change: (knot, theirs)})), adopt=True)
    assert ask(knot.server, theirs.name, theirs.kind) == theirs


def test_back_before_it_was_pointed_gives_the_ttl_back_and_waits_for_nothing(there: Place) -> None:
    there.clock.deadly = 3
    with pytest.raises(Killed):
        move(there.here, adopt=True)
    there.clock.deadly, waited = 0, there.clock.waited
    assert domain_status(there.here).stage is Stage.LOWERED
    assert look(there.here).ttl == 60
    assert back(there.here).held.records == OLD
    assert there.clock.waited == waited


def test_an_interrupted_way_back_goes_on_waiting(there: Place) -> None:
    move(there.here, adopt=True)
    before, there.clock.deadly = there.clock.waited, there.clock.waits + 3
    with pytest.raises(Killed):
        back(there.here)
    there.clock.deadly = 0
    assert back(there.here).held.records == OLD
    assert 61 <= there.clock.waited - before <= 61 + 5
    assert back(there.here).held.records == OLD
    assert there.clock.waited - before <= 61 + 5


def test_a_gateway_that_fails_while_it_is_watched_loses_the_name(there: Place) -> None:
    def pause(seconds: float) -> None:
        there.clock.pause(seconds)
        there.side.silent = "watch the gateway" in there.told

    with pytest.raises(SeawayError, match="leads where it led before"):
        move(replace(there.here, pause=pause), adopt=True)
    assert look(there.here).records == OLD


def test_a_certificate_that_lapses_while_the_ttl_runs_out_keeps_the_name_where_it_is(there: Place) -> None:
    def pause(seconds: float) -> None:
        there.clock.pause(seconds)
        there.side.silent = True

    with pytest.raises(Refused, match="the gateway does not serve"):
        move(replace(there.here, pause=pause), adopt=True)
    assert domain_status(there.here).stage is Stage.LOWERED


def test_the_earlier_record_outlives_a_gateway_of_another_address(there: Place, tmp_path: Path) -> None:
    """The way back does not lead to the gateway that was before."""
    move(there.here, adopt=True)
    with Side("127.0.0.5", there.here.gateway.port, NAME, there.authority, tmp_path).serving():
        to = ("127.0.0.5",)
        other = replace(there.here, wish=replace(WISH, to=to), gateway=replace(there.here.gateway, to=to))
        assert move(other, adopt=False).leads == "gateway"
        assert back(other).held.records == OLD


def test_where_it_led_is_not_guessed(knot: Knot, tmp_path: Path) -> None:
    """Somebody led it to the gateway by hand: there is no way back that is known."""
    knot.put(ZONE, *TARGET)
    with place(knot, tmp_path) as there:
        with pytest.raises(Refused, match="is nobody's yet"):
            back(there.here)
        assert move(there.here, adopt=True).ours
        with pytest.raises(Refused, match="not known where"):
            back(there.here)
    assert ask(knot.server, NAME, "A") == TARGET[0]


def test_who_answers_everybody_alike_moves_by_no_weight(there: Place, knot: Knot) -> None:
    before = serial(knot)
    with pytest.raises(Refused, match="cannot move by a weight") as found:
        move(there.here, adopt=True, weight=10)
    assert "without --weight" in found.value.remedy
    assert serial(knot) == before


def test_a_wrong_key_changes_nothing(there: Place) -> None:
    wrong = replace(there.here.dns, key=replace(KEY, secret=b"x" * 32))  # type: ignore[type-var]
    with pytest.raises(Refused, match="does not take the signature"):
        move(replace(there.here, dns=wrong), adopt=True)
    assert look(there.here).records == OLD
