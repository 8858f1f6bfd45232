"""A machine without Go gets one that works."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.kit import process
from seaway.model.event import silent
from seaway.providers.local import engine


def test_a_machine_without_go_gets_a_toolchain_that_knows_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    go = engine.go_program(engine.source(), silent)
    assert Path(go).is_relative_to(tmp_path)
    assert process.run(go, "list", "-m", cwd=engine.source()).strip() == "seaway.dev/engine"
    assert engine.go_program(engine.source(), silent) == go
