"""Production as it is rehearsed: what stands in, and what stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.errors import UsageError
from seaway.flow.load import read
from seaway.flow.rehearsed import Stage, rehearsable, rehearsed
from seaway.flow.system import System

FILE = b"""
system: shop
environments:
  rehearsal: local
  production:
    on: eks
    account: "123456789012"
    region: us-west-2
    domain: shop.example.com
    nodes: {min: 6, max: 20, size: m7g.large}
    https: acme
    dns: {provider: route53, zone: example.com}
    adopt: {vpc: vpc-0a1b2c3d4e5f67890}
    control:
      version: 1.30
      private: true
      logs: audit
      key: "arn:aws:kms:us-west-2:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"
monolith: {address: "https://old.example.com:8443", also: ["https://o2.example.com:8443"], name: old.example}
services: {web: {source: ., run: gunicorn web}}
crossings:
  login: {routes: [/login], to: web, hold: 2h, only: "Mon-Thu 09:00-16:00", guard: {minimum: 1000}}
promotions: {production: {after: rehearsal}}
"""


def _stage(*, played: bool) -> Stage:
    return Stage(
        "http://10.200.255.1:9", played, "127.0.0.1:1/seaway", Path("/r/chain.pem"), Path("/r/key.pem")
    )


@pytest.fixture
def system(tmp_path: Path) -> System:
    return read(FILE, "seaway.yaml", tmp_path)


def test_what_is_beyond_this_machine_is_another(system: System) -> None:
    found = rehearsed(system, "production", _stage(played=True))
    _, spec = found.environment("production")
    old = found.monolith_in(spec)
    assert old
    assert (old.addresses, old.tls) == (("http://10.200.255.1:9",), False)
    assert spec.adopt is None
    assert spec.control
    assert (spec.control.version, spec.control.private, spec.control.key) == ("", None, "")
    assert spec.control.logs == ("audit",)
    assert (spec.dns, spec.login, spec.https.issuer, spec.registry) == (None, None, "local", "")
    assert spec.certificate
    assert found.folder / spec.certificate.chain == Path("/r/chain.pem")
    assert found.promotions == {}


def test_where_and_of_what_it_is_stays(system: System) -> None:
    real = system.environments["production"]
    _, spec = rehearsed(system, "production", _stage(played=True)).environment("production")
    same = ("on", "account", "region", "cluster", "domain", "instance")
    assert {each: getattr(spec, each) for each in same} == {each: getattr(real, each) for each in same}
    assert (spec.nodes.min, spec.nodes.max) == (3, 3)


@pytest.mark.parametrize(("played", "ratio"), [(True, 0), (False, 1.5)])
def test_crossings_take_seconds_and_are_compared_with_a_real_old_server_only(
    system: System, played: bool, ratio: float
) -> None:
    moves = rehearsed(system, "production", _stage(played=played)).crossings["login"]
    assert (moves.hold, moves.only, moves.guard.minimum, moves.guard.latency) == ("1s", "", 10, ratio)
    assert moves.routes == system.crossings["login"].routes


def test_a_registry_of_the_files_own_is_stood_in_for(system: System) -> None:
    own = system.environments["production"].model_copy(update={"registry": "registry.example.com/shop"})
    there = system.model_copy(update={"environments": {"production": own}})
    _, spec = rehearsed(there, "production", _stage(played=True)).environment("production")
    assert spec.registry == "127.0.0.1:1/seaway"


def test_only_production_on_aws_is_rehearsed(system: System) -> None:
    assert rehearsable(system, "production")[0] == "production"
    with pytest.raises(UsageError) as caught:
        rehearsable(system, "")
    assert caught.value.remedy == "seaway rehearse --on production"
