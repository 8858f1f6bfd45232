"""Where the public name stands on its way, and which changes of its zone come next. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from seaway.errors import Refused
from seaway.kit.dns import Change, Records
from seaway.ports.dns import ALIAS, ALIAS_TTL, SIDES
from seaway.rooms.domain.names import text_name
from seaway.rooms.domain.ownership import LEADING, Ownership, owners, read, written

#: Seconds that a text of ownership may be kept.
TEXT_TTL: Final = 300
#: All who ask, in percent.
FULL: Final = 100
OLD, NEW = SIDES


class Stage(StrEnum):
    """Where a name stands: nowhere, at what was before, that with a low TTL, at both, or at the gateway."""

    ABSENT = "absent"
    EARLIER = "earlier"
    LOWERED = "lowered"
    SHARED = "shared"
    MOVED = "moved"


@dataclass(frozen=True)
class Wish:
    """What the file asks of the public name. `to` are addresses, or one name, at which the gateway answers.

    `ttl` is in seconds; `prefix` is that of the texts of ownership, and `resource` what they name. `alias` is
    the value of one that leads there, where the provider has such: it may stand beside addresses.
    """

    name: str
    to: tuple[str, ...]
    ttl: int
    owner: str
    resource: str
    prefix: str = ""
    alias: str = ""

    @property
    def target(self) -> tuple[Records, ...]:
        """The records that lead to the gateway."""
        if self.alias:
            return (Records(self.name, "A", ALIAS_TTL, (self.alias,)),)
        found: dict[str, list[str]] = {}
        for each in self.to:
            found.setdefault(_kind(each), []).append(_value(each))
        return tuple(
            Records(self.name, kind, self.ttl, tuple(sorted(found[kind])))
            for kind in LEADING
            if kind in found
        )

    @property
    def texts(self) -> dict[str, str]:
        """The names of the texts of ownership, by the type of what is owned."""
        return {kind: text_name(self.name, kind, self.prefix) for kind in LEADING}


@dataclass(frozen=True)
class Held:
    """What the zone has of the name: the records that lead somewhere, the texts at the owners' places.

    `beside` are texts at the name itself: external-dns put those of ownership there once.
    """

    records: tuple[Records, ...]
    texts: tuple[Records, ...]
    beside: tuple[Records, ...] = ()

    @property
    def ttl(self) -> int:
        """Seconds that the records may be kept by resolvers."""
        return max((each.ttl for each in self.records), default=0)

    def of(self, side: str) -> tuple[Records, ...]:
        """The records of one side, as they are where nobody shares them; empty where nobody does."""
        mine = (each for each in self.records if each.side == side)
        return tuple(replace(each, side="", weight=0) for each in mine)


def ownership(held: Held, wish: Wish) -> Ownership | None:
    """Find what our own texts say; None where there is none of ours."""
    found, _ = owners(held.texts, wish.name)
    mine = [each for each in found if each.owner == wish.owner]
    return max(mine, key=lambda each: each.was is not None, default=None)


def owner_of(held: Held, wish: Wish) -> str:
    """Name who owns the records; empty where nobody says so."""
    found, others = owners(held.texts, wish.name)
    old, _ = owners(held.beside, wish.name)
    foreign = [each.owner for each in (*found, *old) if each.owner != wish.owner]
    if foreign:
        return foreign[0]
    if others:
        return others[0]
    return wish.owner if found else ""


def check_owner(held: Held, wish: Wish, *, adopt: bool) -> None:
    """Raise Refused where the records are not ours, and are not given to us."""
    owner = owner_of(held, wish)
    if owner == wish.owner or (not owner and (adopt or not held.records)):
        return
    shown = "; ".join(f"{each.kind} {' '.join(each.values)}" for each in held.records) or "no records"
    if owner:
        raise Refused(
            f"{wish.name} is not ours: it is owned by {owner}", where=shown,
            why=f"we are {wish.owner}, and what is another's is never changed",
            remedy="have its owner let it go (remove its TXT record), or say environments.NAME.dns.owner",
        )  # fmt: skip
    raise Refused(
        f"{wish.name} is nobody's yet: no TXT record says who owns it", where=shown,
        why="what is not ours is never changed",
        remedy="if these are the records to be moved: seaway domain move --adopt",
    )  # fmt: skip


def stage(held: Held, wish: Wish) -> Stage:
    """Tell where the name stands."""
    if not held.records:
        return Stage.ABSENT
    if any(each.side for each in held.records):
        return Stage.SHARED
    if _same(held.records, wish.target):
        return Stage.MOVED
    mine = ownership(held, wish)
    if mine and mine.lowered and mine.was and _same(held.records, mine.was):
        return Stage.LOWERED
    return Stage.EARLIER


def leads(held: Held, wish: Wish) -> str:
    """Say in a word where the zone lets the name lead."""
    now, then = _values(held.records), _values(wish.target)
    if not now:
        return "nowhere"
    if now <= then:
        return "gateway"
    return "both" if now & then else "old server"


def share_of(held: Held, wish: Wish) -> int:
    """Say in percent how often the zone leads to the gateway."""
    weights = {each.side: each.weight for each in held.records}
    if stage(held, wish) is Stage.SHARED:
        return round(FULL * weights.get(NEW, 0) / (sum(weights.values()) or 1))
    now, then = _values(held.records), _values(wish.target)
    return round(FULL * len(now & then) / (len(now) or 1))


def strayed(held: Held, wish: Wish) -> bool:
    """Tell whether the name was led to a gateway by us, and does not lead to this one, as far as we know."""
    mine = ownership(held, wish)
    led = held.of(NEW) if stage(held, wish) is Stage.SHARED else held.records
    return bool(wish.to and mine and mine.moved and not (led and _same(led, wish.target)))


def stays(held: Held, wish: Wish) -> str:
    """Say why a name that leads to a gateway, or was led there, cannot be put back; empty for any other."""
    mine = ownership(held, wish)
    if not wish.to:
        return "it is not known where the gateway answers" if mine else ""
    if stage(held, wish) not in {Stage.MOVED, Stage.SHARED}:
        return "it leads elsewhere than to this gateway" if strayed(held, wish) else ""
    if mine is None:
        return "it leads to the gateway, and is not ours"
    return "" if mine.was is not None else "it is not known where it led before"


def lower(held: Held, wish: Wish, now: datetime) -> list[Change]:
    """Keep what is there, for a shorter time; what it was is written down beside it."""
    records = [replace(each, ttl=min(each.ttl, wish.ttl)) for each in held.records]
    mine = replace(_mine(held, wish), lowered=now, moved=None)
    return changes(held, wish, records, mine)


def rest(held: Held, wish: Wish, now: datetime) -> float:
    """Seconds until no resolver that keeps to the TTL has the records with their old one any more."""
    mine = ownership(held, wish)
    if not mine or not mine.lowered or not mine.was:
        return 0.0
    longest = max(each.ttl for each in mine.was)
    # A clock elsewhere may have been ahead: what it wrote is then of no help.
    passed = max(0.0, (now - mine.lowered).total_seconds())
    return max(0.0, longest + 1 - passed) if longest > wish.ttl else 0.0


def point(held: Held, wish: Wish, now: datetime) -> list[Change]:
    """Let the name lead to the gateway. Gives no change where it does, with the TTL of the file."""
    mine = _mine(held, wish)
    known = ownership(held, wish)
    if stage(held, wish) is Stage.MOVED:
        mine = known or Ownership(wish.owner, wish.resource)
    moved = now if stage(held, wish) is Stage.SHARED else mine.moved or now
    made = replace(mine, lowered=None, moved=moved, left=None)
    found = changes(held, wish, wish.target, made)
    return found if any(each.before != each.after for each in found) else []


def share(held: Held, wish: Wish, weight: int, now: datetime) -> list[Change]:
    """Let the name lead to the gateway for `weight` percent of who asks. Gives no change where it does.

    Raises Refused where the two sides cannot stand beside each other.
    """
    old = held.of(OLD) if stage(held, wish) is Stage.SHARED else held.records
    if {each.kind for each in old} != {each.kind for each in wish.target}:
        raise Refused(
            f"{wish.name} cannot be shared between the old server and the gateway",
            where=f"{_kinds(old)} there, {_kinds(wish.target)} here",
            why="a share is of records of one type, and every type must have both",
            remedy="name the gateway by addresses of the same types (dns.to), or move without --weight",
        )
    sides = [replace(each, ttl=_ttl(each, wish), side=OLD, weight=FULL - weight) for each in old]
    sides += [replace(each, side=NEW, weight=weight) for each in wish.target]
    if set(held.records) == set(sides):
        return []
    return changes(held, wish, sides, replace(_mine(held, wish), lowered=None, moved=now, left=None))


def restore(held: Held, wish: Wish, now: datetime) -> list[Change]:
    """Put back what was before, as it was. Raises Refused where that is not known."""
    mine = ownership(held, wish)
    if mine is None or mine.was is None:
        raise Refused(
            f"it is not known where {wish.name} led before",
            why="no TXT record of ours keeps it",
            remedy="change the record by hand, or through who serves your names",
        )
    kept = None if stage(held, wish) is Stage.LOWERED else now + timedelta(seconds=held.ttl + 1)
    return changes(held, wish, mine.was, Ownership(wish.owner, wish.resource, left=kept))


def release(held: Held, wish: Wish) -> list[Change]:
    """Take the texts away that say that the name is ours; all else of it stays as it is."""
    changed = list[Change]()
    for each in held.texts:
        known = {value: read(value, wish.name) for value in each.values}
        kept = tuple(value for value, said in known.items() if not said or said.owner != wish.owner)
        left = replace(each, values=kept) if kept else Records(each.name, each.kind)
        changed += [Change(each, left)] if kept != each.values else []
    return changed


def changes(held: Held, wish: Wish, records: Iterable[Records], mine: Ownership) -> list[Change]:
    """List every record of the name and its owner's texts: as it must be now, and as it shall be.

    What is not there and shall not be is listed too: nobody may have put it there in between.
    """
    now = {_place(each): each for each in (*held.records, *held.texts)}
    then = {_place(each): each for each in records}
    kinds, text = {kind for _, kind, _ in then}, written(mine)
    texts = [Records(name, "TXT", TEXT_TTL, (text,)) for kind, name in wish.texts.items() if kind in kinds]
    then |= {_place(each): each for each in texts}
    plain = [Records(wish.name, kind) for kind in LEADING]
    plain += [Records(name, "TXT") for name in wish.texts.values()]
    sides = [replace(each, ttl=0, values=(), weight=0) for each in (now | then).values() if each.side]
    places = {_place(each): each for each in (*plain, *sides)}
    return [Change(now.get(place, none), then.get(place, none)) for place, none in places.items()]


def held_until(held: Held, wish: Wish, hold: int) -> datetime | None:
    """Tell until when the name is to be watched after it was moved; None where that is not known."""
    mine = ownership(held, wish)
    return mine.moved + timedelta(seconds=hold) if mine and mine.moved else None


def _mine(held: Held, wish: Wish) -> Ownership:
    """Say what is to be written down: what was before, unless that is known from earlier."""
    known = ownership(held, wish)
    if known and known.was is not None and (known.moved or stage(held, wish) is Stage.LOWERED):
        return replace(known, resource=wish.resource)
    return Ownership(wish.owner, wish.resource, held.of(OLD) or held.records)


def _place(records: Records) -> tuple[str, str, str]:
    return records.name, records.kind, records.side


def _ttl(records: Records, wish: Wish) -> int:
    """Give the seconds of the file, but for an alias, which has none of its own."""
    return ALIAS_TTL if records.values[0].startswith(ALIAS) else wish.ttl


def _kinds(records: Iterable[Records]) -> str:
    return " and ".join(sorted({each.kind for each in records})) or "nothing"


def _same(some: Iterable[Records], others: Iterable[Records]) -> bool:
    return {each.same for each in some} == {each.same for each in others}


def _values(records: Iterable[Records]) -> set[str]:
    return {value for each in records for value in each.same[2]}


def _kind(to: str) -> str:
    try:
        ip_address(to)
    except ValueError:
        return "CNAME"
    return "AAAA" if ":" in to else "A"


def _value(to: str) -> str:
    return f"{to.rstrip('.')}." if _kind(to) == "CNAME" else str(ip_address(to))
