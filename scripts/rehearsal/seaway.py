"""Types Seaway's commands, as its user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

PROGRAM: Final = Path(sys.executable).with_name("seaway")


class Seaway:
    """The command, for one file; `secrets` reach `up` through its environment, and so does `more`."""

    def __init__(self, file: Path, secrets: dict[str, str], **more: str) -> None:
        self._file = file
        self._env = {
            **os.environ,
            **more,
            **{f"SEAWAY_SECRET_{k.upper().replace('-', '_')}": v for k, v in secrets.items()},
        }

    def tell(self, *words: str) -> None:
        """Run a command whose story the reader should see. Ends the rehearsal where it fails."""
        done = subprocess.run(
            [PROGRAM, *words, "--file", self._file], env=self._env, check=False, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            sys.exit(f"seaway {' '.join(words)} failed with status {done.returncode}")

    def follow(self, *words: str) -> subprocess.Popen[str]:
        """Start a command that goes on, to read what it writes."""
        argv: list[str | Path] = [PROGRAM, *words, "--file", self._file]
        return subprocess.Popen(
            argv, env=self._env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )

    def ask(self, *words: str) -> Any:
        """Run a command for its JSON."""
        argv: list[str | Path] = [PROGRAM, *words, "--file", self._file, "-o", "json"]
        done = subprocess.run(
            argv, env=self._env, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            sys.exit(f"seaway {' '.join(words)} failed with status {done.returncode}:\n{done.stderr}")
        return json.loads(done.stdout)
