"""What a cluster's folder remembers, also of a deletion that was stopped half-way."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from seaway.providers.local import home, record


def test_a_deletion_that_is_stopped_leaves_a_cluster_that_can_be_found_and_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "STATE", tmp_path)
    place = home.Home("stopped", 7)
    for folder in ("etcd", "nodes", "pki"):
        (place.state / folder).mkdir(parents=True)
    (place.state / "Corefile").write_text(".")
    record.change(place, number=7)

    removed: list[Path] = []
    rmtree = shutil.rmtree

    def until_the_second(path: Path) -> None:
        if removed:
            raise KeyboardInterrupt
        removed.append(path)
        rmtree(path)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", until_the_second)
        with pytest.raises(KeyboardInterrupt):
            record.forget(place)

    assert home.find("stopped") == place
    record.forget(place)
    assert not place.state.exists()
    assert home.homes() == ()
