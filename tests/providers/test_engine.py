"""The engine is packed once and unpacked elsewhere, by checksum."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.errors import Refused, SeawayError
from seaway.model.event import Event, Outcome, silent
from seaway.providers.local import engine


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """An archive of a small engine, named in the environment of a machine with an empty cache."""
    made = engine.Engine(tmp_path / "made")
    made.bin.mkdir(parents=True)
    made.program("engine").write_text("#!/bin/sh\n")
    made.program("engine").chmod(0o755)
    archive = tmp_path / "engine.tar.gz"
    checksum = engine.pack(made, archive)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SEAWAY_ENGINE", str(archive))
    monkeypatch.setenv("SEAWAY_ENGINE_SHA256", checksum)
    return archive, checksum


@pytest.mark.usefixtures("packed")
def test_an_engine_comes_out_as_it_was_packed_and_is_then_found() -> None:
    told: list[Event] = []
    found = engine.ensure(told.append)
    assert found == engine.expected()
    assert found.program("engine").stat().st_mode & 0o777 == 0o755
    assert [event.outcome for event in told] == [Outcome.STARTED, Outcome.DONE]
    told.clear()
    assert engine.ensure(told.append) == found
    assert told == []


def test_it_may_come_from_a_url(packed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWAY_ENGINE", packed[0].as_uri())
    assert engine.ensure(silent).program("engine").is_file()


def test_another_engine_than_expected_is_refused_and_nothing_stays(
    packed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAWAY_ENGINE_SHA256", "0" * 64)
    with pytest.raises(Refused, match="not the one expected") as error:
        engine.ensure(silent)
    assert packed[1] in error.value.why
    assert not engine.expected().folder.exists()


@pytest.mark.usefixtures("packed")
@pytest.mark.parametrize("checksum", ["", "abc", "g" * 64])
def test_an_engine_without_a_checksum_is_never_used(monkeypatch: pytest.MonkeyPatch, checksum: str) -> None:
    monkeypatch.setenv("SEAWAY_ENGINE_SHA256", checksum)
    with pytest.raises(Refused, match="without a valid"):
        engine.ensure(silent)


@pytest.mark.usefixtures("packed")
def test_an_archive_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWAY_ENGINE", "/nowhere/engine.tar.gz")
    with pytest.raises(SeawayError, match="cannot be read") as error:
        engine.ensure(silent)
    assert error.value.where == "/nowhere/engine.tar.gz"


def test_the_compiler_keeps_its_garbage_only_where_memory_is_plenty() -> None:
    gib = 1 << 30
    assert engine.garbage(16 * gib, 4) == {"GOGC": "off", "GOMEMLIMIT": f"{2 * gib}B"}
    assert engine.garbage(4 * gib, 4) == {"GOGC": "400"}
