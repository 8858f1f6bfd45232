"""The public name of the small system, at a real server of names: it moves before the first crossing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.benchmark.names import KNOTD, Knot
from seaway.kit.dns import Records
from seaway.kit.kube import Ref
from seaway.rooms.edge.facts import addresses_of
from tests.cluster.tiny_system import DOMAIN, SYSTEM, Tiny


@pytest.fixture
def names(system: Tiny, tmp_path: Path) -> Iterator[Knot]:
    """A server with the name, which leads to an old server; the file knows it, and the cluster twice."""
    if not KNOTD.is_file():
        pytest.skip("knot is not on this machine: scripts/setup")
    before = system.file.read_text()
    with Knot(tmp_path / "knot", {DOMAIN: "@ 60 A 192.0.2.1\n"}) as knot:
        server = str(knot.server)
        document = yaml.safe_load(before)
        dns = {"provider": "manual", "zone": DOMAIN, "server": server, "resolvers": [server]}
        dns["prefix"] = "%{record_type}-own."
        away = {"on": "kubeconfig", "context": system.cluster.home.context, "registry": "r", "domain": DOMAIN}
        document["environments"]["test"]["dns"] = dns
        document["environments"]["away"] = {**away, "dns": dns}
        system.file.write_text(yaml.safe_dump(document, sort_keys=False))
        yield knot
    system.file.write_text(before)


def test_the_name_moves_before_the_first_crossing(system: Tiny, names: Knot) -> None:
    assert _notes(system) == [
        f"{DOMAIN} still leads to the old server: seaway domain move is the step before seaway cross"
    ]
    for words in (("start",), ("move", "first", "5")):
        _, story = system.seaway("cross", *words, status=1)
        assert "nothing crosses before it is moved" in story
    system.seaway("cross", "move", "first", "5", "--anyway")
    system.seaway("cross", "move", "first", "1")
    system.seaway("cross", "back", "--all")
    names.put(DOMAIN, Records(DOMAIN, "A", 60, ("127.0.0.1",)))
    assert _notes(system) == []
    system.seaway("cross", "move", "first", "1")
    system.seaway("cross", "back", "--all")


def test_where_the_gateway_answers_is_found_in_its_cluster(system: Tiny, names: Knot) -> None:
    gateway = system.cluster.kube.get(Ref("gateway.networking.k8s.io/v1", "Gateway", "edge", SYSTEM))
    (address,) = addresses_of(gateway)
    assert _away(system)["leads"] == "old server"
    names.put(DOMAIN, Records(DOMAIN, "A", 60, (address,)))
    told = _away(system)
    assert told["leads"] == "gateway"
    # no public authority vouches for a name below .localhost, so it answers and is not trusted
    assert told["gateway"].startswith(f"{address}:443: ")
    assert "CERTIFICATE_VERIFY_FAILED" in told["gateway"]


def _notes(system: Tiny) -> list[str]:
    notes: list[str] = json.loads(system.seaway("plan", "-o", "json")[0])["notes"]
    return notes


def _away(system: Tiny) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(system.seaway("domain", "status", "--on", "away", "-o", "json")[0])
    return found
