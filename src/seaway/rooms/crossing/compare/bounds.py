"""Exact one-sided confidence bounds of a share (Clopper and Pearson, 1934): k of n were seen."""

from __future__ import annotations

import math
from typing import Final

#: With what confidence a bound is told.
CONFIDENCE: Final = 0.95

_TINY: Final = 1e-300
_CLOSE: Final = 1e-12
_STEPS: Final = 10_000
_HALVINGS: Final = 60


def upper(k: int, n: int, confidence: float = CONFIDENCE) -> float:
    """Give the share below which the true one is, with this confidence; 1 where nothing was seen."""
    if k >= n:
        return 1.0
    return _solve(k + 1, n - k, confidence)


def lower(k: int, n: int, confidence: float = CONFIDENCE) -> float:
    """Give the share above which the true one is, with this confidence."""
    return _solve(k, n - k + 1, 1 - confidence) if k else 0.0


def tail(k: int, n: int, share: float) -> float:
    """Give how probable k or more of n are where each comes with this share."""
    return _beta(k, n - k + 1, share) if k else 1.0


def _solve(a: int, b: int, wanted: float) -> float:
    """Give the quantile of the beta distribution."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _beta(a, b, middle) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta(a: float, b: float, x: float) -> float:
    """Give the regularised incomplete beta function (DLMF, 8.17.22)."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, 1 - x)
    if x <= 0:
        return 0.0
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluate its continued fraction (Lentz, 1976)."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            found *= d * c
        if abs(d * c - 1) < _CLOSE:
            break
    return found


def _away(value: float) -> float:
    """Keep from dividing by nothing."""
    return value if abs(value) > _TINY else _TINY
