"""Visitors of a rehearsal: a modest load upon the gateway, for as long as things move behind it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from seaway.model.trial import Trial
from seaway.ports.loads import Loads

#: Seconds of one attack; one follows the other.
EACH: Final = 2


class Visitors:
    """Asks for `urls` in turn, `rate` times a second, until the block ends."""

    def __init__(self, loads: Loads, urls: Sequence[str], rate: int) -> None:
        self._loads, self._urls, self._rate = loads, urls, rate
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._visit, name="visitors")
        self.trials: list[Trial] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._error and error is None:
            raise self._error

    @property
    def requests(self) -> int:
        return sum(trial.requests for trial in self.trials)

    @property
    def failed(self) -> int:
        return sum(trial.failed for trial in self.trials)

    @property
    def late(self) -> float:
        """The p95 of the latency in the worst two seconds, in seconds."""
        return max((trial.late for trial in self.trials), default=0.0)

    def _visit(self) -> None:
        try:
            while not self._stop.is_set():
                self.trials.append(self._loads.attack(self._urls, self._rate, EACH))
        except Exception as error:  # noqa: BLE001  (raised where the block ends)
            self._error = error
