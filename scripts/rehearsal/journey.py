"""The journey under load: routes leave by weight, one comes back and goes again, services roll over."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from scripts.rehearsal import release
from scripts.rehearsal.figures import Share
from scripts.rehearsal.load import Answer, Load
from scripts.rehearsal.seaway import Seaway

STEPS: Final = (1, 5, 10, 15, 25, 35, 50, 65, 80, 90, 100)
SHORT: Final = (1, 5, 25, 50, 100)
#: What leaves first, and what leaves by hand, comes back, and goes again by itself and, once more, by hand.
FIRST: Final = "login"
AGAIN: Final = "reading"
BACK: Final = 0
PATHS: Final = {"login": ("/login/",), "reading": ("/thoughts/", "/search")}
#: What the load asks for, in turn.
TARGETS: Final = ("/login/", "/search?q=sea", *["/login/"] * 2, "/thoughts/", *["/login/"] * 2, "/")
NEW: Final = "frontend"
#: Seconds for which the pilot watches a weight, as the file says: once the gateway has taken it up.
HELD: Final = 2.0
#: Seconds after a change that belong to neither weight.
SETTLE: Final = 0.5
#: What rolls out, all of it together.
ROLLOUTS: Final = ("frontend", "thoughts", "users")


@dataclass(frozen=True)
class Moved:
    """One change of weight: when its command began and ended, until when it was held (Unix seconds)."""

    crossing: str
    weight: int
    began: float
    ended: float
    until: float


@dataclass
class Story:
    """What was done, for the figures, and how long each part took.

    Also each image that was promoted, and the services that run theirs.
    """

    seconds: dict[str, float]
    moves: list[Moved] = field(default_factory=list)
    rollouts: list[str] = field(default_factory=list)
    promoted: dict[str, str] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)


def begin(seaway: Seaway) -> None:
    """Everything to the monolith: an earlier rehearsal may have left it elsewhere."""
    if any(crossing["weight"] for crossing in seaway.ask("cross", "status")):
        seaway.ask("cross", "back", "--all")


def let_cross(seaway: Seaway, story: Story, crossing: str) -> None:
    """Let the pilot move one crossing, as the file says; it is over when it has settled."""
    known = len(seaway.ask("cross", "history", crossing))
    seaway.ask("cross", "start", crossing)
    seaway.tell("cross", "watch", crossing)
    moved = by_itself(crossing, seaway.ask("cross", "history", crossing)[known:], time.time())
    if not moved or moved[-1].weight != STEPS[-1]:
        sys.exit(f"crossing {crossing} came back: seaway cross history {crossing} tells why")
    story.moves += moved


def move(seaway: Seaway, story: Story, crossing: str, weights: Sequence[int], hold: float) -> None:
    """Move a crossing by hand, with `hold` seconds at each weight; BACK is `seaway cross back`."""
    for number, weight in enumerate(weights, 1):
        began = time.time()
        if weight == BACK:
            seaway.ask("cross", "back", crossing)
        else:
            seaway.ask("cross", "move", crossing, str(weight))
        ended = time.time()
        time.sleep(hold)
        story.moves.append(Moved(crossing, weight, began, ended, time.time()))
        sys.stderr.write(f"  {number:>2}/{len(weights)}  {crossing:<8} {weight:>3} %\n")


def by_itself(crossing: str, entries: Sequence[Mapping[str, Any]], until: float) -> list[Moved]:
    """Read what the pilot moved from the ledger, the oldest entry first; the last weight stays `until`."""
    times = [datetime.fromisoformat(entry["at"]).timestamp() for entry in entries]
    return [
        Moved(crossing, entry["to"], at, max(at, after - HELD), until if entry["to"] == STEPS[-1] else after)
        for entry, at, after in zip(entries, times, (*times[1:], until), strict=True)
        if entry["from"] != entry["to"]
    ]


def roll_over(seaway: Seaway, system: Path, story: Story) -> None:
    """Promote a new version of each service and roll them out under the same load."""
    release.only_by_promotion(system)
    story.promoted = release.promote(system, ROLLOUTS)
    for service in ROLLOUTS:
        sys.stderr.write(f"  promoted {story.promoted[service]}\n")
        release.new_version(system / service / service)
    seaway.tell("up", "--yes")
    story.rollouts += ROLLOUTS
    story.running = release.running(seaway.ask("status"), story.promoted)


def shares(story: Story, load: Load) -> Iterator[Share]:
    """Every held weight with what really arrived on the new side."""
    for move in story.moves:
        seen = [
            a
            for a in load.seen(move.ended + SETTLE, move.until)
            if a.path in PATHS[move.crossing] and not a.failed
        ]
        yield Share(move.weight, sum(a.side == NEW for a in seen), len(seen))


def last_after_back(story: Story, load: Load) -> list[float]:
    """For every `back`: seconds from its end to the last request sent that the new side still answered."""
    waits = []
    for move in story.moves:
        if move.weight == 0:
            late = [
                a
                for a in load.seen(move.ended, move.until)
                if a.path in PATHS[move.crossing] and a.side == NEW
            ]
            waits.append(max((a.at for a in late), default=move.ended) - move.ended)
    return waits


def failures(answers: tuple[Answer, ...]) -> list[str]:
    """The failed requests, as lines for a reader."""
    return told(tuple(answer for answer in answers if answer.failed))


def told(answers: tuple[Answer, ...]) -> list[str]:
    return [f"{a.at:.3f} {a.path} {a.code} {a.error} ({a.side}, {a.seconds:.3f} s)" for a in answers]
