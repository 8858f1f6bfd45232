"""Load upon pods, and what it costs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from seaway.model.trial import Trial

__all__ = ["Loads", "Trial"]


class Loads(Protocol):
    """Asks pods of a cluster for something, at a constant rate."""

    def attack(self, urls: Sequence[str], rate: int, seconds: int) -> Trial:
        """Ask for these in turn, so many requests a second, for so long; then it is over."""

    def used(self, cluster: str, pods: Iterable[str]) -> dict[str, float]:
        """Give the seconds of CPU that pods have used so far, by uid; one that is not there is left out."""
