from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SEAWAY = Path(sys.executable).with_name("seaway")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def seaway(tmp_path: Path) -> Run:
    """The installed command, run in an empty folder."""

    def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SEAWAY, *words],
            cwd=tmp_path,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
