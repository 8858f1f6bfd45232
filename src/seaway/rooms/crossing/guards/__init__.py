"""Guards: whether the new side of a crossing must go back; valid however often one looks.

Pure. `docs/guards.md` has the mathematics and what they were measured to do.
"""

from __future__ import annotations

from seaway.rooms.crossing.guards.evidence import Evidence, fold
from seaway.rooms.crossing.guards.rules import Rules
from seaway.rooms.crossing.guards.seen import Seen
from seaway.rooms.crossing.guards.verdict import Verdict, verdict

__all__ = ["Evidence", "Rules", "Seen", "Verdict", "fold", "verdict"]
