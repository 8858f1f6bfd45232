"""A rotation is gone on with from wherever it was left, and nobody is ever without a key that works."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from seaway.errors import Refused, Unready
from seaway.flow.rotation import Move, Next, Rotation, decide
from seaway.model.event import Event, silent
from seaway.model.identity import Key, KeyFacts
from seaway.model.secret import Secret
from seaway.ports.identities import Ring

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW = KeyFacts("OLD", active=True, made=NOW), KeyFacts("NEW", active=True, made=NOW)
ASLEEP = KeyFacts("OLD", active=False, made=NOW)


class Killed(BaseException):
    """The process ended."""


@dataclass
class Account:
    """A user as IAM keeps it, and a process that ends after so many changes."""

    name: str = "ci"
    keys: dict[str, tuple[str, bool]] = field(default_factory=dict)
    ring: Ring = field(default_factory=lambda: Ring(()))
    made: int = 0
    left: int = -1
    watch: Callable[[], None] = lambda: None

    def changed(self) -> None:
        self.watch()
        self.left -= 1
        if self.left == 0:
            raise Killed

    def look(self) -> Ring:
        keys = tuple(KeyFacts(key, active, NOW) for key, (_, active) in self.keys.items())
        return Ring(keys, self.ring.old, self.ring.since, self.ring.consumers)

    def remember(self, consumers: tuple[str, ...]) -> None:
        self.ring = Ring((), self.ring.old, self.ring.since, consumers)
        self.changed()

    def begin(self, old: str) -> None:
        self.ring = Ring((), old, None, self.ring.consumers)
        self.changed()

    def make(self) -> Key:
        assert len(self.keys) < 2
        self.made += 1
        key = Key(f"KEY{self.made}", Secret(f"secret {self.made}"))
        self.keys[key.id] = (key.secret.reveal(), True)
        self.changed()
        return key

    def works(self, key: Key) -> bool:
        return self.keys.get(key.id) == (key.secret.reveal(), True)

    def switch(self, key: str, *, on: bool) -> None:
        self.keys[key] = (self.keys[key][0], on)
        self.changed()

    def since(self, moment: datetime) -> None:
        self.ring = Ring((), self.ring.old, moment, self.ring.consumers)
        self.changed()

    def used(self, key: str) -> str:
        return f"yesterday, {key}"

    def remove(self, key: str) -> None:
        del self.keys[key]
        self.changed()

    def finish(self) -> None:
        self.ring = Ring((), consumers=self.ring.consumers)
        self.changed()


@dataclass
class Shelf:
    """A consumer in memory."""

    name: str
    account: Account
    key: Key | None = None

    def held(self) -> Key | None:
        return self.key

    def give(self, key: Key) -> None:
        self.key = key
        self.account.changed()


def system(count: int = 2) -> tuple[Account, list[Shelf]]:
    """A user whose key is at some consumers."""
    account = Account()
    shelves = [Shelf(f"file:/{i}", account) for i in range(count)]
    rotate(account, shelves)
    account.made = 1
    return account, shelves


def rotate(account: Account, shelves: Sequence[Shelf], soak: timedelta = timedelta(0)) -> str:
    return Rotation(account, shelves, soak, silent, settle=0, pause=lambda _: None).run()


def test_a_user_without_a_key_gets_one() -> None:
    account, shelves = system()
    assert account.keys == {"KEY1": ("secret 1", True)}
    assert {shelf.key for shelf in shelves} == {Key("KEY1", Secret("secret 1"))}
    assert account.ring == Ring((), consumers=("file:/0", "file:/1"))


@pytest.mark.parametrize("kills", [*((i,) for i in range(1, 12)), *product(range(1, 12), range(1, 12))])
def test_killed_at_any_change_it_is_gone_on_with(kills: tuple[int, ...]) -> None:
    """Also killed a second time while it goes on; each consumer's key works at every moment."""
    account, shelves = system()
    assert account.keys.keys() == {"KEY1"}

    def watch() -> None:
        for shelf in shelves:
            assert shelf.key
            assert account.works(shelf.key)

    account.watch = watch
    for kill in kills:
        account.left = kill
        try:
            rotate(account, shelves)
        except Killed:
            continue
        break
    account.left = -1
    rotate(account, shelves)
    assert "KEY1" not in account.keys
    ((key, (secret, active)),) = account.keys.items()
    assert active
    assert all(shelf.key == Key(key, Secret(secret)) for shelf in shelves)
    assert account.ring == Ring((), consumers=("file:/0", "file:/1"))


