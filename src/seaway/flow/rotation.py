"""Another key for a user: second key → consumers → verified → old one inactive → soaked → deleted.

What to do next follows from what is seen alone: the keys, the notes that are kept with the user, and what
the consumers hold. So a run that was killed at any call is gone on with, and at any moment each consumer
holds a key that is active.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from seaway.errors import Refused, Unready
from seaway.model.event import Event, Outcome, Report, told
from seaway.model.identity import Key, KeyFacts
from seaway.ports.identities import Consumer, Ring, UserKeys

#: How often it is looked for a key that was just made.
LOOKS: Final = 60


class Move(StrEnum):
    """One thing to do with a key or a consumer."""

    BEGIN = "begin"
    MAKE = "make a second key"
    DISCARD = "delete the key whose secret nobody kept"
    WAKE = "make active again"
    GIVE = "give the new key"
    DISABLE = "make the old key inactive"
    NOTE = "note the time"
    SOAK = "wait"
    REMOVE = "delete the old key"
    FINISH = "finish"


@dataclass(frozen=True)
class Next:
    """What to do, with which key, at which consumer, for how many seconds."""

    move: Move
    key: str = ""
    consumer: str = ""
    seconds: float = 0


def decide(user: str, ring: Ring, held: Mapping[str, str], soak: timedelta, now: datetime) -> Next:
    """Choose the next move; `held` is the key that each consumer holds. Changes nothing.

    Raises Refused where there are two keys and no note tells which of them goes.
    """
    if ring.old is None:
        if len(ring.keys) > 1:
            raise _unclear(user, "it has two keys, and no note tells which of them goes")
        return Next(Move.BEGIN, ring.keys[0].id if ring.keys else "")
    old = next((key for key in ring.keys if key.id == ring.old), None)
    others = [key for key in ring.keys if key.id != ring.old]
    if len(others) > 1:
        raise _unclear(user, f"{ring.old or 'no key'} is noted to go, and there are two others")
    if old and not old.active and old.id in held.values():
        return Next(Move.WAKE, old.id)
    if not others:
        return Next(Move.MAKE)
    return _spread(others[0], held) or _leave(old, ring, soak, now)


def _spread(new: KeyFacts, held: Mapping[str, str]) -> Next | None:
    """Bring the new key to where it is missing; only a consumer that has it knows its secret half."""
    having = [consumer for consumer, key in held.items() if key == new.id]
    if not having:
        return Next(Move.DISCARD, new.id)
    if not new.active:
        return Next(Move.WAKE, new.id)
    missing = next((consumer for consumer, key in held.items() if key != new.id), "")
    return Next(Move.GIVE, new.id, missing) if missing else None


def _leave(old: KeyFacts | None, ring: Ring, soak: timedelta, now: datetime) -> Next:
    """Part with the old key, once nobody holds it."""
    if old is None:
        return Next(Move.FINISH)
    if old.active:
        # A time that is noted is of before somebody had it back: it soaks anew.
        return Next(Move.BEGIN if ring.since else Move.DISABLE, old.id)
    if ring.since is None:
        return Next(Move.NOTE)
    left = (ring.since + soak - now).total_seconds()
    return Next(Move.SOAK, old.id, seconds=left) if left > 0 else Next(Move.REMOVE, old.id)


@dataclass
class Rotation:
    """Carries a rotation out. `settle` is how many seconds a look at a consumer may lag behind."""

    keys: UserKeys
    consumers: Sequence[Consumer]
    soak: timedelta
    report: Report
    settle: float = 5.0
    pause: Callable[[float], None] = time.sleep

    def run(self) -> str:
        """Do all that is left to do; gives the new key's id.

        Raises Refused where it is not clear which key goes, Unready where a consumer's key does not work.
        """
        if not self.consumers:
            raise nobody(self.keys.name)
        names = tuple(each.name for each in self.consumers)
        noted = self.keys.look().consumers
        for gone in (each for each in noted if each not in names):
            text = f"{gone} is named no more: the key there opens nothing once it is inactive"
            self.report(Event(f"rotation/gone/{gone}", Outcome.NOTE, text))
        if noted != names:
            self.keys.remember(names)
        while True:
            ring, held = self.keys.look(), self._held()
            following = decide(self.keys.name, ring, _ids(held), self.soak, datetime.now(UTC))
            self._do(following, held)
            if following.move is Move.FINISH:
                return next(key.id for key in ring.keys)

    def _do(self, following: Next, held: Mapping[str, Key | None]) -> None:
        key = following.key
        match following.move:
            case Move.MAKE:
                self._make(held)
            case Move.DISCARD:
                self._discard(key)
            case Move.WAKE:
                with told(self.report, "rotation/wake", f"key {key} is active again: it is in use"):
                    self.keys.switch(key, on=True)
            case Move.GIVE:
                source = next(each for each in held.values() if each and each.id == key)
                self._give(following.consumer, source)
            case Move.DISABLE:
                self._disable(key, held)
            case Move.SOAK:
                self._soak(key, following.seconds)
            case Move.REMOVE:
                with told(self.report, "rotation/remove", f"delete key {key}"):
                    self.keys.remove(key)
            case _:
                self._note(following)

    def _note(self, following: Next) -> None:
        match following.move:
            case Move.BEGIN:
                self.keys.begin(following.key)
            case Move.NOTE:
                self.keys.since(datetime.now(UTC))
            case _:
                self.keys.finish()

    def _held(self) -> dict[str, Key | None]:
        return {each.name: each.held() for each in self.consumers}

    def _make(self, held: Mapping[str, Key | None]) -> None:
        """Make a key, and give it away only once it works and is seen: from then on a consumer has it."""
        with told(self.report, "rotation/make", f"make another key of {self.keys.name}"):
            made = self.keys.make()
            self._must_work(made, "the new key")
            self._must_show(made)
        self._give(next(iter(held)), made)

    def _discard(self, key: str) -> None:
        """Delete a key whose secret half is lost, after a second look: one of a moment ago may lag behind."""
        self.pause(self.settle)
        if key in _ids(self._held()).values():
            return
        with told(self.report, "rotation/discard", f"delete key {key}, which nobody holds"):
            self.keys.remove(key)

    def _give(self, name: str, key: Key) -> None:
        consumer = next(each for each in self.consumers if each.name == name)
        with told(self.report, f"rotation/give/{name}", f"{name} gets key {key.id}"):
            consumer.give(key)

    def _disable(self, key: str, held: Mapping[str, Key | None]) -> None:
        self._verify(held)
        if used := self.keys.used(key):
            self.report(Event("rotation/used", Outcome.NOTE, f"key {key} was last used {used}"))
        with told(self.report, "rotation/disable", f"key {key} is inactive"):
            self.keys.switch(key, on=False)

    def _verify(self, held: Mapping[str, Key | None]) -> None:
        """Use the key of each consumer, as it is read from there."""
        for name, key in held.items():
            if key:
                self._must_work(key, f"the key of {name}", "remove what is there, and ")

    def _must_work(self, key: Key, whose: str, remedy: str = "") -> None:
        if not self.keys.works(key):
            raise Unready(
                f"{whose} does not work",
                where=key.id,
                why="AWS does not know it, or knows another secret half",
                remedy=f"{remedy}run the command again: the old key is still active",
            )

    def _must_show(self, key: Key) -> None:
        """See the key among those of the user; what is not seen would be made again."""
        for _ in range(LOOKS):
            if key.id in {each.id for each in self.keys.look().keys}:
                return
            self.pause(self.settle)
        raise Unready(f"the new key of {self.keys.name} is not shown", remedy="run the command again")

    def _soak(self, key: str, seconds: float) -> None:
        """Leave time in which somebody who was not named may miss the old key."""
        left, back = timedelta(seconds=round(seconds)), f"aws iam update-access-key --access-key-id {key}"
        text = f"key {key} is deleted in {left}; who misses it has it back by: {back} --status Active"
        self.report(Event("rotation/soak", Outcome.NOTE, text))
        self.pause(seconds)


def nobody(user: str) -> Refused:
    """Compose the error of a key that nobody would get."""
    return Refused(
        f"nobody is named who would get the key of {user}",
        why="a new key goes straight to where it is used, and is shown nowhere",
        remedy="name each place: --to file:PATH, --to kubernetes:CONTEXT/NAMESPACE/NAME, "
        "--to secretsmanager:NAME",
    )


def _ids(held: Mapping[str, Key | None]) -> dict[str, str]:
    return {name: key.id if key else "" for name, key in held.items()}


def _unclear(user: str, why: str) -> Refused:
    return Refused(
        f"it cannot be told which key of {user} shall go",
        why=why,
        remedy="delete the one that is not used: aws iam list-access-keys, aws iam delete-access-key",
    )
