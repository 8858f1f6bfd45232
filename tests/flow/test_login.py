"""Paths on which visitors must log in: which objects that takes, and an issuer that is away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import Unready, UsageError
from seaway.flow.load import read
from seaway.flow.plan import login_wish
from seaway.flow.status import status_of
from seaway.flow.system import System
from seaway.model.snapshot import IssuerFacts, Live, Snapshot
from seaway.rooms.edge.steps import RefuseLogin
from seaway.steps.secrets import BringSecret
from tests.flow import worlds
from tests.flow.worlds import planned

FILE = """
system: shop
environments:
  rehearsal: {on: local, domain: shop.localhost, ports: {https: 8443}%s}
monolith: http://127.0.0.1:9000
services:
  web: {source: ., run: gunicorn web}
  store: {source: ., run: gunicorn store, release: crossing}
crossings:
  login: {routes: [/login], to: web}
  goods: {routes: [/goods, /shelf], to: store}
"""
ISSUER = "https://login.example.com/shop"
LOGIN = ', login: {issuer: "%s", client: shop, secret: sso, paths: [%s]}'


def system(folder: Path, *paths: str, issuer: str = ISSUER) -> System:
    words = LOGIN % (issuer, ", ".join(paths)) if paths else ""
    return read((FILE % words).encode(), "seaway.yaml", folder)


def lines(found: System, seen: Snapshot) -> list[str]:
    return [f"{c.verb.value} {c.thing}" for c in planned(found, seen).changes]


def applied(found: System, seen: Snapshot, step: str) -> dict[str, Any]:
    return next(each.manifest for each in planned(found, seen).steps if each.id == step)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("paths", "own", "routes"),
    [
        (("/admin",), ("/admin",), ()),
        (("/login", "/admin"), ("/admin",), ("crossing-login",)),
        (("/goods", "/shelf"), (), ("crossing-goods", "crossing-store-next")),
        (("/",), (), ("monolith", "crossing-login", "crossing-goods", "crossing-store-next")),
    ],
)
def test_visitors_log_in_on_whole_routes(
    tmp_path: Path, paths: tuple[str, ...], own: tuple[str, ...], routes: tuple[str, ...]
) -> None:
    found = system(tmp_path, *paths)
    wish = login_wish(found, found.environment()[1])
    assert wish
    assert (wish.own, wish.routes) == (own, routes)
    assert (wish.given, wish.url) == ("SEAWAY_SECRET_SSO", "https://shop.localhost:8443")


def test_what_it_takes_comes_before_the_route_and_the_second_plan_is_empty(tmp_path: Path) -> None:
    found, seen = system(tmp_path, "/admin"), worlds.everything(system(tmp_path))
    seen = replace(seen, issuer=worlds.issuer(found))
    assert sorted(lines(found, seen)) == [
        "create HTTPRoute shop/login",
        "create Secret shop/login",
        "create SecurityPolicy shop/login",
        "update BackendTrafficPolicy shop/monolith",
        "wait SecurityPolicy shop/login",
    ]
    ids = [step.id for step in planned(found, seen).steps]
    assert ids.index("edge/login/secret") < ids.index("edge/login/policy") < ids.index("edge/login/route")
    assert lines(found, worlds.everything(found)) == []


def test_from_nothing_the_paths_are_never_open(tmp_path: Path) -> None:
    found = system(tmp_path, "/admin")
    steps = {step.id: step for step in planned(found, worlds.nothing(found)).steps}
    assert "edge/login/policy" in steps["edge/login/route"].after
    assert "edge/login/route" in steps["edge/default-route"].after
    assert "edge/login/await" in steps["edge/gateway/publish"].after


def test_an_issuer_that_is_away_keeps_what_would_be_open(tmp_path: Path) -> None:
    found = system(tmp_path, "/admin")
    away = replace(worlds.nothing(found), issuer=IssuerFacts(ISSUER, why="no answer"))
    plan = planned(found, away)
    refusal = next(step for step in plan.steps if isinstance(step, RefuseLogin))
    assert refusal.id in next(s for s in plan.steps if s.id == "edge/default-route").after
    with pytest.raises(Unready, match="nothing was exposed") as told:
        refusal.run(None)  # type: ignore[arg-type]
    assert told.value.why == "no answer"


def test_an_issuer_that_is_away_for_a_while_changes_nothing(tmp_path: Path) -> None:
    for issuer in (ISSUER, "https://localhost:9400"):
        found = system(tmp_path, "/admin", issuer=issuer)
        seen = replace(worlds.everything(found), issuer=IssuerFacts(issuer, why="no answer"))
        assert lines(found, seen) == []


def test_an_issuer_with_other_endpoints_is_followed(tmp_path: Path) -> None:
    found = system(tmp_path, "/admin")
    moved = IssuerFacts(ISSUER, f"{ISSUER}/new", f"{ISSUER}/token", f"{ISSUER}/leave")
    seen = replace(worlds.everything(found), issuer=moved)
    assert lines(found, seen) == ["update SecurityPolicy shop/login", "wait SecurityPolicy shop/login"]


def test_an_issuer_on_this_machine_is_reached_by_a_door(tmp_path: Path) -> None:
    found = system(tmp_path, "/admin", issuer="https://localhost:9400")
    seen = replace(worlds.everything(system(tmp_path)), issuer=worlds.issuer(found))
    plan = planned(found, seen)
    (door,) = [step for step in plan.steps if step.id == "edge/login/admit"]
    assert door.describe().details == ("pods may reach 127.0.0.1:9400",)
    backend = applied(found, seen, "edge/login/backend")
    assert backend["spec"]["endpoints"][0]["ip"]["port"] == 9400
    assert "edge/login/admit" in next(s for s in plan.steps if s.id == "edge/login/policy").after


def test_a_policy_that_the_gateway_does_not_take_is_waited_for(tmp_path: Path) -> None:
    found = system(tmp_path, "/admin")
    seen = worlds.everything(found)
    objects = dict(seen.live.objects)
    ref = next(ref for ref in objects if (ref.kind, ref.name) == ("SecurityPolicy", "login"))
    objects[ref] = {**objects[ref], "status": {}}
    assert lines(found, replace(seen, live=replace(seen.live, objects=objects))) == [
        "wait SecurityPolicy shop/login"
    ]


def test_status_tells_why_nobody_can_log_in(tmp_path: Path) -> None:
    found = system(tmp_path, "/admin")
    seen = worlds.everything(found)
    environment = found.environment()[1]
    assert status_of(found, environment, seen, "").problems == ()
    objects = dict(seen.live.objects)
    ref = next(ref for ref in objects if (ref.kind, ref.name) == ("SecurityPolicy", "login"))
    refused = {"type": "Accepted", "status": "False", "observedGeneration": 1, "message": "OIDC: no secret"}
    objects[ref] = {**objects[ref], "status": {"ancestors": [{"conditions": [refused]}]}}
    ill = replace(seen, live=Live(objects), issuer=IssuerFacts(ISSUER, why="no answer"))
    assert status_of(found, environment, ill, "").problems == (
        "nobody can log in: no answer",
        "the gateway refuses the paths on which visitors log in: OIDC: no secret",
    )


def test_without_the_word_all_of_it_goes_but_for_the_secret(tmp_path: Path) -> None:
    seen = worlds.everything(system(tmp_path, "/admin"))
    assert lines(system(tmp_path), seen) == [
        "update BackendTrafficPolicy shop/monolith",
        "delete HTTPRoute shop/login",
        "delete SecurityPolicy shop/login",
    ]


def test_a_secret_that_somebody_else_made_is_not_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEAWAY_SECRET_SSO", raising=False)
    found = system(tmp_path, "/admin")
    step = next(s for s in planned(found, worlds.nothing(found)).steps if isinstance(s, BringSecret))
    with pytest.raises(UsageError, match="SEAWAY_SECRET_SSO is not set"):
        step.run(None)  # type: ignore[arg-type]
