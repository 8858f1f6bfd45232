"""Asking before something happens that cannot be taken back, or costs money."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import typer

from seaway.errors import Refused

if TYPE_CHECKING:
    from seaway.flow.system import System


#: Lines of what would happen that a refusal names.
SHOWN: Final = 4


def consent(refusal: str, head: str, lines: Sequence[str], question: str) -> None:
    """Say what would happen, and ask. Raises Refused for a no, and `refusal` where nobody can answer."""
    if not sys.stdin.isatty():
        raise Refused(refusal, why=f"{head} {_brief(lines)}", remedy="give the option --yes as well")
    sys.stderr.write("\n".join([head, *(f"  {line}" for line in lines)]) + "\n")
    if not typer.confirm(question, err=True):
        raise Refused("nothing was changed", why="the answer was no")


def _brief(lines: Sequence[str]) -> str:
    """Write many lines as one: the first, how many more there are, and the last, which sums up."""
    told = [" ".join(line.split()) for line in lines]
    left = len(told) - SHOWN - 1
    return "; ".join([*told[:SHOWN], f"{left} more", told[-1]] if left > 1 else told)


def agree(
    system: System, on: str, lines: Sequence[str], *, yes: bool, place: Callable[[], str] | None = None
) -> None:
    """Ask before something changes in an environment elsewhere than on this machine, and say where that is.

    `place` tells it where the environment is open already. Raises Refused where nobody can answer, or the
    credentials are for another account than the file's.
    """
    name, environment = system.environment(on)
    if not environment.here and not yes:
        from seaway.app import environment as house  # noqa: PLC0415  (all that an environment may be)

        where = place() if place else house.place(system, on)
        consent(f"{name} is not changed without a word", where, lines, "Make it so?")
