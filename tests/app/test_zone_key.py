"""The key of the zone on its way from who runs `up` to the pilot."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from scripts.benchmark.api_server import api_server
from scripts.benchmark.names import KEY, POOR_KEY
from seaway.app.zone import zone_key
from seaway.errors import UsageError
from seaway.flow.load import read
from seaway.flow.system import System
from seaway.kit.dns import Key
from seaway.kit.kube import Kube

FILE = b"""
system: shop
services:
  web: {source: ., run: serve}
environments:
  here:
    domain: www.shop.localhost
    https: {issuer: acme, directory: "https://ca.example.com/dir", challenge: dns-01}
    dns: {provider: rfc2136, zone: shop.localhost, server: ns1.example.com, key: dns-key}
  plain: {}
  aws:
    on: eks
    account: "123456789012"
    region: eu-central-1
    domain: www.example.com
    https: {issuer: acme, challenge: dns-01}
    dns: {provider: route53, zone: example.com}
"""


@pytest.fixture
def system(tmp_path: Path) -> System:
    return read(FILE, "seaway.yaml", tmp_path)


def give(kube: Kube, key: Key) -> None:
    meta = {"name": "acme-dns-key", "namespace": "shop"}
    data = {"key": b64encode(key.line().encode()).decode()}
    kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})


def test_it_is_given_where_the_pilot_has_none_or_another(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, here = system.environment("here")
    monkeypatch.setenv("SEAWAY_SECRET_DNS_KEY", KEY.line())
    first = zone_key(system, here, None)
    assert first
    assert Key.read(first.reveal()) == KEY
    with api_server() as (kube, _):
        assert zone_key(system, here, kube) == first
        give(kube, KEY)
        assert zone_key(system, here, kube) is None
        give(kube, POOR_KEY)
        assert zone_key(system, here, kube) == first


def test_who_does_not_know_it_need_not_where_the_pilot_has_it(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, here = system.environment("here")
    monkeypatch.delenv("SEAWAY_SECRET_DNS_KEY", raising=False)
    with api_server() as (kube, _):
        with pytest.raises(UsageError, match="dns-key of the server of names is not given"):
            zone_key(system, here, kube)
        give(kube, KEY)
        assert zone_key(system, here, kube) is None


@pytest.mark.parametrize("name", ["plain", "aws"])
def test_nobody_else_needs_one(system: System, name: str) -> None:
    """At Route 53 the pilot has rights instead."""
    assert zone_key(system, system.environment(name)[1], None) is None
