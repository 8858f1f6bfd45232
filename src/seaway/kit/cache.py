"""The user's cache: what can be made again (XDG base directory specification)."""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path:
    """Where Seaway keeps what it can make again; made by whoever writes there first."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seaway"
