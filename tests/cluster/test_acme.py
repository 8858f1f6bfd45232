"""A real ACME server signs for the small system's domain, which it visits through the gateway."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.benchmark.pebble import Pebble, pebble
from seaway.kit.kube import Ref
from seaway.model.certificate import Certificate
from seaway.model.event import silent
from seaway.rooms.acme.challenge import challenge_refs
from seaway.rooms.edge.certificates import LOOPBACK, shown
from tests.cluster.support import until
from tests.cluster.tiny_system import DOMAIN, HTTP, HTTPS, MONOLITH, NAME, SYSTEM, Tiny

EDGE = Ref("v1", "Secret", "edge-tls", SYSTEM)


@pytest.fixture
def server(tiny: Tiny, tmp_path: Path) -> Iterator[Pebble]:
    """Pebble, as pods reach it; afterwards the local authority signs again."""
    outside = str(tiny.cluster.home.outside)
    with pebble(tmp_path, HTTP, outside) as found:
        tiny.cluster.clusters.admit(NAME, (MONOLITH, found.port), silent)
        shutil.copy(tmp_path / "pebble.pem", tiny.folder)
        document = yaml.safe_load(tiny.file.read_text())
        https = {"issuer": "acme", "directory": found.at(outside), "ca": "./pebble.pem"}
        document["environments"]["test"]["https"] = https
        tiny.file.write_text(yaml.safe_dump(document, sort_keys=False))
        yield found
        tiny.cluster.clusters.admit(NAME, (MONOLITH,), silent)


def test_a_server_signs_through_the_gateway_and_what_it_signed_is_kept(tiny: Tiny, server: Pebble) -> None:
    kube, before = tiny.cluster.kube, shown(LOOPBACK, HTTPS, DOMAIN)
    _, story = tiny.seaway("up")
    assert f"a stand-in until {server.at(str(tiny.cluster.home.outside))} signs" in story
    signed = until(lambda: _signed(tiny), "the certificate of the server")
    assert signed.issuer.startswith("Pebble")
    assert signed.names == (DOMAIN,)
    assert before.issuer != signed.issuer
    until(lambda: not any(map(kube.get, challenge_refs(SYSTEM))), "the end of the challenge")
    told = _edge(tiny)
    assert (told["acme"]["failures"], told["failure"], told["due"]) == (0, "", False)
    assert tiny.plan() == []
    kube.delete(EDGE)
    until(lambda: _signed(tiny) == signed, "the same certificate, put back")
    tiny.write()
    tiny.seaway("up")
    until(
        lambda: shown(LOOPBACK, HTTPS, DOMAIN).issuer == before.issuer,
        "the certificate of the local authority",
    )
    with closing(tiny.connect()) as visit:
        assert visit.ask("/").status == 200
    assert tiny.plan() == []


def _signed(tiny: Tiny) -> Certificate | None:
    """The certificate that visitors are shown, if it is the one that the server signed."""
    told = _edge(tiny)
    return shown(LOOPBACK, HTTPS, DOMAIN) if told["acme"]["signed"] and not told["failure"] else None


def _edge(tiny: Tiny) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tiny.seaway("edge", "status", "-o", "json")[0])
    return found
