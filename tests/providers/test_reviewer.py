"""What a cluster is told of who reviews tokens: only where it was asked for, and the same only once."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import pytest

from seaway.providers.local import record, reviewer
from seaway.providers.local.home import Home
from seaway.providers.local.reviewer import Webhook

WEBHOOK = Webhook(4711, "reviewer.example", b"an authority")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr("seaway.providers.local.home.STATE", tmp_path)
    found = Home("here", 3)
    found.state.mkdir(parents=True)
    record.change(found, number=3)
    return found


def test_an_api_server_asks_nobody_unless_told_to(place: Home) -> None:
    assert reviewer.flags(place) == []


def test_it_finds_the_webhook_on_this_machine_and_knows_it_by_its_certificate(place: Home) -> None:
    assert reviewer.note(place, WEBHOOK)
    first, *_ = reviewer.flags(place)
    config = Path(first.partition("=")[2])
    assert config.stat().st_mode & 0o077 == 0
    cluster = json.loads(config.read_text())["clusters"][0]["cluster"]
    assert cluster["server"] == "https://10.203.255.1:4711"
    assert cluster["tls-server-name"] == "reviewer.example"
    assert b64decode(cluster["certificate-authority-data"]) == b"an authority"
    assert record.read(place) == {"number": 3, "reviewer": 4711}


def test_only_another_one_is_news(place: Home) -> None:
    assert reviewer.note(place, WEBHOOK)
    assert not reviewer.note(place, WEBHOOK)
    assert reviewer.note(place, Webhook(4712, WEBHOOK.name, WEBHOOK.ca))
    assert record.read(place)["reviewer"] == 4712
