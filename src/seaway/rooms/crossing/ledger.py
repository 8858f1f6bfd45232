"""The ledger: everything that happened to a crossing, in the ConfigMap `crossing-NAME-ledger`.

One JSON document a line, in the order in which it happened; the last 2,000 are kept, as far as they fit
into 900 KB (a ConfigMap holds 1 MiB). It outlives the crossing. Times are for people: each is of the clock of
whoever wrote the entry, and two clocks may be minutes apart, so nothing is ever put in order by them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from seaway.model.manifests import Manifest, labels
from seaway.rooms.crossing.state import Entry, moment

MOST: Final = 2000
LARGEST: Final = 900 * 1000
KEY: Final = "entries"
ROOM: Final = "crossing"


def ledger_name(crossing: str) -> str:
    """Name the ConfigMap."""
    return f"crossing-{crossing}-ledger"


def entries_of(config: Mapping[str, Any] | None) -> tuple[Entry, ...]:
    """Read the entries, the first first; a line that is none is left out."""
    found = []
    for line in ((config or {}).get("data") or {}).get(KEY, "").splitlines():
        try:
            found.append(Entry.from_json(json.loads(line)))
        except (ValueError, KeyError, TypeError):
            continue
    return tuple(found)


def merged(before: Iterable[Entry], more: Iterable[Entry]) -> tuple[Entry, ...]:
    """Put two accounts of the same events together; each is in its order, and so is what comes out.

    An entry that both have is there once; one that only `more` has comes before the one that follows it there
    and is known, or at the end. Bounded: the first go first.
    """
    known = {_key(entry): entry for entry in before}
    ahead: dict[tuple[object, ...], list[Entry]] = {}
    waiting: list[Entry] = []
    for key, entry in {_key(entry): entry for entry in more}.items():
        if key in known:
            ahead[key], waiting = waiting, []
        else:
            waiting.append(entry)
    ordered = [each for key, entry in known.items() for each in (*ahead.get(key, ()), entry)]
    ordered = [*ordered, *waiting][-MOST:]
    room = LARGEST
    for kept, entry in enumerate(reversed(ordered)):
        room -= len(_line(entry).encode()) + 1
        if room < 0:
            return tuple(ordered[len(ordered) - kept :])
    return tuple(ordered)


def ledger(system: str, crossing: str, entries: Iterable[Entry]) -> Manifest:
    """Compose the ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": ledger_name(crossing),
            "namespace": system,
            "labels": labels(system, ROOM, crossing),
        },
        "data": {KEY: "".join(f"{_line(entry)}\n" for entry in entries)},
    }


def told(entry: Entry) -> tuple[str, str, str, str, str]:
    """Give the cells of one line: when (UTC), what, by whom, the weights, why."""
    weights = f"{entry.start} → {entry.end} %" if entry.start != entry.end else f"{entry.end} %"
    at = f"{entry.at:%Y-%m-%d %H:%M:%S}"
    return at, entry.what.value, entry.by, weights, entry.reason


def _key(entry: Entry) -> tuple[object, ...]:
    return moment(entry.at), entry.what, entry.by, entry.start, entry.end, entry.reason


def _line(entry: Entry) -> str:
    return json.dumps(entry.as_json(), separators=(",", ":"), ensure_ascii=False)
