"""What a cluster stands on where it is rented part by part: found, made, and paid for."""

from __future__ import annotations

from typing import Protocol

from seaway.model.bill import Bill
from seaway.model.event import Report
from seaway.model.plan import Change


class Ground(Protocol):
    """All that one environment has in a cloud, its cluster among it."""

    def look(self) -> tuple[tuple[Change, ...], Bill, tuple[str, ...]]:
        """Say what must change there, what it costs then, and what is adopted. Changes nothing."""

    def ensure(self, report: Report, *, keep: bool = False) -> None:
        """Make what is missing and mend what differs; the cluster is ready for work on return.

        Where a new one cannot be made, what was made of it goes again, unless told to `keep` it.
        """

    def certificate(self) -> str:
        """Name the certificate that its load balancers show, as they are told of it; empty without one."""

    def let_go(self, report: Report, *, leaving: bool = False) -> None:
        """Take away what load balancers showed before and no longer do; all of it of a system that leaves."""

    def removals(self) -> tuple[Change, ...]:
        """Say what goes from there when the cluster is deleted. Changes nothing."""
