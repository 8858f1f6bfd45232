"""A real ACME server signs for the small system's domain, which it visits through the gateway."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmark.names import KEY, Knot
from scripts.benchmark.pebble import Pebble, pebble
from seaway.kit.dns import ask
from seaway.kit.kube import Ref
from seaway.model.certificate import Certificate
from seaway.model.event import silent
from seaway.model.gateway import EDGE, GATEWAY_API
from seaway.rooms.acme.challenge import challenge_refs
from seaway.rooms.edge.certificates import LOOPBACK, shown
from tests.cluster.support import until
from tests.cluster.tiny_system import DOMAIN, HTTP, HTTPS, MONOLITH, NAME, SYSTEM, Tiny

SECRET = Ref("v1", "Secret", "edge-tls", SYSTEM)
OTHER = f"www.{DOMAIN}"


@pytest.fixture
def server(tiny: Tiny, tmp_path: Path, names: Knot) -> Iterator[Pebble]:
    """Pebble, as pods reach it; afterwards the local authority signs again."""
    outside = str(tiny.cluster.home.outside)
    with pebble(tmp_path, HTTP, outside, names=names.server) as found:
        tiny.cluster.clusters.admit(NAME, (MONOLITH, found.port, names.server.port), silent)
        shutil.copy(tmp_path / "pebble.pem", tiny.folder)
        https = {"issuer": "acme", "directory": found.at(outside), "ca": "./pebble.pem"}
        tiny.say(https=https)
        yield found
        tiny.cluster.clusters.admit(NAME, (MONOLITH,), silent)


@pytest.fixture
def names(tmp_path: Path) -> Iterator[Knot]:
    """A server of names with the system's zone."""
    with Knot(tmp_path / "knot", {DOMAIN: "@ 60 A 127.0.0.1\nwww 60 A 127.0.0.1\n"}) as found:
        yield found


@pytest.fixture
def shadow(tiny: Tiny) -> Iterator[None]:
    """A route that takes everything at and below the place of challenges."""
    parent = {"kind": "Gateway", "name": EDGE, "sectionName": "http"}
    path = {"type": "PathPrefix", "value": "/.well-known/acme-challenge"}
    away = {"type": "RequestRedirect", "requestRedirect": {"hostname": "elsewhere.localhost"}}
    rule = {"matches": [{"path": path}], "filters": [away]}
    spec = {"parentRefs": [parent], "hostnames": [DOMAIN], "rules": [rule]}
    meta = {"name": "shadow", "namespace": SYSTEM}
    tiny.cluster.kube.apply({"apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": meta, "spec": spec})
    yield
    tiny.cluster.kube.delete(Ref(GATEWAY_API, "HTTPRoute", "shadow", SYSTEM))


@pytest.mark.usefixtures("shadow")
def test_a_server_signs_through_the_gateway_and_what_it_signed_is_kept(
    tiny: Tiny, server: Pebble, names: Knot, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    kube.delete(SECRET)
    until(lambda: _signed(tiny) == signed, "the same certificate, put back")
    tiny.say(names=[OTHER])
    _, story = tiny.seaway("up")
    assert f"the certificate is not for {OTHER} until" in story
    assert shown(LOOPBACK, HTTPS, DOMAIN).issuer.startswith("Pebble"), "no stand-in in between"
    both = until(lambda: _signed(tiny), "a certificate for both names, each proved by itself")
    assert set(both.names) == {DOMAIN, OTHER}
    until(lambda: not any(map(kube.get, challenge_refs(SYSTEM, 2))), "the end of both challenges")
    _wish_for_all_below(tiny, names)
    monkeypatch.setenv("SEAWAY_SECRET_DNS_KEY", KEY.line())
    tiny.seaway("up")
    below = until(lambda: _signed(tiny), "a certificate for all names below, by a record")
    assert set(below.names) == {DOMAIN, f"*.{DOMAIN}"}
    assert ask(names.server, f"_acme-challenge.{DOMAIN}", "TXT").values == ()
    assert tiny.plan() == []
    tiny.write()
    tiny.seaway("up")
    until(
        lambda: shown(LOOPBACK, HTTPS, DOMAIN).issuer == before.issuer,
        "the certificate of the local authority",
    )
    with closing(tiny.connect()) as visit:
        assert visit.ask("/").status == 200
    assert tiny.plan() == []


def _wish_for_all_below(tiny: Tiny, names: Knot) -> None:
    server = f"{tiny.cluster.home.outside}:{names.server.port}"
    dns = {"provider": "rfc2136", "zone": DOMAIN, "server": server, "key": "dns-key"}
    dns |= {"resolvers": str(names.server), "prefix": "%{record_type}-own."}
    tiny.say(https={"challenge": "dns-01", "wildcard": True}, dns=dns)


def _signed(tiny: Tiny) -> Certificate | None:
    """The certificate that visitors are shown, if it is the one that the server signed."""
    told = _edge(tiny)
    return shown(LOOPBACK, HTTPS, DOMAIN) if told["acme"]["signed"] and not told["failure"] else None


def _edge(tiny: Tiny) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tiny.seaway("edge", "status", "-o", "json")[0])
    return found
