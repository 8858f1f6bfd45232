"""What must hold, and how sure a guard must be before it says that it does not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

#: A share of failed requests on the new side up to which `worse` is silent, whatever the old side's is.
NEGLIGIBLE: Final = 0.001
#: Milliseconds by which the new side may always be slower.
GRACE: Final = 10.0
#: Bad requests of the new side without which there is no decision.
FEWEST: Final = 3

_LEVEL_OF_NEGLIGIBLE: Final = 0.05
_PARTS: Final = {"worse": 0.8, "slower": 0.14, "failing": 0.03, "slow": 0.03}


@dataclass(frozen=True)
class Rules:
    """What must hold of the new side.

    errors: its share of failed requests at most, 0 to 1, or None.
    worse: whether it must not fail more often than the old side does at the same time.
    latency: how many times as slow as the old side it may be, or None.
    p99: milliseconds that 99 of 100 requests must keep, or None.
    minimum: requests that a step must have seen.
    alpha: the probability, over a crossing's whole life, of going back though everything holds.

    Raises ValueError for what is no share, no ratio or no probability.
    """

    errors: float | None = 0.05
    worse: bool = True
    latency: float | None = 1.5
    p99: float | None = None
    minimum: int = 100
    alpha: float = 0.01

    def __post_init__(self) -> None:
        if self.errors is not None and not 0 < self.errors < 1:
            raise ValueError(f"errors is a share between 0 and 1, not {self.errors}")
        if self.latency is not None and self.latency < 1:
            raise ValueError(f"latency is a ratio of at least 1, not {self.latency}")
        if self.p99 is not None and self.p99 <= 0:
            raise ValueError(f"p99 is a number of milliseconds, not {self.p99}")
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is a probability, not {self.alpha}")

    def __str__(self) -> str:
        """Give what must be the same for evidence to count on: all but the minimum."""
        return f"{self.errors} {self.worse:d} {self.latency} {self.p99} {self.alpha}"

    @cached_property
    def bars(self) -> dict[str, float]:
        """Give the evidence that each rule asks for, as a ratio; the rules share alpha (union bound)."""
        asked = {
            "worse": self.worse,
            "slower": self.latency is not None,
            "failing": self.errors is not None,
            "slow": self.p99 is not None,
        }
        whole = sum(_PARTS[name] for name, wanted in asked.items() if wanted)
        return {name: whole / (self.alpha * _PARTS[name]) for name, wanted in asked.items() if wanted}


#: The evidence that the new side fails more often than is negligible; a condition of `worse`, not a rule.
BAR_OF_NEGLIGIBLE: Final = 1 / _LEVEL_OF_NEGLIGIBLE
