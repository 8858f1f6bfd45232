"""`seaway image registry`: what others need to reach the machine's registry, and no password."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seaway.cli.image import app
from seaway.errors import NotFound
from seaway.providers.local import access
from seaway.providers.local.access import PULL, PUSH, Access


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Access:
    found = Access(folder=tmp_path / "access", authority=tmp_path / "ca")
    monkeypatch.setattr(access, "Access", lambda: found)
    return found


def test_files_are_named_and_no_password_is_shown(here: Access) -> None:
    here.make()
    done = CliRunner().invoke(app, ["registry", "-o", "json"])
    told = json.loads(done.stdout)
    assert told["address"] == here.host
    for name in ("authority", PUSH, PULL):
        assert Path(told[name]).is_file()
    text = done.output + CliRunner().invoke(app, ["registry"]).output
    assert told["authority"] in text
    for account in (PUSH, PULL):
        assert here.account(account).password not in text


@pytest.mark.usefixtures("here")
def test_a_registry_that_was_never_started_is_told() -> None:
    done = CliRunner().invoke(app, ["registry"])
    assert isinstance(done.exception, NotFound)
    assert "seaway up" in done.exception.remedy
