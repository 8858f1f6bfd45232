"""What is refused before a pod is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.errors import Refused, UsageError
from seaway.flow.capacity import Wish, checked
from seaway.flow.load import read
from seaway.flow.system import System

FILE = b"""
system: shop
environments:
  rehearsal: {on: local, domain: shop.localhost}
  production: {on: eks, account: "123456789012", region: us-west-2, domain: shop.example.com}
monolith: {address: "http://127.0.0.1:9000"}
services:
  web: {source: ., run: gunicorn web}
  store: {source: ., run: gunicorn store}
crossings:
  login: {routes: [/login, /logout], to: web}
  search: {routes: [/search], to: web}
"""


@pytest.fixture
def system(tmp_path: Path) -> System:
    return read(FILE, "seaway.yaml", tmp_path)


def _checked(system: System, service: str, *paths: str, on: str = "rehearsal") -> Wish:
    return checked(system, system.environments[on], Wish(service, paths, 0.2, 500))


def test_what_is_asked_for_are_the_routes_that_lead_to_it_or_those_given(system: System) -> None:
    assert _checked(system, "web").paths == ("/login", "/logout", "/search")
    assert _checked(system, "web", "/").paths == ("/",)


def test_only_a_rehearsal_is_loaded(system: System) -> None:
    with pytest.raises(Refused, match="on: eks"):
        _checked(system, "web", on="production")


def test_a_service_without_routes_must_be_told_what_to_ask_for(system: System) -> None:
    with pytest.raises(UsageError) as error:
        _checked(system, "store")
    assert "--path" in error.value.remedy
    with pytest.raises(UsageError, match="wbe"):
        _checked(system, "wbe")
