"""Public names of the small system: one moves at a real server of names, another is served beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.benchmark.names import Knot
from seaway.kit.dns import Records
from seaway.kit.kube import Ref
from seaway.rooms.edge.certificates import LOOPBACK, shown
from seaway.rooms.edge.facts import addresses_of
from tests.cluster.support import until
from tests.cluster.tiny_system import DOMAIN, HTTP, HTTPS, SYSTEM, Tiny

#: Not below the domain, for which the certificate is in any case.
OTHER = "inn.localhost"


@pytest.fixture
def names(knotd: None, system: Tiny, tmp_path: Path) -> Iterator[Knot]:  # noqa: ARG001
    """A server with the name, which leads to an old server; the file knows it, and the cluster twice."""
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
    planned = _plan(system)
    assert planned["notes"] == [
        f"{DOMAIN} still leads to the old server: seaway domain move is the step before seaway cross"
    ]
    (name,) = planned["names"]
    assert (name["records"], name["share"], name["owner"]) == (["A 192.0.2.1"], 0, "")
    for words in (("start",), ("move", "first", "5")):
        _, story = system.seaway("cross", *words, status=1)
        assert "nothing crosses before it is moved" in story
    system.seaway("cross", "move", "first", "5", "--anyway")
    system.seaway("cross", "move", "first", "1")
    system.seaway("cross", "back", "--all")
    names.put(DOMAIN, Records(DOMAIN, "A", 60, ("127.0.0.1",)))
    assert _notes(system) == []
    (name,) = json.loads(system.seaway("status", "-o", "json")[0])["names"]
    assert (name["share"], name["ours"], name["strayed"]) == (100, False, False)
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


def test_a_further_name_is_served_by_the_same_routes_with_the_same_certificate(system: Tiny) -> None:
    before = system.file.read_text()
    document = yaml.safe_load(before)
    document["environments"]["test"]["names"] = [OTHER]
    system.file.write_text(yaml.safe_dump(document, sort_keys=False))
    system.seaway("cross", "move", "first", "100")
    with system.load("/", "/first"):
        system.seaway("up")
        names = until(lambda: _names_shown() >= {DOMAIN, OTHER} and _names_shown(), "both names")
        for name in (DOMAIN, OTHER):
            with closing(system.connect(name)) as visit:
                old, new, closed = (visit.ask(path) for path in ("/", "/first", "/health"))
            sides = old.headers["x-served-by"], new.headers["x-served-by"]
            assert (sides, closed.status) == (("monolith", "app"), 403)
            assert "strict-transport-security" in old.headers
            assert _redirected(name) == f"https://{name}:{HTTPS}/x"
    told = json.loads(system.seaway("edge", "status", "-o", "json")[0])
    assert (set(told["names"]), told["failure"]) == (names, "")
    assert told["urls"] == [f"https://{DOMAIN}:{HTTPS}", f"https://{OTHER}:{HTTPS}"]
    assert system.plan() == []
    system.file.write_text(before)
    system.seaway("up")
    until(lambda: OTHER not in _names_shown(), "a certificate without the further name")
    assert system.ask("/", Host=OTHER).status == 404
    system.seaway("cross", "back", "--all")


def _redirected(name: str) -> str:
    with closing(HTTPConnection("127.0.0.1", HTTP, timeout=10)) as visit:
        visit.request("GET", "/x", headers={"Host": name})
        answer = visit.getresponse()
    assert answer.status == 301
    return answer.headers["location"]


def _names_shown() -> set[str]:
    return set(shown(LOOPBACK, HTTPS, DOMAIN).names)


def _plan(system: Tiny) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(system.seaway("plan", "-o", "json")[0])
    return found


def _notes(system: Tiny) -> list[str]:
    notes: list[str] = _plan(system)["notes"]
    return notes


def _away(system: Tiny) -> dict[str, Any]:
    out, _ = system.seaway("domain", "status", "--on", "away", "-o", "json")
    found: dict[str, Any] = json.loads(out)["names"][0]
    return found
