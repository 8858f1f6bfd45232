"""Who waits for whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.app.world import alone
from seaway.flow.load import read
from seaway.model.event import silent
from seaway.providers.eks.cloud import REHEARSAL

FILE = b"""
system: shop
environments:
  production: {on: eks, account: "123456789012", region: us-west-2, cluster: shop, domain: shop.example.com}
services: {web: {source: ., run: serve}}
"""


def test_production_does_not_wait_for_its_rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(REHEARSAL, raising=False)
    system = read(FILE, "seaway.yaml", tmp_path)
    with alone(system, "production", silent):
        monkeypatch.setenv(REHEARSAL, "http://127.0.0.1:1")
        with alone(system, "production", silent):  # it would wait for half an hour
            found = {path.name for path in tmp_path.rglob("*.lock")}
    assert found == {"up-us-west-2-shop.lock", "up-rehearsed-us-west-2-shop.lock"}
