"""A value that cannot be used."""

from __future__ import annotations


class Wrong(ValueError):  # noqa: N818  (reads as what happened)
    """Raised by a checker of values: why it cannot be used, and what to write instead."""

    def __init__(self, why: str, remedy: str = "") -> None:
        super().__init__(why)
        self.why, self.remedy = why, remedy


def plainly(said: str) -> str:
    """Take away what pydantic puts before the words of a ValueError (pydantic-core: `value_error`)."""
    return said.replace("Value error, ", "", 1)
