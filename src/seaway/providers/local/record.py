"""What a cluster's folder remembers between two commands."""

from __future__ import annotations

import json
import shutil
from typing import Any, Final

from seaway.providers.local.home import Home

RECORD: Final = "cluster.json"


def read(place: Home) -> dict[str, Any]:
    """Give its number, what it publishes and admits, whether it is whole and autoscaled, who counts.

    Where tokens are reviewed by a webhook, also its port.
    """
    found: dict[str, Any] = json.loads((place.state / RECORD).read_text())
    return found


def change(place: Home, **values: Any) -> dict[str, Any]:
    """Set some of it, and give all of it; a reader sees what was before or what is after."""
    now = {**(read(place) if (place.state / RECORD).exists() else {}), **values}
    fresh = place.state / f"{RECORD}.new"
    fresh.write_text(json.dumps(now))
    fresh.replace(place.state / RECORD)
    return now


def forget(place: Home) -> None:
    """Remove the cluster's folder, this record last: whoever stops before that still finds the cluster."""
    for each in place.state.iterdir():
        if each.is_dir():
            shutil.rmtree(each)
        elif each.name != RECORD:
            each.unlink()
    shutil.rmtree(place.state)
