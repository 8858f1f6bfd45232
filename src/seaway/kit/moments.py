"""Moments as the Kubernetes API and most formats write them: RFC 3339, in UTC, with a Z."""

from __future__ import annotations

from datetime import UTC, datetime


def written(at: datetime, precision: str = "seconds") -> str:
    """Write a moment; `precision` is seconds, milliseconds or microseconds, of always as many digits."""
    return at.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def now(precision: str = "seconds") -> str:
    """Write this moment. Those of one precision compare as texts."""
    return written(datetime.now(UTC), precision)
