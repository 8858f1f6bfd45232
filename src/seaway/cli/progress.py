"""Progress bars on a terminal, for the steps that take over a second."""

from __future__ import annotations

from typing import Final, TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

SHOW_AFTER: Final = 1.0  # seconds


class _Patient(Progress):
    """Shows a task only once it has run for a second, so that quick steps do not flicker."""

    def get_renderable(self) -> RenderableType:
        return self.make_tasks_table([task for task in self.tasks if (task.elapsed or 0) >= SHOW_AFTER])


class Bars:
    """One line per running step, below the story; `above` prints the story's lines over them."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        console = Console(file=stream, force_terminal=True, no_color=not colour, highlight=False)
        self._progress = _Patient(
            SpinnerColumn("line"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._progress.start()

    def show(self, step: str, text: str, fraction: float | None) -> None:
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(text, total=None)
        total = 1.0 if fraction is not None else None
        self._progress.update(self._tasks[step], description=text, completed=fraction or 0.0, total=total)

    def end(self, step: str) -> None:
        if step in self._tasks:
            self._progress.remove_task(self._tasks.pop(step))

    def above(self, text: str) -> None:
        self._progress.console.print(Text.from_ansi(text))

    def stop(self) -> None:
        self._progress.stop()
