"""Settings come from environment variables, or from the file that NAME_FILE points to.

The same file is in every project of this example; tests/test_copies.py keeps them equal.
"""

import os
from pathlib import Path


class MissingSetting(SystemExit):
    """Ends the program with one clear line."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not set: set {name}, or {name}_FILE to a file that holds it")


def optional(name: str, default: str = "") -> str:
    """The value of NAME, else what is in the file NAME_FILE, else the default."""
    value = os.environ.get(name, "")
    if not value and (path := os.environ.get(f"{name}_FILE", "")):
        value = Path(path).read_text(encoding="utf-8").strip()
    return value or default


def required(name: str) -> str:
    """Like optional, but a missing value ends the program."""
    value = optional(name)
    if not value:
        raise MissingSetting(name)
    return value
