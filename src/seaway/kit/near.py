"""Which known word was meant by one that nobody knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from seaway.errors import UsageError


def nearest(word: str, known: Iterable[str]) -> str:
    """Give the known word most like `word`; empty where none is alike."""
    words = list(known)
    lower = {w.lower(): w for w in words}
    near = get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    return lower[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Say `did you mean X?`; empty where none is alike."""
    near = nearest(word, known)
    return f"did you mean {near}?" if near else ""


def unknown(
    what: str, word: str, known: Collection[str], look: str, none: str = "there is none"
) -> UsageError:
    """Compose the error for a name that nobody knows: which there are, and which was meant.

    `look` is the command that tells them, for where no known one is alike.
    """
    why = f"there are: {', '.join(known)}" if known else none
    return UsageError(what, why=why, remedy=did_you_mean(word, known) or look)
