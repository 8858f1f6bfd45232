"""The step of load: somebody tries passwords; replicas come for it, a node for them, and both go again."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from scripts.rehearsal.load import Answer, Load
from scripts.rehearsal.seaway import Seaway
from scripts.rehearsal.visitor import Visitor

#: Logins a second with a wrong password, at most: each costs a fifth of a second of CPU, on purpose.
LOGINS: Final = 1
#: One after the other, as somebody who tries passwords sends them: on a slow machine they do not pile up.
ALONE: Final = ("-workers=1", "-max-workers=1")
WRONG: Final = HTTPStatus.UNAUTHORIZED
#: Seconds for which the load lasts at most, and stays once a node has come; in which the node must be gone.
LASTS: Final = 75
STAYS: Final = 5.0
GOES: Final = 100.0
LOOK: Final = 0.2
FORM: Final = "application/x-www-form-urlencoded"
_NODES: Final = re.compile(r"nodes: (\d+), (\d+) of \d+ nodes added")


class Step:
    """A second load beside the first, until a node has come for it; times are Unix seconds.

    `seen` are the nodes that `seaway scale watch` told: when, how many, and how many of them were added.
    """

    def __init__(self, seaway: Seaway, load: Load) -> None:
        self._seaway, self.load = seaway, load
        self._watch: subprocess.Popen[str] | None = None
        self.seen: list[tuple[float, int, int]] = []
        self.began = self.ended = 0.0

    def start(self, person: Visitor) -> None:
        """Begin; the caller goes on with what it does."""
        self._watch = self._seaway.follow("scale", "watch")
        self._pusher = threading.Thread(target=self._push, args=(person,), daemon=True)
        threading.Thread(target=self._read, args=(self._watch,), daemon=True).start()
        self._pusher.start()

    def settle(self) -> None:
        """Wait until the load is over and the node is gone, or should be."""
        self._pusher.join()
        _until(lambda: self.gone is not None, self.ended + GOES)

    def stop(self) -> None:
        if self._watch:
            self._watch.terminate()
            self._watch.wait(10)

    @property
    def failed(self) -> tuple[Answer, ...]:
        """The logins that were not answered as a wrong password is."""
        return tuple(answer for answer in self.load.seen() if answer.code != WRONG)

    @property
    def came(self) -> float | None:
        """When a node was there that had not been there before."""
        return next((at for at, _, added in self.seen if added), None)

    @property
    def gone(self) -> float | None:
        """When it was no longer there, after the load."""
        left = (at for at, _, added in self.seen if not added and at > self.ended > 0)
        return next(left, None) if self.came else None

    def as_json(self) -> dict[str, Any]:
        """Tell it: seconds until a node had come, and from the load's end until it was gone."""
        counts = [count for _, count, _ in self.seen] or [0]
        return {
            "logins_per_second": LOGINS,
            "logins": len(self.load.seen()),
            "nodes": [counts[0], max(counts), counts[-1]],
            "came_s": round(self.came - self.began, 1) if self.came else None,
            "gone_s": round(self.gone - self.ended, 1) if self.gone else None,
        }

    def _push(self, person: Visitor) -> None:
        self.began = time.time()
        self.load.start(["/login/"], {"Cookie": [person.cookie], "Content-Type": [FORM]}, person.form)
        _until(lambda: self.came is not None, self.began + LASTS)
        time.sleep(STAYS)
        self.load.stop()
        self.ended = time.time()

    def _read(self, watch: subprocess.Popen[str]) -> None:
        for line in watch.stdout or ():
            if told := _NODES.match(line):
                self.seen.append((time.time(), int(told[1]), int(told[2])))


def _until(look: Callable[[], bool], ends: float) -> None:
    while not look() and time.time() < ends:
        time.sleep(LOOK)
