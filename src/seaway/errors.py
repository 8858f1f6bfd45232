"""Every error that Seaway raises on purpose.

SeawayError            what happened, where, why, and what to do
├── UsageError         the command line or the file is wrong            exit status 2
│   └── SpecError      seaway.yaml: every problem at once
├── Refused            a safety rule says no; nothing was changed       exit status 1
│   └── Conflict       somebody else changed it in between; look again  exit status 1
├── MissingTool        this machine lacks something; names the package  exit status 1
├── NotFound           a named thing does not exist                     exit status 1
├── Busy               somebody else is at it (a lock, a port)          exit status 1
├── Unready            a thing did not become ready in time             exit status 1
├── ProcessFailed      a program that Seaway started failed             exit status 1
└── Unreachable        a server did not answer; may be tried again      exit status 1
"""

from __future__ import annotations

from dataclasses import dataclass


class SeawayError(Exception):
    """The root. `str()` is the one sentence; `where`, `why` and `remedy` are shown below it."""

    exit_status = 1
    retryable = False

    def __init__(self, what: str, *, where: str = "", why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.why, self.remedy = what, where, why, remedy

    def lines(self) -> list[str]:
        """The error as it is printed: one clear statement, then where, why and what to do."""
        parts = [("where", self.where), ("why", self.why), ("to do", self.remedy)]
        return [self.what, *(f"  {name}: {text}" for name, text in parts if text)]


class UsageError(SeawayError):
    exit_status = 2


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file. `line` counts from 1; 0 means the whole file."""

    path: str
    line: int
    why: str
    remedy: str = ""


class SpecError(UsageError):
    """A file that cannot be used, with all its problems."""

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
        super().__init__(f"{file} has {count}", remedy="mend the lines above and run the command again")
        self.file, self.problems = file, problems

    def lines(self) -> list[str]:
        found = []
        for p in self.problems:
            place = f"{self.file}:{p.line}" if p.line else self.file
            found.append(f"  {place}: {p.path or 'file'}: {p.why}")
            if p.remedy:
                found.append(f"      → {p.remedy}")
        return [self.what, *found]


class Refused(SeawayError):  # noqa: N818  (reads as what happened)
    pass


class Conflict(Refused):
    retryable = True


class MissingTool(SeawayError):  # noqa: N818
    pass


class NotFound(SeawayError):  # noqa: N818
    pass


class Busy(SeawayError):  # noqa: N818
    retryable = True


class Unready(SeawayError):  # noqa: N818
    pass


class ProcessFailed(SeawayError):  # noqa: N818
    pass


class Unreachable(SeawayError):  # noqa: N818
    retryable = True
