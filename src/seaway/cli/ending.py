"""How a command ends: its exit status, and what is said when it did not go well."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import typer

from seaway.cli.story import emit_json, style, wants_colour
from seaway.errors import SeawayError, SpecError, UsageError
from seaway.model.wrong import plainly

INTERRUPTED: Final = 130  # what a shell reports for a program that SIGINT ended: 128 + 2
READER_GONE: Final = 141  # the same for SIGPIPE: 128 + 13


def ended(words: Sequence[str], work: Callable[[], None]) -> int:
    """Run `work` and turn however it ends into an exit status, told on stderr (and as JSON for -o json)."""
    try:
        work()
        sys.stdout.flush()
    except typer.Exit as leave:
        return leave.exit_code
    except BrokenPipeError:
        return _reader_gone()
    except (KeyboardInterrupt, typer.Abort):
        return _failed(words, _interrupted(words))
    except Exception as error:  # noqa: BLE001  (the last resort: nobody should be shown a bare traceback)
        return _failed(words, _explained(error))
    return 0


def as_json(error: SeawayError) -> dict[str, Any]:
    """Shape an error as the one JSON document of a command that failed with -o json."""
    document: dict[str, Any] = {
        "kind": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "why": error.why,
        "remedy": error.remedy,
        "retryable": error.retryable,
        "exit_status": error.exit_status,
    }
    if isinstance(error, SpecError):
        document["file"] = error.file
        document["problems"] = [vars(problem) for problem in error.problems]
    return {"error": document}


def wants_json(words: Sequence[str]) -> bool:
    """Whether the command line asks for JSON, even where it is too wrong to be parsed."""
    joined = {"-ojson", "-o=json", "--output=json"}
    separate = any(a in {"-o", "--output"} and b == "json" for a, b in pairwise(words))
    return separate or any(word in joined for word in words)


def _failed(words: Sequence[str], error: SeawayError) -> int:
    first, *rest = error.lines()
    colour = wants_colour(sys.stderr)
    sys.stderr.write("\n".join([f"{style('✗', 'red', colour)} {first}", *rest]) + "\n")
    if wants_json(words):
        emit_json(as_json(error))
    return error.exit_status


def _explained(error: Exception) -> SeawayError:
    if isinstance(error, SeawayError):
        return error
    if isinstance(error, typer.TyperException):
        ctx: Any = getattr(error, "ctx", None)
        path = ctx.command_path if ctx else "seaway"
        return UsageError(plainly(error.format_message().strip()), remedy=f"{path} --help")
    return _unexpected(error)


def _interrupted(words: Sequence[str]) -> SeawayError:
    again = shlex.join(["seaway", *words])
    error = SeawayError(f"interrupted; what is done so far is sound, go on with: {again}")
    error.exit_status = INTERRUPTED
    return error


def _reader_gone() -> int:
    """Let the interpreter close an output that nobody reads any more without complaining about it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return READER_GONE


def _unexpected(error: Exception) -> SeawayError:
    if os.environ.get("SEAWAY_DEBUG"):
        traceback.print_exception(error)
        kept = "above"
    else:
        kept = _keep(error)
    if isinstance(error, OSError) and error.filename:
        return SeawayError(
            f"{error.strerror}: {error.filename}",
            where=f"traceback {kept}",
            remedy="see that it is there, that you may use it, and that its disk has room",
        )
    return SeawayError(
        f"a fault in Seaway itself: {type(error).__name__}: {error}",
        where=f"traceback {kept}",
        remedy="run it again; if it stays, report it with the traceback (SEAWAY_DEBUG=1 prints it)",
    )


def _keep(error: Exception) -> str:
    """Write the traceback below the user's state folder, or a temporary one where that is not writable."""
    name = f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    text = "".join(traceback.format_exception(error))
    state = Path(os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()) / "seaway"
    for folder in (state, Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        except OSError:
            continue
        return f"in {folder / name}"
    return "could not be written"
