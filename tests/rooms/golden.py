"""Golden cases: a YAML file says what is given and what comes of it.

`SEAWAY_GOLDEN=write pytest tests/rooms` writes what comes out now; read the difference before you keep it.
"""

from __future__ import annotations

import os
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import yaml

from seaway.model.manifests import Output


def cases(folder: Path) -> list[Path]:
    """Find the cases of a room."""
    return sorted(folder.glob("*.yaml"))


def given(case: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(case.read_text())["given"]
    return data


def hold(case: Path, found: Any) -> None:
    """Compare what came out with the case, or write it down."""
    document, plain = yaml.safe_load(case.read_text()), _plain(found)
    if os.environ.get("SEAWAY_GOLDEN") == "write":
        text = case.read_text().partition("\nexpect:")[0].rstrip()
        case.write_text(f"{text}\n\n{yaml.safe_dump({'expect': plain}, sort_keys=False, width=110)}")
    else:
        assert plain == document["expect"]


def _plain(value: Any) -> Any:
    if isinstance(value, Output):
        return f"<{value.name}>{value.suffix}"
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _plain(asdict(value)) if is_dataclass(value) and not isinstance(value, type) else value
