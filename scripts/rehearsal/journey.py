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
#: What the pilot moves by itself, as the file says; it is over when it has settled.
BY_ITSELF: Final = "login"
#: What is moved by hand: a crossing and the weights it goes through; 0 is `seaway cross back`.
BY_HAND: Final = (
    *(("reading", w) for w in STEPS),
    ("reading", 0),
    *(("reading", w) for w in STEPS),
    ("reading", 0),
    *(("reading", w) for w in SHORT),
)
PATHS: Final = {"login": ("/login/",), "reading": ("/thoughts/", "/search")}
#: What the load asks for, in turn.
TARGETS: Final = ("/login/", "/search?q=sea", *["/login/"] * 2, "/thoughts/", *["/login/"] * 2, "/")
NEW: Final = "frontend"
#: Seconds after a change that belong to neither weight.
SETTLE: Final = 0.5
#: What rolls out, and what of it together.
ROLLOUTS: Final = (("frontend",), ("thoughts", "users"))


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
    """What was done, for the figures: also each image that was promoted, and the services that run theirs."""

    moves: list[Moved] = field(default_factory=list)
    rollouts: list[str] = field(default_factory=list)
    promoted: dict[str, str] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)


def begin(seaway: Seaway) -> None:
    """Everything to the monolith: an earlier rehearsal may have left it elsewhere."""
    if any(crossing["weight"] for crossing in seaway.ask("cross", "status")):
        seaway.ask("cross", "back", "--all")


def let_cross(seaway: Seaway, story: Story) -> None:
    """Let one crossing move by itself."""
    known = len(seaway.ask("cross", "history", BY_ITSELF))
    seaway.ask("cross", "start", BY_ITSELF)
    seaway.tell("cross", "watch", BY_ITSELF)
    story.moves += by_itself(seaway.ask("cross", "history", BY_ITSELF)[known:], time.time())
    if not story.moves or story.moves[-1].weight != STEPS[-1]:
        sys.exit(f"crossing {BY_ITSELF} came back: seaway cross history {BY_ITSELF} tells why")


def cross(seaway: Seaway, story: Story, hold: float) -> None:
    """Move the other crossing by hand, with `hold` seconds at each weight."""
    for number, (crossing, weight) in enumerate(BY_HAND, 1):
        began = time.time()
        if weight:
            seaway.ask("cross", "move", crossing, str(weight))
        else:
            seaway.ask("cross", "back", crossing)
        ended = time.time()
        time.sleep(hold)
        story.moves.append(Moved(crossing, weight, began, ended, time.time()))
        sys.stderr.write(f"  {number:>2}/{len(BY_HAND)}  {crossing:<8} {weight:>3} %\n")


def by_itself(entries: Sequence[Mapping[str, Any]], until: float) -> list[Moved]:
    """Read what the pilot moved from the ledger's entries, the oldest first; the last holds `until`."""
    moves = [entry for entry in entries if entry["from"] != entry["to"]]
    times = [datetime.fromisoformat(entry["at"]).timestamp() for entry in moves]
    return [
        Moved(BY_ITSELF, entry["to"], at, at, following)
        for entry, at, following in zip(moves, times, (*times[1:], until), strict=True)
    ]


def roll_over(seaway: Seaway, system: Path, story: Story) -> None:
    """Promote a new version of each service, roll out one and then the others, under the same load."""
    release.only_by_promotion(system)
    story.promoted = release.promote(system, [service for some in ROLLOUTS for service in some])
    for some in ROLLOUTS:
        for service in some:
            sys.stderr.write(f"  promoted {story.promoted[service]}\n")
            release.new_version(system / service / service)
        seaway.tell("up", "--yes")
        story.rollouts += some
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
