"""Keys of a user, and the places that they are kept at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from seaway.model.identity import Key, KeyFacts


@dataclass(frozen=True)
class Ring:
    """The keys of a user as they are now.

    `old` is the one that goes: written down before the new one is made, None where no rotation is under way,
    "" where there was none. `since` is when it was made inactive, `consumers` where the user's key is kept.
    """

    keys: tuple[KeyFacts, ...]
    old: str | None = None
    since: datetime | None = None
    consumers: tuple[str, ...] = ()


class UserKeys(Protocol):
    """The keys of one user; whoever keeps them keeps the notes of their rotation too."""

    @property
    def name(self) -> str:
        """The identity's name."""

    def look(self) -> Ring:
        """See them as they are now."""

    def remember(self, consumers: tuple[str, ...]) -> None:
        """Note where the key is kept, in place of what was noted before."""

    def begin(self, old: str) -> None:
        """Note that this key goes, "" for none, and no time, before anything else is done."""

    def make(self) -> Key:
        """Make another key. Its secret half is never given again."""

    def works(self, key: Key) -> bool:
        """Ask who the key belongs to, and again for a while: a new one is not known everywhere at once."""

    def switch(self, key: str, *, on: bool) -> None:
        """Make it active or inactive, which can be taken back."""

    def since(self, moment: datetime) -> None:
        """Note when the key that goes was made inactive."""

    def used(self, key: str) -> str:
        """Tell when it was last used and for what, in words; nothing where it never was."""

    def remove(self, key: str) -> None:
        """Delete it, which cannot be taken back; one that is gone already is well too."""

    def finish(self) -> None:
        """Take the notes of the rotation away."""


class Consumer(Protocol):
    """A place that keeps a key for who uses it: a Secret, a file."""

    @property
    def name(self) -> str:
        """How the command line names it."""

    def held(self) -> Key | None:
        """Read the key that is there; None for none. Raises where that cannot be told."""

    def give(self, key: Key) -> None:
        """Put a key there in place of the one that is there, in one move."""
