"""What happened, as it happens: the story that a command tells while it works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    STARTED = "started"
    PROGRESS = "progress"
    DONE = "done"
    FAILED = "failed"
    NOTE = "note"


@dataclass(frozen=True)
class Event:
    """One moment of one step.

    `step` is the step's id, `text` a sentence for people, `fraction` how much is done (0 to 1, None when
    unknown), `seconds` how long the step took (when done or failed).
    """

    step: str
    outcome: Outcome
    text: str
    fraction: float | None = None
    seconds: float | None = None
    data: dict[str, str] = field(default_factory=dict)


Report = Callable[[Event], None]


def silent(_: Event) -> None:
    """Tell nobody."""


def notes(report: Report, step: str) -> Callable[[str], None]:
    """Give a function that reports sentences which belong to `step`."""
    return lambda text: report(Event(step, Outcome.NOTE, text))


@contextmanager
def told(report: Report, step: str, text: str) -> Iterator[None]:
    """Report that something begins, and how it ended and after how long."""
    began = time.monotonic()
    report(Event(step, Outcome.STARTED, text))
    try:
        yield
    except BaseException:
        report(Event(step, Outcome.FAILED, text, seconds=time.monotonic() - began))
        raise
    report(Event(step, Outcome.DONE, text, seconds=time.monotonic() - began))
