"""`seaway rehearse`: what it refuses before anything is begun."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

FILE = """
system: shop
environments:
  here: local
  production: {on: eks, account: "123456789012", region: us-west-2, domain: shop.example.com}
services: {web: {source: ., run: gunicorn web}}
"""


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ((), "seaway rehearse --on production"),
        (
            ("--on", "production", "--monolith", "http://old.example.com:9000"),
            "such as http://127.0.0.1:9000",
        ),
        (("--on", "production", "--monolith", "http://127.0.0.1:x"), "such as http://127.0.0.1:9000"),
    ],
)
def test_what_cannot_be_rehearsed_is_said(
    seaway: Run, tmp_path: Path, words: tuple[str, ...], remedy: str
) -> None:
    (tmp_path / "seaway.yaml").write_text(FILE)
    done = seaway("rehearse", *words, "-o", "json")
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["error"]["remedy"] == remedy
