"""Asking before something happens that cannot be taken back, or costs money."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from seaway.errors import Refused


def consent(refusal: str, head: str, lines: Sequence[str], question: str) -> None:
    """Say what would happen, and ask. Raises Refused, with `refusal`, where nobody can answer."""
    if not sys.stdin.isatty():
        raise Refused(refusal, why=f"{head} {'; '.join(lines)}", remedy="give the option --yes as well")
    sys.stderr.write("\n".join([head, *(f"  {line}" for line in lines)]) + "\n")
    typer.confirm(question, abort=True, err=True)
