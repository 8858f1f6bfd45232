"""What changes while one looks: redrawn in place on a terminal, else a line for each change."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final

from seaway.cli.story import emit

WIDTH: Final = 160


class Screen:
    """Shows one look after another."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._lines = 0
        self._told: dict[str, str] = {}

    def show(self, rows: Sequence[Sequence[str]], told: Mapping[str, str]) -> None:
        """Draw `rows` in columns; without a terminal tell, by name, only what differs from the last look."""
        if self._live:
            self._redraw(columns(rows))
            return
        for name, text in told.items():
            if self._told.get(name) != text:
                emit(f"{name}: {text}")
        self._told = dict(told)

    def _redraw(self, lines: Sequence[str]) -> None:
        if self._lines:
            sys.stdout.write(f"\x1b[{self._lines}F\x1b[J")
        self._lines = len(lines)
        emit(*lines)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows as lines of equal columns, each no longer than a wide terminal."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    cells = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(row).rstrip()[:WIDTH] for row in cells]
