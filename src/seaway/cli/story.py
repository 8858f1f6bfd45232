"""The story of a command, on stderr, and its data, on stdout.

`Story` is a `model.event.Report`: hand it to whatever does the work. Use it as a context manager, so that
the progress display is gone before anything else is printed:

    with Story() as story:
        app.up(system, story)
    next_commands(("seaway status", "what runs now"))
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TextIO

from seaway.cli.options import Format
from seaway.model.event import Event, Outcome

if TYPE_CHECKING:
    from seaway.cli.progress import Bars

MARKS: Final = {Outcome.DONE: "✓", Outcome.FAILED: "✗"}
COLOURS: Final = {"red": 31, "green": 32, "bold": 1, "dim": 2}
_MARK_COLOURS: Final = {"✓": "green", "✗": "red", "•": "dim"}
PLAIN_EVERY: Final = 10.0  # seconds between two progress lines of a step where there is no terminal
WORTH_TELLING: Final = 0.05  # a step's time is shown from this many seconds on


def wants_colour(stream: TextIO) -> bool:
    """Colour only on a terminal that can, and never where NO_COLOR is set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def style(text: str, colour: str, on: bool = True) -> str:
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if on else text


class Story:
    """Tells events as they happen: ✓ done, ✗ failed, • on the way or good to know."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._colour = wants_colour(self._stream)
        self._live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._bars: Bars | None = None
        self._told: dict[str, tuple[float, str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the progress display away; the story may go on afterwards."""
        if self._bars:
            self._bars.stop()
            self._bars = None

    def __call__(self, event: Event) -> None:
        if event.outcome in MARKS:
            if self._bars:
                self._bars.end(event.step)
            self._told.pop(event.step, None)
            long = event.seconds is not None and event.seconds >= WORTH_TELLING
            self._line(MARKS[event.outcome], event.text, f"({event.seconds:.1f} s)" if long else "")
        elif event.outcome is Outcome.NOTE:
            self._line("•", event.text)
        elif self._live:
            self._running().show(event.step, event.text, event.fraction)
        else:
            self._plain_progress(event)

    def note(self, text: str) -> None:
        """Say something that belongs to no step."""
        self._line("•", text)

    def _running(self) -> Bars:
        if not self._bars:
            from seaway.cli.progress import Bars  # noqa: PLC0415  (rich costs 80 ms; only terminals need it)

            self._bars = Bars(self._stream, colour=self._colour)
        return self._bars

    def _plain_progress(self, event: Event) -> None:
        now = time.monotonic()
        last, text = self._told.get(event.step, (0.0, ""))
        new = event.outcome is Outcome.STARTED or not text
        if new or now - last >= PLAIN_EVERY:
            share = f" {event.fraction:.0%}" if event.fraction else ""
            self._told[event.step] = (now, event.text)
            self._line("•", f"{event.text}{share} …")

    def _line(self, mark: str, text: str, aside: str = "") -> None:
        first, *more = text.splitlines() or [""]
        head = f"{style(mark, _MARK_COLOURS[mark], self._colour)} {first}"
        tail = f" {style(aside, 'dim', self._colour)}" if aside else ""
        lines = [head + tail, *(f"    {line}" for line in more)]
        if self._bars:
            self._bars.above("\n".join(lines))
        else:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()


def emit_json(document: Any) -> None:
    """Write the command's one JSON document to stdout."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    sys.stdout.flush()


def answer(output: Format, document: Any, text: str) -> None:
    """Give a command's answer as it is asked for: the document, or the text for people."""
    if output is Format.JSON:
        emit_json(document)
    else:
        emit(text)


def emit(*lines: str) -> None:
    """Write lines of text output to stdout."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def emit_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows below headers to stdout, in columns that two spaces part; nothing for no rows."""
    if not rows:
        return
    table = [[h.upper() for h in headers], *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(headers))]
    cells = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in table)
    emit(*("  ".join(row).rstrip() for row in cells))


def next_commands(*commands: tuple[str, str], on: str = "") -> None:
    """Name on stderr what one would type next: pairs of command and what it does, `on` an environment."""
    commands = tuple((_aimed(command, on), about) for command, about in commands)
    width = max(len(command) for command, _ in commands)
    lines = [f"  {command.ljust(width)}   {about}".rstrip() for command, about in commands]
    sys.stderr.write("\n".join(["", "Next:", *lines]) + "\n")


def _aimed(command: str, on: str) -> str:
    """Say which environment a command of ours is about; the authority is the machine's."""
    ours = command.startswith("seaway ") and command != "seaway edge ca"
    return f"{command} --on {on}" if on and ours else command
