"""A load of some seconds, and how it was borne."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: Share of the wanted requests that must really be answered each second.
KEPT_UP: Final = 0.95


@dataclass(frozen=True)
class Trial:
    """A constant rate. `rate` and `answered` in requests a second, `late` the latency's p95 in seconds.

    `cpu` is what each workload used meanwhile, in cores, `requests` how many there were.
    """

    rate: int
    answered: float
    failed: int
    late: float
    cpu: Mapping[str, float] = field(default_factory=dict)
    requests: int = 0

    def borne(self, objective: float) -> bool:
        """Whether every request was answered well, in time, and as many as were wanted."""
        return not self.failed and self.late <= objective and self.answered >= KEPT_UP * self.rate