@pytest.mark.parametrize(
    ("ring", "held", "move"),
    [
        (Ring((OLD,)), {"a": "OLD"}, Next(Move.BEGIN, "OLD")),
        (Ring(()), {"a": ""}, Next(Move.BEGIN)),
        (Ring((OLD,), "OLD"), {"a": "OLD"}, Next(Move.MAKE)),
        (Ring((OLD, NEW), "OLD"), {"a": "OLD"}, Next(Move.DISCARD, "NEW")),
        (Ring((OLD, NEW), "OLD"), {"a": "OLD", "b": "NEW"}, Next(Move.GIVE, "NEW", "a")),
        (Ring((OLD, NEW), "OLD"), {"a": "NEW"}, Next(Move.DISABLE, "OLD")),
        (Ring((ASLEEP, NEW), "OLD"), {"a": "NEW"}, Next(Move.NOTE)),
        (Ring((ASLEEP, NEW), "OLD", NOW), {"a": "NEW"}, Next(Move.SOAK, "OLD", seconds=3600)),
        (Ring((ASLEEP, NEW), "OLD", NOW - HOUR), {"a": "NEW"}, Next(Move.REMOVE, "OLD")),
        (Ring((NEW,), "OLD", NOW), {"a": "NEW"}, Next(Move.FINISH)),
        # Somebody brought an old backup of a consumer back, or made a key active or inactive.
        (Ring((ASLEEP, NEW), "OLD", NOW), {"a": "OLD", "b": "NEW"}, Next(Move.WAKE, "OLD")),
        (Ring((OLD, NEW), "OLD", NOW), {"a": "NEW"}, Next(Move.BEGIN, "OLD")),
        (Ring((OLD, KeyFacts("NEW", active=False, made=NOW)), "OLD"), {"a": "NEW"}, Next(Move.WAKE, "NEW")),
    ],
)
def test_what_is_seen_decides_what_is_done(ring: Ring, held: dict[str, str], move: Next) -> None:
    assert decide("ci", ring, held, HOUR, NOW) == move


@pytest.mark.parametrize("ring", [Ring((OLD, NEW)), Ring((OLD, NEW), "ANOTHER")])
def test_two_keys_that_no_note_tells_apart_are_left_to_people(ring: Ring) -> None:
    with pytest.raises(Refused, match="which key of ci shall go"):
        decide("ci", ring, {"a": "OLD"}, HOUR, NOW)


def test_the_old_key_stays_while_a_consumer_holds_one_that_does_not_work() -> None:
    """As where a file was cut short on its way: the new key's id, and half its secret."""
    account, shelves = system()
    give = Shelf.give

    def cut(shelf: Shelf, key: Key) -> None:
        give(shelf, Key(key.id, Secret(key.secret.reveal()[:4])) if shelf is shelves[1] else key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shelf, "give", cut)
        with pytest.raises(Unready, match="the key of file:/1 does not work") as stopped:
            rotate(account, shelves)
    assert account.keys["KEY1"] == ("secret 1", True)
    assert stopped.value.remedy.startswith("remove what is there")
    shelves[1].key = None
    assert rotate(account, shelves) == "KEY2"
    assert shelves[1].key == Key("KEY2", Secret("secret 2"))


def test_a_key_that_never_works_reaches_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    account, shelves = system()
    monkeypatch.setattr(Account, "works", lambda *_: False)
    with pytest.raises(Unready, match="the new key does not work"):
        rotate(account, shelves)
    assert {shelf.key.id for shelf in shelves if shelf.key} == {"KEY1"}


def test_what_was_had_back_in_the_soak_soaks_anew() -> None:
    """Somebody who was forgotten: the old key active again, a consumer more, and the whole time once more."""
    account, shelves = system()
    account.left = 6
    with pytest.raises(Killed):
        rotate(account, shelves)
    assert account.ring.since
    account.ring = Ring((), account.ring.old, NOW - HOUR, account.ring.consumers)
    account.left = -1
    account.switch("KEY1", on=True)
    forgotten = Shelf("file:/2", account, shelves[0].key)
    waited: list[float] = []

    def pause(seconds: float) -> None:
        assert account.ring.since
        waited.append(seconds)
        account.ring = Ring((), account.ring.old, account.ring.since - HOUR, account.ring.consumers)

    Rotation(account, [*shelves, forgotten], HOUR, silent, pause=pause).run()
    assert [round(seconds) for seconds in waited] == [3600]
    assert forgotten.key == shelves[0].key


def test_a_key_that_is_not_shown_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    account, shelves = system()
    look = Account.look
    lag = [False, False, False]

    def late(self: Account) -> Ring:
        seen = look(self)
        if len(seen.keys) < 2 or not lag or lag.pop():
            return seen
        return Ring(seen.keys[:1], seen.old, seen.since, seen.consumers)

    monkeypatch.setattr(Account, "look", late)
    assert rotate(account, shelves) == "KEY2"
    assert account.made == 2


def test_a_key_for_nobody_is_not_made() -> None:
    account = Account()
    with pytest.raises(Refused, match="nobody is named"):
        rotate(account, [])
    assert account.made == 0


def test_the_old_key_soaks_before_it_goes_and_nothing_secret_is_told() -> None:
    account, shelves = system()
    told: list[Event] = []
    waited: list[float] = []

    def pause(seconds: float) -> None:
        assert not account.keys["KEY1"][1]
        waited.append(seconds)
        assert account.ring.since
        account.ring = Ring((), account.ring.old, account.ring.since - HOUR, account.ring.consumers)

    Rotation(account, shelves, HOUR, told.append, pause=pause).run()
    assert [round(seconds) for seconds in waited] == [3600]
    texts = [event.text for event in told]
    assert "key KEY1 was last used yesterday, KEY1" in texts
    assert any("aws iam update-access-key --access-key-id KEY1 --status Active" in text for text in texts)
    assert "secret" not in repr(told)
