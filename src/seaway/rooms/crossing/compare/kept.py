"""The report of a crossing's comparison as it is kept: in the ConfigMap `crossing-NAME-differences`.

The pilot writes it, so that it outlives the comparator, and anybody who may read ConfigMaps can see it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from seaway.model.manifests import Manifest, labels
from seaway.rooms.crossing.compare.tally import KINDS, Tally

ROOM: Final = "crossing"
KEY: Final = "report.json"
#: A ConfigMap holds 1 MiB.
LARGEST: Final = 900 * 1000


def differences_name(crossing: str) -> str:
    """Name the ConfigMap."""
    return f"crossing-{crossing}-differences"


def kept(system: str, crossing: str, tally: Tally) -> Manifest:
    """Compose the ConfigMap; with fewer kinds of difference where all do not fit."""
    most, text = KINDS, _text(tally)
    while len(text.encode()) > LARGEST and most:
        most //= 2
        text = _text(tally.trimmed(most))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": differences_name(crossing),
            "namespace": system,
            "labels": labels(system, ROOM, crossing),
        },
        "data": {KEY: text},
    }


def _text(tally: Tally) -> str:
    return json.dumps(tally.as_json(), ensure_ascii=False, separators=(",", ":"))


def report_of(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Read the report; None where there is none."""
    text = ((config or {}).get("data") or {}).get(KEY, "")
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
