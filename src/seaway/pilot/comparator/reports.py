"""How the pilot speaks with the comparator: tells it what is compared now, and hears what it found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2 as httpx

from seaway.errors import Unreachable
from seaway.rooms.crossing.compare.manifests import COMPARATOR, CONTROL
from seaway.rooms.crossing.compare.tally import Tally
from seaway.rooms.crossing.compare.task import Task

#: Seconds that it has for an answer.
ANSWER: Final = 2.0
URL: Final = f"http://{COMPARATOR}:{CONTROL}"


@dataclass
class Reports:
    """`known` are the newest tallies by crossing; whoever begins with one puts in what was kept.

    What the comparator has not told yet it is told: one that was started anew goes on from there.
    """

    url: str = URL
    known: dict[str, Tally] = field(default_factory=dict)
    _run: str = ""
    _heard: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._http = httpx.Client(timeout=ANSWER, trust_env=False)

    def exchange(self, tasks: Iterable[Task]) -> Mapping[str, Tally]:
        """Tell the tasks; gives the tally of each. May be repeated as often as one likes.

        Raises Unreachable where the comparator does not answer, or not as it should.
        """
        told = list(tasks)
        found = self._send(told)
        if self._run != found["run"] and self._heard:
            self._heard = frozenset()
            found = self._send(told)
        basis = {task.name: task.basis for task in told}
        try:
            tallies = {name: Tally.from_json(each) for name, each in found["reports"].items()}
        except (KeyError, TypeError, ValueError) as error:
            raise Unreachable("the comparator's report cannot be read", why=str(error)) from error
        self._run, self._heard = str(found["run"]), frozenset(tallies)
        self.known = {name: tally for name, tally in tallies.items() if tally.basis == basis.get(name)}
        return self.known

    def close(self) -> None:
        self._http.close()

    def _send(self, tasks: list[Task]) -> dict[str, Any]:
        kept = {name: tally.as_json() for name, tally in self.known.items() if name not in self._heard}
        body = {"tasks": [task.as_json() for task in tasks], "begin": kept}
        try:
            answer = self._http.post(f"{self.url}/crossings", json=body)
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable("the comparator does not answer", where=self.url, why=str(error)) from error
        if not isinstance(found, dict) or not isinstance(found.get("reports"), dict) or "run" not in found:
            raise Unreachable("the comparator's report cannot be read", where=self.url)
        return found
