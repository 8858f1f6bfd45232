"""A public name: how it stands, and its way from the old server to the gateway and back.

All that is known is in the zone itself: who owns the name, what it was before, when its TTL was lowered. What
was interrupted goes on by the same command, from any laptop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from seaway.errors import Refused, SeawayError, Unreachable, Unready
from seaway.kit.servers import NameServer
from seaway.model.event import Event, Outcome, Report, told
from seaway.model.snapshot import RecordFacts
from seaway.ports.dns import ALIAS, Dns, led_to
from seaway.rooms.domain import course
from seaway.rooms.domain.course import Held, Stage, Wish
from seaway.rooms.domain.outside import Gateway, Seen, complaint, delegated, nothing_kept, seen_by

Found = TypeVar("Found")
#: Seconds between two looks at resolvers, and at the gateway while it is watched.
PACE: Final = 1.0
WATCH: Final = 5.0
#: Looks in a row that fail before the name goes back, and seconds beyond the TTL that resolvers are given.
FAILURES: Final = 3
GRACE: Final = 60.0
FORGET: Final = ("domain/settle", "let every resolver forget where the name led before")


@dataclass(frozen=True)
class PublicName:
    """One public name, all that is needed to move it, and the time. `hold` is in seconds."""

    wish: Wish
    zone: str
    dns: Dns
    gateway: Gateway
    resolvers: tuple[NameServer, ...]
    hold: int
    report: Report
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True)
class DomainStatus:
    """How a public name stands. `share` is the gateway's, in percent of who asks the zone.

    `failure` says why the gateway does not serve it; `problems` holds it too.
    """

    name: str
    place: str
    stage: Stage
    leads: str
    held: Held
    share: int
    owner: str
    ours: bool
    earlier: tuple[str, ...]
    failure: str
    seen: tuple[Seen, ...]
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "zone": self.place,
            "stage": str(self.stage),
            "leads": self.leads,
            "share": self.share,
            "ttl": self.held.ttl,
            "records": [f"{each.kind} {value}" for each in self.held.records for value in each.values],
            "owner": self.owner,
            "ours": self.ours,
            "earlier": list(self.earlier),
            "gateway": self.failure or "answers",
            "resolvers": [
                {"resolver": str(s.resolver), "leads": s.leads, "addresses": list(s.addresses), "why": s.why}
                for s in self.seen
            ],
            "problems": list(self.problems),
        }


def look(here: PublicName) -> Held:
    """See what the zone has of the name, where it is kept. Raises as the port does."""
    there = here.dns.read(here.wish.name)
    texts = [each for name in here.wish.texts.values() for each in here.dns.read(name) if each.kind == "TXT"]
    beside = tuple(each for each in there if each.kind == "TXT")
    return Held(tuple(each for each in there if each.kind != "TXT"), tuple(texts), beside)


def domain_status(here: PublicName) -> DomainStatus:
    """See the name in its zone, from resolvers, and at the gateway. Raises as the port does."""
    held, wish = look(here), here.wish
    seen = tuple(_look_around(here))
    mine, owner = course.ownership(held, wish), course.owner_of(held, wish)
    failure = complaint(here.gateway, wish.name)
    where = course.leads(held, wish)
    earlier = tuple(str(each).replace("\n", "; ") for each in mine.was or ()) if mine else ()
    return DomainStatus(
        wish.name, here.dns.place, course.stage(held, wish), where, held, course.share_of(held, wish),
        owner, owner == wish.owner, earlier, failure, seen,
        tuple(_problems(here, where, owner, failure, seen)),
    )  # fmt: skip


def record_of(here: PublicName) -> RecordFacts:
    """See what the zone has of the name, and ask nobody else. Raises as the port does."""
    held, wish = look(here), here.wish
    owner, share = course.owner_of(held, wish), course.share_of(held, wish)
    told = tuple(f"{each.kind} {led_to(value)}" for each in held.records for value in each.values)
    returns = course.stage(held, wish) in {Stage.MOVED, Stage.SHARED} and not course.stays(held, wish)
    strayed = course.strayed(held, wish)
    return RecordFacts(wish.name, here.dns.place, told, owner, owner == wish.owner, share, returns, strayed)


def move(here: PublicName, *, adopt: bool, weight: int = course.FULL) -> DomainStatus:
    """Lead the name to the gateway, for `weight` percent of who asks, and go on from where a run ended.

    Raises Refused, with nothing changed, where the name is not ours, not delegated, or not served by the
    gateway; Conflict where somebody else changes it; Unready where resolvers do not follow. Where the gateway
    fails while it is watched, the name goes back, and SeawayError tells.
    """
    held, wish = _movable(here, adopt=adopt, weight=weight), here.wish
    if course.stage(held, wish) is Stage.EARLIER and held.ttl > wish.ttl:
        with told(
            here.report, "domain/ttl", f"lower the TTL of {wish.name} from {held.ttl} s to {wish.ttl} s"
        ):
            here.dns.change(course.lower(held, wish, here.now()))
        held = look(here)
    if seconds := course.rest(held, wish, here.now()):
        _wait(here, seconds, "domain/rest", "let resolvers forget the name's old TTL")
        _must_serve(here)
    if weight < course.FULL:
        _share(here, held, weight)
    else:
        _point(here, held)
    _watch(here)
    return domain_status(here)


def _point(here: PublicName, held: Held) -> None:
    """Lead everybody to the gateway, and see that all follow."""
    kept, wish = held.ttl, here.wish
    changes, pointed = course.point(held, wish, here.now()), course.held_until(held, wish, kept + 1)
    if changes:
        with told(here.report, "domain/point", f"lead {wish.name} to {', '.join(wish.to)}"):
            here.dns.change(changes)
    if changes or (pointed and here.now() < pointed):
        _settle(here, {"gateway"}, kept + 1 if held.records else 0)


def _share(here: PublicName, held: Held, weight: int) -> None:
    """Lead a share of who asks to the gateway, and wait until every resolver has asked anew."""
    wish = here.wish
    if changes := course.share(held, wish, weight, here.now()):
        with told(here.report, "domain/share", f"lead {wish.name} to {', '.join(wish.to)} for {weight} %"):
            here.dns.change(changes)
    until = course.held_until(look(here), wish, max(held.ttl, wish.ttl) + 1)
    if until and (left := (until - here.now()).total_seconds()) > 0:
        _wait(here, left, "domain/share", "let every resolver ask anew")


def move_all(names: Sequence[PublicName], *, adopt: bool, weight: int = course.FULL) -> list[DomainStatus]:
    """Lead one name after the other to the gateway: each is watched before the next one moves.

    Raises Refused, with nothing changed, where one of them could not move, and as move does.
    """
    for each in names if len(names) > 1 else ():
        _movable(each, adopt=adopt, weight=weight)
    return [move(each, adopt=adopt, weight=weight) for each in names]


def back(here: PublicName) -> DomainStatus:
    """Put the earlier record back, at once, and wait until no resolver leads to the gateway any more.

    Raises Refused where it is not ours, or is not known; Conflict and Unready as move does.
    """
    return back_all([here])[0]


def back_all(names: Sequence[PublicName]) -> list[DomainStatus]:
    """Put the earlier records of all names back before any of them is waited for.

    Where one cannot go back the others do all the same. Raises as back does.
    """
    rests, failed = list[tuple[PublicName, float]](), list[SeawayError]()
    for here in names:
        try:
            rests.append((here, _restored(here)))
        except SeawayError as error:
            failed.append(error)
    for here, rest in rests:
        if rest > 0:
            _follow(here, {"old server", "nowhere"}, rest)
    if (longest := max((rest for _, rest in rests), default=0.0)) > 0:
        _wait(names[0], longest, *FORGET)
    if failed:
        raise failed[0]
    return [domain_status(here) for here in names]


def let_go(names: Sequence[PublicName]) -> None:
    """Have names that we led to the gateway lead where they led before, and keep nothing more of them.

    For when the gateway goes. What is not ours, what leads elsewhere by now, and what of which it is not
    known where it led before is left alone, and told. Raises as back does, with the texts still there.
    """
    led = list[PublicName]()
    for here in names:
        held, wish = look(here), here.wish
        mine, at = course.ownership(held, wish), course.stage(held, wish)
        if why := course.stays(held, wish):
            here.report(Event("domain/back", Outcome.NOTE, f"{wish.name} stays as it is: {why}"))
        elif at in {Stage.LOWERED, Stage.MOVED, Stage.SHARED} or (mine and mine.left):
            led.append(here)
    back_all(led)
    for here in led:
        with told(here.report, "domain/release", f"keep nothing more of {here.wish.name} in its zone"):
            here.dns.change(course.release(look(here), here.wish))


def _restored(here: PublicName) -> float:
    """Put the earlier record back; gives the seconds for which the other one may still be kept."""
    held, wish = look(here), here.wish
    stage, mine = course.stage(held, wish), course.ownership(held, wish)
    if stage not in {Stage.MOVED, Stage.SHARED} and (mine is None or mine.was is None):  # it is back
        return (mine.left - here.now()).total_seconds() if mine and mine.left else 0.0
    course.check_owner(held, wish, adopt=False)
    changes = course.restore(held, wish, here.now())
    with told(here.report, "domain/back", f"lead {wish.name} where it led before"):
        here.dns.change(changes)
    return held.ttl + 1.0 if stage is not Stage.LOWERED else 0.0


def _movable(here: PublicName, *, adopt: bool, weight: int) -> Held:
    """See that the name may move, and give what the zone has of it. Raises Refused as move does."""
    held = look(here)
    course.check_owner(held, here.wish, adopt=adopt)
    if weight < course.FULL:
        _must_weigh(here)
        course.share(held, here.wish, weight, here.now())  # whether it can be
    _must_serve(here)
    _must_be_seen(here, held)
    return held


def _problems(here: PublicName, where: str, owner: str, failure: str, seen: Sequence[Seen]) -> Iterator[str]:
    if failure:
        yield f"the gateway does not serve {here.wish.name}: {failure}"
    if owner != here.wish.owner and (owner or where != "nowhere"):
        yield f"it is owned by {owner}" if owner else "no TXT record says who owns it"
    for each in seen:
        if each.why:
            yield f"resolver {each.resolver} says nothing: {each.why}"
        elif each.leads != where and (where != "both" or each.leads == "nowhere"):
            yield f"resolver {each.resolver} leads {_to(each.leads)}"
    if not _delegated(here, seen):
        yield f"no resolver knows the zone {here.zone}: it is not delegated yet"


def _to(leads: str) -> str:
    return leads if leads == "nowhere" else f"to the {leads}"


def _delegated(here: PublicName, seen: Sequence[Seen]) -> bool:
    """Whether one of the resolvers that answer knows the zone; where none answers, that is told elsewhere."""
    answering = [each.resolver for each in seen if not each.why]
    return not answering or any(_side_by_side(lambda each: delegated(each, here.zone), answering))


def _side_by_side(ask: Callable[[NameServer], Found], resolvers: Sequence[NameServer]) -> list[Found]:
    with ThreadPoolExecutor(len(resolvers)) as pool:
        return list(pool.map(ask, resolvers))


def _must_weigh(here: PublicName) -> None:
    if not here.dns.weighs:
        raise Refused(
            f"{here.wish.name} cannot move by a weight", where=here.dns.place,
            why="this provider of names answers everybody alike; route53 can",
            remedy="move it without --weight: its TTL is low, and it goes back in one command",
        )  # fmt: skip


def _must_serve(here: PublicName) -> None:
    if why := complaint(here.gateway, here.wish.name):
        raise Refused(
            f"the gateway does not serve {here.wish.name}; the name stays where it is", why=why,
            remedy="see to its certificate and routes first: seaway up, seaway edge status",
        )  # fmt: skip


def _must_be_seen(here: PublicName, held: Held) -> None:
    """See that what is changed is what visitors are told."""
    seen = _answering(here)
    if not _delegated(here, seen):
        raise Refused(
            f"no resolver knows the zone {here.zone}", where=f"asked: {', '.join(map(str, here.resolvers))}",
            why="it is not delegated yet: a change of it would change nothing for visitors",
            remedy=f"have the zone above {here.zone} name its servers, and try again when that is seen",
        )  # fmt: skip
    values = {value for each in held.records if each.kind != "CNAME" for value in each.values}
    numbers = {value for value in values if not value.startswith(ALIAS)}
    moved = course.stage(held, here.wish) in {Stage.MOVED, Stage.SHARED}
    for each in seen:
        if numbers and not moved and not numbers & set(each.addresses):
            raise Refused(
                f"resolver {each.resolver} knows {here.wish.name} otherwise than {here.dns.place}",
                why=f"{', '.join(each.addresses) or 'nothing'} there, {', '.join(sorted(numbers))} here",
                remedy="see which servers the zone is delegated to; after a change, wait for its old TTL",
            )


def _look_around(here: PublicName) -> list[Seen]:
    return _side_by_side(lambda each: seen_by(each, here.wish.name, here.wish.to), here.resolvers)


def _answering(here: PublicName) -> list[Seen]:
    """Ask all resolvers; those that do not answer are left out. Raises Unreachable where none does."""
    seen = _look_around(here)
    if answered := [each for each in seen if not each.why]:
        return answered
    raise Unreachable(
        "no resolver answers", where=", ".join(str(each.resolver) for each in seen), why=seen[0].why,
        remedy="name some that this machine reaches: environments.NAME.dns.resolvers",
    )  # fmt: skip


def _settle(here: PublicName, wanted: set[str], rest: float) -> None:
    """Wait until every resolver leads where it shall, and then until none elsewhere can keep what was before.

    Servers of the zone may take their time to follow its first one, so the second wait, of `rest` seconds, is
    a whole TTL too; 0 where there was nothing before.
    """
    _follow(here, wanted, rest)
    if rest:
        _wait(here, rest, *FORGET)


def _follow(here: PublicName, wanted: set[str], rest: float) -> None:
    """Wait until every resolver leads where it shall. Raises Unready where one does not."""
    waited, kept = 0.0, rest or max(_side_by_side(lambda each: nothing_kept(each, here.zone), here.resolvers))
    while late := [each for each in _answering(here) if each.leads not in wanted]:
        if waited > kept + GRACE:
            raise Unready(
                f"{late[0].resolver} still leads {here.wish.name} {_to(late[0].leads)}",
                why=f"the zone was changed {waited:.0f} s ago, and could be kept for {kept:.0f} s",
                remedy="see what it says later: seaway domain verify; go back: seaway domain back",
            )
        text = f"{late[0].resolver} still leads {_to(late[0].leads)}"
        here.report(Event("domain/settle", Outcome.PROGRESS, text, min(1.0, waited / (kept + GRACE))))
        here.pause(PACE)
        waited += PACE


def _wait(here: PublicName, seconds: float, step: str, text: str) -> None:
    with told(here.report, step, f"{text} ({seconds:.0f} s)"):
        left = seconds
        while left > 0:
            here.report(Event(step, Outcome.PROGRESS, text, 1 - left / seconds))
            here.pause(min(WATCH, left))
            left -= WATCH


def _watch(here: PublicName) -> None:
    """Watch the gateway for as long as the file says after the move; take the name back where it fails."""
    until, failed = course.held_until(look(here), here.wish, here.hold), 0
    while until and (left := (until - here.now()).total_seconds()) > 0:
        why = complaint(here.gateway, here.wish.name)
        failed = failed + 1 if why else 0
        if failed == FAILURES:
            back(here)
            raise SeawayError(
                f"the gateway failed, and {here.wish.name} leads where it led before", why=why,
                remedy="mend it, and then: seaway domain move",
            )  # fmt: skip
        text = f"watch the gateway: {why}" if why else "watch the gateway; an interrupt leaves the name there"
        here.report(Event("domain/hold", Outcome.PROGRESS, text, 1 - left / here.hold))
        here.pause(min(WATCH, left))
