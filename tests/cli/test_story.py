from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import typer

from seaway.cli.ending import ended, wants_json
from seaway.cli.story import Story, emit_json, emit_table, next_commands
from seaway.errors import Busy, Problem, SpecError
from seaway.model.event import Event, Outcome
from seaway.model.secret import Secret


def told(*events: Event) -> list[str]:
    out = io.StringIO()
    with Story(out) as story:
        for event in events:
            story(event)
    return out.getvalue().splitlines()


def test_a_step_is_told_when_it_begins_and_when_it_ends() -> None:
    begun, done = Event("a", Outcome.STARTED, "image"), Event("a", Outcome.DONE, "image", seconds=1.24)
    assert told(begun, done) == ["• image …", "✓ image (1.2 s)"]


def test_progress_without_a_terminal_does_not_flood() -> None:
    steps = [Event("a", Outcome.PROGRESS, "engine", fraction=n / 100) for n in range(1, 100)]
    assert told(Event("a", Outcome.STARTED, "engine"), *steps) == ["• engine …"]


def test_a_failure_shows_every_line_of_its_reason() -> None:
    assert told(Event("a", Outcome.FAILED, "rollout\nlast words")) == ["✗ rollout", "    last words"]


def test_a_note_has_neither_mark_nor_time() -> None:
    assert told(Event("a", Outcome.NOTE, "seen")) == ["• seen"]


def test_rows_stand_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    emit_table(["name", "weight"], [["login", "5 %"], ["a", "100 %"]])
    assert capsys.readouterr().out == "NAME   WEIGHT\nlogin  5 %\na      100 %\n"


def test_the_next_commands_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    next_commands(("seaway up", "go"), ("seaway down", "leave"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "\nNext:\n  seaway up     go\n  seaway down   leave\n"


def test_json_is_readable_by_any_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"name": "é"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"name": "é"}


def fails(error: BaseException) -> int:
    def work() -> None:
        raise error

    return ended(["up", "-o", "json"], work)


def test_the_exit_status_follows_from_the_error() -> None:
    assert fails(Busy("at it")) == 1
    assert fails(SpecError("seaway.yaml", (Problem("a", 1, "b"),))) == 2
    assert fails(typer.Exit(3)) == 3
    assert fails(KeyboardInterrupt()) == 130


def test_problems_of_the_file_are_in_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    fails(SpecError("seaway.yaml", (Problem("a", 1, "b", "c"),)))
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["problems"] == [{"path": "a", "line": 1, "why": "b", "remedy": "c"}]


def test_a_fault_of_our_own_keeps_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert fails(ValueError("odd")) == 1
    (kept,) = (tmp_path / "seaway").iterdir()
    assert "ValueError: odd" in kept.read_text()
    assert "Traceback" not in capsys.readouterr().err


def test_a_traceback_is_shown_to_those_who_ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEAWAY_DEBUG", "1")
    fails(ValueError("odd"))
    assert "Traceback" in capsys.readouterr().err


def test_a_secret_in_an_error_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    fails(Busy(f"with {Secret('hunter2')}"))
    captured = capsys.readouterr()
    assert "hunter2" not in captured.out + captured.err


@pytest.mark.parametrize("words", [["-o", "json"], ["-ojson"], ["--output=json"], ["x", "--output", "json"]])
def test_json_is_recognised_however_it_is_asked_for(words: list[str]) -> None:
    assert wants_json(words)
    assert not wants_json(["-o", "text", "json"])
