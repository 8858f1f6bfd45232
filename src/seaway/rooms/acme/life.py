"""The life of a certificate from an ACME server: what to do now, and what follows from what happened. Pure.

It is renewed at a moment of the window that the server suggests (ACME Renewal Information, RFC 9773), or once
two thirds of its life are over. What fails is tried again later and later, and never so often that a server
would count it against us. All that this needs to know is in one value, which is kept in the cluster: whoever
leads goes on from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from seaway.kit import moments
from seaway.model.certificate import Certificate
from seaway.rooms.acme.wish import Wish

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
#: Validations that may fail within an hour. Let's Encrypt refuses more after 5 of one name.
MOST_REFUSED: Final = 4
#: Certificates of the same names within a week. Let's Encrypt refuses more after 5.
MOST_ISSUED: Final = 4
#: How soon renewal information is asked for again: at the earliest, the latest, where the server does not say
#: (RFC 9773, 4.3), and where it did not answer.
ASK_SOONEST, ASK_LATEST, ASK_USUALLY, ASK_ANEW = timedelta(minutes=1), DAY, 6 * HOUR, HOUR


class Kind(StrEnum):
    """What a failure says of the next try.

    AWAY: the server did not answer, or failed itself. HERE: the gateway did not show the proof; the server
    was not asked to look. REFUSED: it looked, or read the order, and said no, and counts that. LIMITED: it
    was asked too often.
    """

    AWAY = "away"
    HERE = "here"
    REFUSED = "refused"
    LIMITED = "limited"


#: Time until the second try and the longest between two, which double from one to the next.
PAUSES: Final[Mapping[Kind, tuple[timedelta, timedelta]]] = {
    Kind.AWAY: (timedelta(minutes=1), HOUR),
    Kind.HERE: (timedelta(minutes=1), HOUR),
    Kind.REFUSED: (timedelta(minutes=15), 12 * HOUR),
    Kind.LIMITED: (HOUR, DAY),
}


@dataclass(frozen=True)
class Failure:
    """Why a try failed, and the moment before which the server wants no other."""

    kind: Kind
    why: str
    at: datetime
    again: datetime | None = None


@dataclass(frozen=True)
class Window:
    """When a server suggests to renew the certificate with this serial number; it need not suggest anything.

    `again` is the moment from which it is asked anew.
    """

    serial: str
    again: datetime
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Wait:
    """Nothing is to be done before `until`; `why` says what is waited for."""

    until: datetime
    why: str


@dataclass(frozen=True)
class Ask:
    """The server is to be asked when this certificate shall be renewed."""

    serial: str


@dataclass(frozen=True)
class Order:
    """A certificate is to be ordered from `directory`; one of a `rehearsal` is thrown away."""

    directory: str
    rehearsal: bool
    why: str


@dataclass(frozen=True)
class Life:
    """What is known of it. `mark` says for which wish; with another one it begins anew.

    `failures` in a row began at `since`, the last `row` of them are of one kind, and `last` is the newest.
    `refused` and `issued` are counted against the limits of servers. `told` is when people were warned.
    """

    mark: str = ""
    failures: int = 0
    row: int = 0
    since: datetime | None = None
    not_before: datetime | None = None
    last: Failure | None = None
    refused: tuple[datetime, ...] = ()
    issued: tuple[datetime, ...] = ()
    rehearsed: bool = False
    window: Window | None = None
    told: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in _plain(asdict(self)).items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read it; what cannot be read is as though nothing had happened yet."""
        try:
            last, window = data.get("last"), data.get("window")
            return cls(
                mark=str(data.get("mark", "")),
                failures=int(data.get("failures", 0)),
                row=int(data.get("row", 0)),
                since=_moment(data.get("since")),
                not_before=_moment(data.get("not_before")),
                last=_failure(last) if last else None,
                refused=tuple(map(datetime.fromisoformat, data.get("refused", ()))),
                issued=tuple(map(datetime.fromisoformat, data.get("issued", ()))),
                rehearsed=bool(data.get("rehearsed")),
                window=_window(window) if window else None,
                told=_moment(data.get("told")),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return cls()


def turn(life: Life, wish: Wish, held: Certificate | None, now: datetime) -> Wait | Ask | Order:
    """Decide what to do now. `held` is the certificate of this server, if there is one that fits the wish."""
    life = settled(life, wish)
    why = "there is none yet" if len(wish.names) == 1 else "there is none for all its names yet"
    if held is not None:
        window = life.window
        if window is None or window.serial != _serial(held) or window.again <= now:
            return Ask(_serial(held))
        due = renewal(held, window)
        if now < due:
            return Wait(min(due, window.again), f"renewed from {moments.written(due)}")
        why = f"it ends on {moments.written(held.until)}"
    rehearsal = bool(wish.staging) and not life.rehearsed
    if (waits := _held_up(life, now, rehearsal=rehearsal)) is not None:
        return waits
    return Order(wish.staging if rehearsal else wish.directory, rehearsal, why)


def renewal(held: Certificate, window: Window | None) -> datetime:
    """Give the moment from which it is renewed: one of the server's window, else two thirds of its life.

    A window that would let it lapse, or that has no length, is no window. Which moment of it is a matter of
    chance (RFC 9773, 4.2), and the same at every look.
    """
    life = held.until - held.since
    usual = held.since + life * 2 / 3
    if window is None or window.serial != _serial(held) or window.start is None or window.end is None:
        return usual
    chosen = window.start + (window.end - window.start) * _chance(f"{window.serial} {window.start}")
    return chosen if window.start < window.end and chosen < held.until - life / 12 else usual


def settled(life: Life, wish: Wish) -> Life:
    """Give the life as it is for this wish: with another one, all but the refusals is forgotten."""
    return life if life.mark == wish.mark else Life(mark=wish.mark, refused=life.refused)


def asked(
    life: Life,
    held: Certificate,
    found: tuple[datetime, datetime] | None,
    again: timedelta | None,
    now: datetime,
) -> Life:
    """Note what the server said of the renewal; `again` is how long that holds, if it says."""
    pause = ASK_USUALLY if again is None else min(max(again, ASK_SOONEST), ASK_LATEST)
    start, end = found or (None, None)
    return replace(life, window=Window(_serial(held), now + pause, start, end))


def unanswered(life: Life, held: Certificate, now: datetime) -> Life:
    """Note that the server did not say: what it said of this certificate before still holds."""
    known = life.window if life.window and life.window.serial == _serial(held) else Window(_serial(held), now)
    return replace(life, window=replace(known, again=now + ASK_ANEW))


def begun(life: Life, now: datetime) -> Life:
    """Note, before it is ordered, that it is; should this process die meanwhile, that counts as refused."""
    return failed(life, Failure(Kind.REFUSED, "the pilot was stopped in between", now))


def failed(life: Life, failure: Failure) -> Life:
    """Note a failure, and when to try again."""
    row = life.row + 1 if life.last and life.last.kind is failure.kind and life.failures else 1
    first, longest = PAUSES[failure.kind]
    pause = min(first * 2 ** min(row - 1, 20), longest)
    # Servers that were away would otherwise meet everybody at the same moment.
    pause += pause / 10 * _chance(f"{life.mark} {failure.at}")
    again = min(failure.again, failure.at + WEEK) if failure.again else failure.at
    counts = failure.kind is Kind.REFUSED
    return replace(
        life,
        failures=life.failures + 1,
        row=row,
        since=life.since or failure.at,
        not_before=max(failure.at + pause, again),
        last=failure,
        refused=(*_since(life.refused, failure.at, HOUR), *([failure.at] if counts else [])),
        rehearsed=life.rehearsed and not counts,
    )


def passed(life: Life, now: datetime, *, rehearsal: bool) -> Life:
    """Note that a certificate was signed; after a rehearsal the real one is asked for at once."""
    if rehearsal:
        return replace(life, rehearsed=True, not_before=None)
    issued = (*_since(life.issued, now, WEEK), now)
    return replace(
        life, failures=0, row=0, since=None, not_before=None, issued=issued, window=None, told=None
    )


def warning(life: Life, held: Certificate | None, now: datetime, before: Certificate | None = None) -> str:
    """Say what people must hear, once a day for as long as tries fail; empty where that is nothing.

    `before` is what visitors are shown while there is none that fits the wish.
    """
    if not life.failures or life.last is None or life.since is None:
        return ""
    if life.told and timedelta() <= now - life.told < DAY:
        return ""
    ends = "visitors see the stand-in"
    if held:
        ends = f"the certificate ends on {moments.written(held.until)}"
    elif before:
        ends = f"visitors see the one for {', '.join(before.names)} until {moments.written(before.until)}"
    tries = "once" if life.failures == 1 else f"{life.failures} times since {moments.written(life.since)}"
    return f"{ends}; a new one failed {tries}: {life.last.why}"


def _held_up(life: Life, now: datetime, *, rehearsal: bool) -> Wait | None:
    """Say what keeps us from asking now. Moments that no pause can give are of a clock that was wrong."""
    if life.not_before and now < life.not_before <= now + WEEK:
        return Wait(life.not_before, f"the last try failed: {life.last.why}" if life.last else "")
    refused = _since(life.refused, now, HOUR)
    if len(refused) >= MOST_REFUSED:
        return Wait(refused[-MOST_REFUSED] + HOUR, f"{len(refused)} validations failed within an hour")
    issued = _since(life.issued, now, WEEK)
    if len(issued) >= MOST_ISSUED and not rehearsal:
        return Wait(issued[-MOST_ISSUED] + WEEK, f"{len(issued)} were signed within a week")
    return None


def _since(seen: tuple[datetime, ...], now: datetime, span: timedelta) -> tuple[datetime, ...]:
    return tuple(at for at in seen if now - span < at <= now + span)


def _serial(held: Certificate) -> str:
    return f"{held.serial:x}"


def _chance(text: str) -> float:
    """Give a number from 0 to 1 that is the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moments.written(value, "microseconds")
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _failure(data: Mapping[str, Any]) -> Failure:
    return Failure(
        Kind(data["kind"]), str(data["why"]), datetime.fromisoformat(data["at"]), _moment(data.get("again"))
    )


def _window(data: Mapping[str, Any]) -> Window:
    again = datetime.fromisoformat(data["again"])
    return Window(str(data["serial"]), again, _moment(data.get("start")), _moment(data.get("end")))
