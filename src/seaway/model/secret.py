"""A value that must not be shown."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, repr=False)
class Secret:
    """Text that prints as `[redacted]` wherever it lands; `reveal()` is the only way to it."""

    _text: str

    def reveal(self) -> str:
        return self._text

    def __str__(self) -> str:
        return "[redacted]"

    __repr__ = __str__

    @classmethod
    def generate(cls, size: int = 32) -> Self:
        """Make a new one of `size` random bytes, in URL-safe base64."""
        return cls(secrets.token_urlsafe(size))
