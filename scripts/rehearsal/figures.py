"""What the answers say: shares with their intervals, quantiles, and how soon a change was felt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

Z99: Final = 2.5758293035489004  # the 99.5 % quantile of the standard normal distribution


@dataclass(frozen=True)
class Share:
    """How many of `total` requests went to the new side while the weight was `weight` percent."""

    weight: int
    new: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson score interval of the observed share, at 99 % (Wilson 1927)."""
        if not self.total:
            return 0.0, 1.0
        share, z2 = self.new / self.total, Z99 * Z99
        centre = (share + z2 / (2 * self.total)) / (1 + z2 / self.total)
        half = (
            Z99
            / (1 + z2 / self.total)
            * math.sqrt(share * (1 - share) / self.total + z2 / (4 * self.total**2))
        )
        return max(0.0, centre - half), min(1.0, centre + half)

    @property
    def inside(self) -> bool:
        """Whether the weight lies in the interval; 0 and 100 allow no exception at all."""
        if self.weight in {0, 100}:
            return self.new == (self.total if self.weight else 0)
        low, high = self.interval
        return low <= self.weight / 100 <= high


def pooled(shares: Iterable[Share]) -> tuple[Share, ...]:
    """Join the shares of equal weights, by rising weight."""
    totals: dict[int, tuple[int, int]] = {}
    for share in shares:
        new, total = totals.get(share.weight, (0, 0))
        totals[share.weight] = new + share.new, total + share.total
    return tuple(Share(weight, *both) for weight, both in sorted(totals.items()))


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile by the nearest rank; 0 for no values."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(q * len(ranked)) - 1)] if ranked else 0.0


def per_second(times: Sequence[float]) -> float:
    """How many of these moments (in seconds) a second had, between first and last; 0 for fewer than two."""
    lasted = max(times, default=0.0) - min(times, default=0.0)
    return (len(times) - 1) / lasted if lasted else 0.0


def plausible(outside: int, total: int, chance: float = 0.01, limit: float = 0.001) -> bool:
    """Whether `outside` of `total` honest 99 % intervals may miss by luck alone.

    One interval in a hundred misses even when everything is right; more misses than that are a fault once
    their binomial tail probability is below `limit`.
    """
    tail = sum(
        math.comb(total, k) * chance**k * (1 - chance) ** (total - k) for k in range(outside, total + 1)
    )
    return tail >= limit
