"""A release: a route that lies over those of the crossings that lead to its service."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from seaway.model.gateway import cluster
from seaway.rooms.crossing.failover import companions
from seaway.rooms.crossing.place import Place, Side
from seaway.rooms.crossing.resource import manifest, understood
from seaway.rooms.crossing.routes import Split, route, split_of
from seaway.rooms.crossing.sides import Rule
from seaway.rooms.crossing.spec import CrossingSpec
from tests.rooms.crossing.test_crossing_routes import SEED, Gateway

BELOW = Place("shop", "shop.localhost", "edge", Side("monolith"))
OVER = replace(BELOW, monolith=Side("web"), over="login")
BASE = CrossingSpec.model_validate(
    {"routes": ["/login"], "to": "web", "sticky": True, "testers": {"header": "X-Tester=yes"}}
)
NEW = CrossingSpec(routes=("/login",), to="web-next", after=("login",), start="automatic")
ALWAYS = {"Host": "shop.localhost", "X-Forwarded-Proto": "https"}
VISITORS = [
    {}, {"X-Tester": "yes"}, {"Cookie": "seaway-login=service.0"}, {"Cookie": "seaway-login=monolith.0"},
]  # fmt: skip


def gateway(below: int, weight: int) -> Gateway:
    """A gateway with the route of the crossing, which is older, and that of the release."""
    rules: list[dict[str, Any]] = []
    for place, name, spec, split in (
        (BELOW, "login", BASE, Split(below)), (OVER, "web-next", NEW, Split(weight)),
    ):  # fmt: skip
        rules += route(place, name, spec, split)["spec"]["rules"]
    return Gateway(rules, random.Random(SEED))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("visitor", VISITORS, ids=str)
def test_with_a_weight_it_takes_every_visitor_of_its_crossings(method: str, visitor: dict[str, str]) -> None:
    shared = gateway(100, 50)
    found = {shared.ask("/login/x", method, **ALWAYS, **visitor)[1]["name"] for _ in range(50)}
    assert found == {"web", "web-next"}
    assert gateway(100, 100).ask("/login", method, **ALWAYS, **visitor)[1]["name"] == "web-next"


@pytest.mark.parametrize("below", [0, 100])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_at_nothing_it_leaves_all_to_the_crossing_below(method: str, below: int) -> None:
    """So that the way back of that crossing leads to the monolith, whatever becomes of the release."""
    asked = gateway(below, 0).ask("/login", method, **ALWAYS)[1]
    assert asked["name"] == ("web" if below else "monolith")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("visitor", VISITORS, ids=str)
def test_one_that_leaves_takes_nobody(method: str, visitor: dict[str, str]) -> None:
    """So that no request looks for a cluster that goes with the route."""
    leaving = route(BELOW, "login", BASE, Split(0, leaving=True))
    rest = CrossingSpec(routes=("/",), to="rest")
    rules = [*leaving["spec"]["rules"], *route(BELOW, "rest", rest, Split(100))["spec"]["rules"]]
    asked = Gateway(rules, random.Random(SEED)).ask("/login", method, **ALWAYS, **visitor)[1]
    assert asked["name"] == "rest"
    assert split_of(leaving) == Split(0, leaving=True)


def test_the_rules_keep_their_places_whatever_the_weight_is() -> None:
    names = [
        [rule["name"] for rule in route(OVER, "web-next", NEW, Split(w))["spec"]["rules"]] for w in (0, 5)
    ]
    assert names[0] == names[1] == [rule.word for rule in Rule]
    assert [split_of(route(OVER, "web-next", NEW, Split(w, 3))) for w in (0, 5)] == [Split(0, 3), Split(5, 3)]


def test_it_fails_over_to_the_version_before() -> None:
    patches = companions(OVER, "web-next")[0]["spec"]["jsonPatches"]
    first = patches[1]["operation"]["value"]["cluster_type"]["typed_config"]["clusters"]
    assert first == [
        cluster("shop", "crossing-web-next", Rule.SERVICE),
        cluster("shop", "crossing-login", Rule.SERVICE),
    ]


def test_its_resource_says_over_what_it_lies_and_is_read_again() -> None:
    written = manifest(OVER, "web-next", NEW)
    assert written["spec"]["over"] == "login"
    assert understood(written)[0].place == OVER
    assert "over" not in manifest(BELOW, "login", BASE)["spec"]
