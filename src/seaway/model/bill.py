"""What an environment costs where it is rented, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Item:
    """One thing that is paid for: dollars a month, None where nobody knows before; `why` says of what."""

    thing: str
    monthly: float | None
    why: str = ""


@dataclass(frozen=True)
class Bill:
    """What all of it costs a month by the `source` of its prices; what depends on use is not in it."""

    items: tuple[Item, ...]
    source: str

    @property
    def monthly(self) -> float:
        """The sum of what is known, in dollars."""
        return sum(item.monthly or 0.0 for item in self.items)

    def as_json(self) -> dict[str, Any]:
        return {
            "monthly": round(self.monthly, 2),
            "source": self.source,
            "items": [dict(vars(item)) for item in self.items],
        }
