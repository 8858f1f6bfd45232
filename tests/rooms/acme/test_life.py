"""The life of a certificate over months, by a clock that is moved by hand: nothing here waits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.model.certificate import Certificate
from seaway.rooms.acme.life import (
    ASK_ANEW,
    ASK_LATEST,
    ASK_SOONEST,
    DAY,
    HOUR,
    WEEK,
    Ask,
    Failure,
    Kind,
    Life,
    Order,
    Wait,
    asked,
    begun,
    failed,
    passed,
    renewal,
    settled,
    turn,
    unanswered,
    warning,
)
from seaway.rooms.acme.wish import Wish

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WISH = Wish("shop.example", "https://acme.example/directory")
CAREFUL = replace(WISH, staging="https://staging.example/directory")
Says = Callable[[datetime], Kind | None]


def certificate(since: datetime = NOW, life: timedelta = 90 * DAY, serial: int = 1) -> Certificate:
    return Certificate((WISH.domain,), "An authority", since, since + life, serial)


@dataclass
class Pilot:
    """Does what the turns say, against a server that `says` at each moment how it fails, or None.

    The life goes through JSON at every turn, as it does in the cluster.
    """

    says: Says = lambda _: None
    life_of: timedelta = 90 * DAY
    wish: Wish = WISH
    suggests: Callable[[Certificate], tuple[datetime, datetime] | None] = lambda _: None
    now: datetime = NOW
    held: Certificate | None = None
    life: Life = field(default_factory=Life)
    orders: list[tuple[datetime, str, Kind | None]] = field(default_factory=list)
    warned: list[tuple[datetime, str]] = field(default_factory=list)

    def run(self, span: timedelta) -> None:
        ends = self.now + span
        while self.now < ends:
            assert self.held is None or self.held.until > self.now, f"it lapsed on {self.now}"
            does = turn(self.life, self.wish, self.held, self.now)
            if isinstance(does, Wait):
                assert does.until > self.now
                self.now = min(does.until, ends)
            else:
                self.life = self._does(does)
            if said := warning(self.life, self.held, self.now):
                self.warned.append((self.now, said))
                self.life = replace(self.life, told=self.now)
            self.life = Life.from_json(json.loads(json.dumps(self.life.as_json())))

    def _does(self, does: Ask | Order) -> Life:
        self.now += timedelta(seconds=5)
        life, fails = settled(self.life, self.wish), self.says(self.now)
        if isinstance(does, Ask):
            assert self.held
            if fails is Kind.AWAY:
                return unanswered(life, self.held, self.now)
            return asked(life, self.held, self.suggests(self.held), None, self.now)
        self.orders.append((self.now, does.directory, fails))
        if fails:
            return failed(life, Failure(fails, "it said no", self.now))
        if not does.rehearsal:
            self.held = certificate(self.now, self.life_of, len(self.orders))
        return passed(life, self.now, rehearsal=does.rehearsal)

    @property
    def signed(self) -> list[datetime]:
        return [at for at, _, fails in self.orders if fails is None]


def test_it_is_ordered_at_once_and_renewed_after_two_thirds_of_its_life() -> None:
    pilot = Pilot()
    pilot.run(200 * DAY)
    assert [round((at - NOW) / DAY) for at in pilot.signed] == [0, 60, 120, 180]
    assert pilot.warned == []


def test_certificates_of_six_days_are_renewed_every_four() -> None:
    pilot = Pilot(life_of=6 * DAY)
    pilot.run(40 * DAY)
    assert [round((at - NOW) / DAY) for at in pilot.signed] == list(range(0, 40, 4))
    assert pilot.warned == []


def test_the_window_that_the_server_suggests_decides() -> None:
    def suggests(held: Certificate) -> tuple[datetime, datetime]:
        return held.since + 30 * DAY, held.since + 32 * DAY

    pilot = Pilot(suggests=suggests)
    pilot.run(100 * DAY)
    apart = [(b - a) / DAY for a, b in zip(pilot.signed, pilot.signed[1:], strict=False)]
    assert len(apart) == 3
    assert all(30 <= days <= 32 + 1 for days in apart)
    assert len({round(days, 4) for days in apart}) == 3  # another moment for each certificate


def test_a_window_that_has_come_in_between_is_seen_within_hours() -> None:
    """The server will revoke it: the window that it suggests is over already (RFC 9773, 4.2)."""
    revoked = NOW + 10 * DAY
    pilot = Pilot()
    pilot.suggests = lambda held: (
        (revoked - 2 * HOUR, revoked - HOUR) if held.serial == 1 and pilot.now > revoked else None
    )
    pilot.run(20 * DAY)
    assert len(pilot.signed) == 2
    assert revoked < pilot.signed[1] < revoked + 7 * HOUR


@pytest.mark.parametrize(
    ("start", "end"),
    [(80, 95), (100, 120), (40, 40), (41, 40)],
    ids=["late", "after its end", "empty", "back"],
)
def test_a_window_that_would_let_it_lapse_is_none(start: int, end: int) -> None:
    held = replace(certificate(), serial=7)
    life = asked(Life(mark=WISH.mark), held, (NOW + start * DAY, NOW + end * DAY), None, NOW)
    assert renewal(held, life.window) <= held.until - 7 * DAY
    assert renewal(held, None) == NOW + 60 * DAY


def test_what_was_said_of_another_certificate_does_not_count() -> None:
    life = asked(Life(mark=WISH.mark), certificate(serial=1), (NOW, NOW + DAY), None, NOW)
    assert turn(life, WISH, certificate(serial=2), NOW) == Ask("2")
    assert renewal(certificate(serial=2), life.window) == NOW + 60 * DAY


def test_a_server_that_does_not_say_leaves_what_it_said() -> None:
    held = certificate()
    life = asked(Life(mark=WISH.mark), held, (NOW + 3 * DAY, NOW + 4 * DAY), None, NOW)
    due, later = renewal(held, life.window), NOW + 7 * HOUR
    assert turn(life, WISH, held, later) == Ask("1")
    life = unanswered(life, held, later)
    assert renewal(held, life.window) == due
    assert turn(life, WISH, held, later) == Wait(later + ASK_ANEW, f"renewed from {due:%Y-%m-%dT%H:%M:%S}Z")


@pytest.mark.parametrize(
    ("says", "kept"),
    [(timedelta(seconds=1), ASK_SOONEST), (2 * HOUR, 2 * HOUR), (9 * DAY, ASK_LATEST), (None, 6 * HOUR)],
)
def test_the_server_says_how_long_its_window_holds_within_bounds(
    says: timedelta | None, kept: timedelta
) -> None:
    life = asked(Life(mark=WISH.mark), certificate(), None, says, NOW)
    assert life.window
    assert life.window.again == NOW + kept


def test_a_server_that_is_away_for_a_week_is_warned_of_and_the_certificate_served_on() -> None:
    """It goes away just before the renewal is due. The assertion that nothing lapses is in the pilot."""
    away, back = NOW + 59 * DAY, NOW + 66 * DAY
    pilot = Pilot(says=lambda now: Kind.AWAY if away <= now < back else None)
    pilot.run(80 * DAY)
    failures = [at for at, _, fails in pilot.orders if fails]
    assert len(pilot.signed) == 2
    assert back <= pilot.signed[1] < back + 70 * MINUTE  # found back within the longest pause
    assert failures[1] - failures[0] < 2 * MINUTE
    assert len(failures) < 24 * 7
    assert len(pilot.warned) == 6  # one a day
    assert pilot.warned[0][0] < away + 2 * DAY
    assert "the certificate ends on 2027-02-27" in pilot.warned[0][1]
    assert pilot.life.failures == 0


def test_a_server_that_is_away_from_the_start_is_found_when_it_comes() -> None:
    pilot = Pilot(says=lambda now: Kind.AWAY if now < NOW + 7 * DAY else None)
    pilot.run(8 * DAY)
    assert len(pilot.signed) == 1
    assert "visitors see the stand-in; a new one failed once: it said no" in pilot.warned[0][1]
    assert len(pilot.warned) == 7


def test_a_name_that_is_always_refused_is_tried_ever_more_rarely() -> None:
    pilot = Pilot(says=lambda _: Kind.REFUSED)
    pilot.run(30 * DAY)
    tries = [at for at, _, _ in pilot.orders]
    assert most_within(tries, HOUR) <= 4
    assert most_within(tries[8:], DAY) <= 2
    assert len(tries) < 70


def test_a_mistake_that_is_mended_is_noticed_within_half_a_day() -> None:
    pilot = Pilot(says=lambda now: Kind.REFUSED if now < NOW + 10 * DAY else None)
    pilot.run(11 * DAY)
    assert len(pilot.signed) == 1


def test_failures_of_other_kinds_in_between_do_not_exceed_what_may_be_refused() -> None:
    turns = iter(range(10**6))
    pilot = Pilot(says=lambda _: Kind.REFUSED if next(turns) % 2 else Kind.AWAY)
    pilot.run(2 * DAY)
    assert most_within([at for at, _, fails in pilot.orders if fails is Kind.REFUSED], HOUR) <= 4


def test_a_server_that_says_when_to_come_again_is_obeyed() -> None:
    failure = Failure(Kind.LIMITED, "too many", NOW, NOW + 34 * HOUR)
    does = turn(failed(Life(mark=WISH.mark), failure), WISH, None, NOW + 33 * HOUR)
    assert does == Wait(NOW + 34 * HOUR, "the last try failed: too many")
    absurd = failed(Life(mark=WISH.mark), replace(failure, again=NOW + 400 * DAY))
    assert absurd.not_before == NOW + WEEK


def test_a_certificate_that_is_lost_again_and_again_is_not_signed_more_often_than_the_limit() -> None:
    pilot = Pilot()
    for _ in range(14 * 24):
        pilot.held = None
        pilot.run(HOUR)
    assert most_within(pilot.signed, WEEK) <= 4
    assert len(pilot.signed) == 8


def test_a_rehearsal_comes_first_and_takes_what_fails() -> None:
    pilot = Pilot(says=lambda now: Kind.REFUSED if now < NOW + HOUR else None, wish=CAREFUL)
    pilot.run(DAY)
    assert {where for _, where, fails in pilot.orders if fails} == {CAREFUL.staging}
    assert [where for _, where, fails in pilot.orders if not fails] == [CAREFUL.staging, CAREFUL.directory]
    before, after = (at for at, _, fails in pilot.orders if not fails)
    assert after - before < MINUTE


def test_a_renewal_is_not_rehearsed_unless_it_is_refused() -> None:
    pilot = Pilot(
        says=lambda now: Kind.REFUSED if NOW + 60 * DAY < now < NOW + 61 * DAY else None, wish=CAREFUL
    )
    pilot.run(70 * DAY)
    later = [(where, fails) for at, where, fails in pilot.orders if at > NOW + DAY]
    assert later[0] == (CAREFUL.directory, Kind.REFUSED)
    assert {where for where, fails in later[1:] if fails} == {CAREFUL.staging}
    assert later[-2:] == [(CAREFUL.staging, None), (CAREFUL.directory, None)]


def test_a_pilot_that_dies_while_it_orders_does_not_order_at_once_again() -> None:
    life = begun(settled(Life(), WISH), NOW)
    for _ in range(3):
        does = turn(life, WISH, None, NOW + MINUTE)
        assert isinstance(does, Wait)
        assert "the pilot was stopped in between" in does.why
        life = begun(life, does.until)
    assert isinstance(turn(life, WISH, None, NOW + 2 * HOUR), Wait)


def test_another_name_or_server_begins_anew_but_refusals_still_count() -> None:
    life = settled(Life(), WISH)
    for minute in range(4):
        life = failed(life, Failure(Kind.REFUSED, "no", NOW + minute * MINUTE))
    other = replace(WISH, domain="inn.example")
    assert settled(life, other).failures == 0
    assert turn(life, other, None, NOW + 5 * MINUTE) == Wait(
        NOW + HOUR, "4 validations failed within an hour"
    )
    assert isinstance(turn(life, other, None, NOW + HOUR + MINUTE), Order)
    assert settled(life, replace(WISH, email="ops@shop.example", ca="pem")) == life


def test_a_clock_that_was_an_hour_ahead_does_no_harm() -> None:
    ahead = passed(settled(Life(), WISH), NOW + HOUR, rehearsal=False)
    assert turn(ahead, WISH, None, NOW) == Order(WISH.directory, rehearsal=False, why="there is none yet")
    held = certificate(NOW + HOUR)
    assert turn(ahead, WISH, held, NOW) == Ask("1")
    told = replace(failed(ahead, Failure(Kind.AWAY, "no", NOW)), told=NOW + HOUR)
    assert warning(told, held, NOW) != ""


def test_a_clock_that_was_years_ahead_is_not_waited_for() -> None:
    wrong = failed(settled(Life(), WISH), Failure(Kind.AWAY, "no", NOW + 900 * DAY))
    assert isinstance(turn(wrong, WISH, None, NOW), Order)


@pytest.mark.parametrize(
    "text", ["{}", '{"failures": "many"}', '{"last": {"kind": "odd"}}', '{"since": 3}', "[]"]
)
def test_a_life_that_somebody_broke_is_a_new_one(text: str) -> None:
    assert Life.from_json(json.loads(text)) == Life()


@given(st.lists(st.sampled_from([*Kind, None]), max_size=40), st.integers(6, 90))
@settings(max_examples=30, deadline=None)
def test_whatever_a_server_says_the_limits_hold_and_it_is_tried_again(
    says: list[Kind | None], days: int
) -> None:
    answers = iter(says)
    pilot = Pilot(says=lambda _: next(answers, None), life_of=days * DAY, wish=CAREFUL)
    pilot.run(40 * DAY if days > 40 else 20 * DAY)
    assert pilot.held
    assert most_within([at for at, _, fails in pilot.orders if fails is Kind.REFUSED], HOUR) <= 4
    real = [at for at, where, fails in pilot.orders if not fails and where == CAREFUL.directory]
    assert most_within(real, WEEK) <= 4


def most_within(moments: list[datetime], span: timedelta) -> int:
    """The most that lie in any span of this length."""
    return max((sum(at <= other < at + span for other in moments) for at in moments), default=0)
