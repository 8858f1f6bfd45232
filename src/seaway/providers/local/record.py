"""What a cluster's folder remembers between two commands."""

from __future__ import annotations

import json
from typing import Any

from seaway.providers.local.home import Home


def read(place: Home) -> dict[str, Any]:
    """Give its number, what it publishes and admits, whether it is whole and autoscaled, who counts.

    Where tokens are reviewed by a webhook, also its port.
    """
    found: dict[str, Any] = json.loads((place.state / "cluster.json").read_text())
    return found


def change(place: Home, **values: Any) -> dict[str, Any]:
    """Set some of it, and give all of it; a reader sees what was before or what is after."""
    now = {**(read(place) if (place.state / "cluster.json").exists() else {}), **values}
    fresh = place.state / "cluster.json.new"
    fresh.write_text(json.dumps(now))
    fresh.replace(place.state / "cluster.json")
    return now
