"""What a rehearsal of production shows, and what it does not, part by part."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Part:
    """One part of production: what of it is `shown`, nothing where it is not rehearsed, and the `gaps`."""

    name: str
    shown: str
    gaps: tuple[str, ...]

    @property
    def state(self) -> str:
        if not self.shown:
            return "not rehearsed"
        return "rehearsed in part" if self.gaps else "rehearsed"

    def as_json(self) -> dict[str, Any]:
        return {"part": self.name, "state": self.state, "shown": self.shown, "not_rehearsed": list(self.gaps)}


@cache
def parts() -> tuple[Part, ...]:
    """Give every part, in the order in which it comes up."""
    listed = tomllib.loads((files("seaway.twin") / "ledger.toml").read_text())["part"]
    return tuple(Part(each["name"], each.get("shown", ""), tuple(each["gaps"])) for each in listed)
