"""Who crosses: the rules of a crossing's route, as a gateway reads them."""

from __future__ import annotations

import random
import re
from http.cookies import SimpleCookie
from typing import Any

import pytest

from seaway.model.gateway import NEVER, cluster
from seaway.rooms.crossing.failover import companions
from seaway.rooms.crossing.place import Place, Side
from seaway.rooms.crossing.routes import Split, route, split_of, weight_of
from seaway.rooms.crossing.sides import Rule, cookie_pattern, route_name, whose
from seaway.rooms.crossing.sides import Side as Of
from seaway.rooms.crossing.spec import ROUTES, CrossingSpec

PLACE = Place("shop", "shop.localhost", "edge", Side("monolith"))
PLAIN = CrossingSpec(routes=("/login", "/logout"), to="web")
STICKY = CrossingSpec(routes=("/login",), to="web", sticky=True)
SEED = 20261124


def _rules(spec: CrossingSpec, split: Split, place: Place = PLACE) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = route(place, "login", spec, split)["spec"]["rules"]
    return rules


class Gateway:
    """Reads a route as Envoy Gateway 1.9 does: the longest path first, then most headers, most exact ones."""

    def __init__(self, rules: list[dict[str, Any]], chance: random.Random) -> None:
        matches = [(match, rule) for rule in rules for match in rule["matches"]]
        self._matches = sorted(matches, key=lambda pair: _rank(pair[0]), reverse=True)
        self._chance = chance

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[str, dict[str, Any]]:
        """Give the name of the rule and the chosen backend."""
        rule = next(rule for match, rule in self._matches if _fits(match, path, method, headers))
        weights = [backend["weight"] for backend in rule["backendRefs"]]
        return rule["name"], self._chance.choices(rule["backendRefs"], weights)[0]


def _rank(match: dict[str, Any]) -> tuple[int, int, int]:
    headers = match.get("headers", [])
    exact = sum(header["type"] == "Exact" for header in headers)
    method = "method" in match
    return len(match["path"]["value"]), len(headers) + method, exact + method


def _fits(match: dict[str, Any], path: str, method: str, headers: dict[str, str]) -> bool:
    prefix = match["path"]["value"].rstrip("/")
    under = path == prefix or path.startswith(f"{prefix}/")
    return under and match.get("method", method) == method and all(
        h["value"] == headers.get(h["name"]) if h["type"] == "Exact"
        else h["name"] in headers and re.fullmatch(h["value"], headers[h["name"]])
        for h in match.get("headers", [])
    )  # fmt: skip


def _cookie(backend: dict[str, Any]) -> str:
    for each in backend.get("filters", []):
        for header in each.get("responseHeaderModifier", {}).get("add", []):
            assert header["name"] == "Set-Cookie"
            (morsel,) = SimpleCookie(header["value"]).values()
            assert (morsel["path"], morsel["samesite"], morsel["secure"], morsel["httponly"]) == (
                "/",
                "Lax",
                True,
                True,
            )
            return f"{morsel.key}={morsel.value}"
    return ""


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("weight", [0, 1, 50, 100])
def test_everybody_is_shared_by_weight(method: str, weight: int) -> None:
    gateway = Gateway(_rules(PLAIN, Split(weight)), random.Random(SEED))
    sides = [gateway.ask("/logout/now", method)[1]["name"] for _ in range(5000)]
    assert abs(sides.count("web") / 5000 - weight / 100) < 0.02
    assert {"web"} == set(sides) if weight == 100 else weight or {"monolith"} == set(sides)


@pytest.mark.parametrize(
    "split", [Split(0), Split(1, 7), Split(100, 2), Split(0, 3, comparing=True), Split(37, 0)]
)
def test_a_route_tells_how_it_parts_its_visitors(split: Split) -> None:
    spec = CrossingSpec.model_validate({"routes": "/login", "to": "web", "sticky": True, "compare": {}})
    found = route(PLACE, "login", spec, split)
    assert split_of(found) == split
    assert weight_of(found).percent == split.weight


def test_a_route_of_an_earlier_version_or_of_a_hand_is_read_as_far_as_it_can_be() -> None:
    backends = [{"name": "monolith", "weight": 95}, {"name": "web", "weight": 5}]
    assert split_of({"spec": {"rules": [{"backendRefs": backends}]}}) == Split(5)
    assert split_of({"spec": {"rules": [{"backendRefs": backends[:1]}]}}) == Split(0)
    assert split_of({"metadata": {"annotations": {"seaway.dev/epoch": "x"}}}) == Split(0)
    assert weight_of(None).percent == 0


@pytest.mark.parametrize(
    ("testers", "header"),
    [
        ({"header": "X-Tester=yes"}, {"X-Tester": "yes"}),
        ({"cookie": "tester=a.b"}, {"Cookie": "x=1; tester=a.b; y=2"}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_testers_are_on_the_new_side_before_everybody(
    testers: dict[str, str], header: dict[str, str], method: str
) -> None:
    spec = CrossingSpec.model_validate({"routes": "/login", "to": "web", "testers": testers, "compare": {}})
    for split in (Split(0), Split(0, comparing=True), Split(50)):
        gateway = Gateway(_rules(spec, split), random.Random(SEED))
        assert {gateway.ask("/login", method, **header)[1]["name"] for _ in range(500)} == {"web"}
    other = {name: value.replace("a.b", "a-b").replace("yes", "no") for name, value in header.items()}
    assert (
        Gateway(_rules(spec, Split(0)), random.Random(SEED)).ask("/login", method, **other)[1]["name"]
        == "monolith"
    )


def test_of_ten_thousand_visitors_none_changes_side_while_the_weight_rises() -> None:
    chance = random.Random(SEED)
    cookies, seen = [""] * 10_000, [""] * 10_000
    for stage, weight in enumerate((1, 5, 25, 50, 99)):
        gateway, new = Gateway(_rules(STICKY, Split(weight, 3)), chance), []
        for i in range(2000 * (stage + 1)):
            kept = {"Cookie": f"theme=dark; {cookies[i]}"} if cookies[i] else {}
            _, backend = gateway.ask("/login", **kept)
            if seen[i]:
                assert backend["name"] == seen[i]
                assert _cookie(backend) == ""
            else:
                new.append(backend["name"])
                cookies[i], seen[i] = _cookie(backend), backend["name"]
                assert cookies[i]
        share = new.count("web") / len(new)
        assert abs(share - weight / 100) < 4 * (weight / 100 * (1 - weight / 100) / len(new)) ** 0.5
    back = Gateway(_rules(STICKY, Split(0, 4)), chance)
    assert {back.ask("/login", Cookie=cookie)[1]["name"] for cookie in cookies} == {"monolith"}
    again = Gateway(_rules(STICKY, Split(1, 4)), chance)
    assert {again.ask("/login", Cookie=cookie)[0] for cookie in cookies} == {"get"}
    whole = Gateway(_rules(STICKY, Split(100, 3)), chance)
    assert {whole.ask("/login", Cookie=cookie)[1]["name"] for cookie in cookies} == {"web"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize("side", list(Of))
def test_a_cookie_keeps_a_visitor_whatever_the_method(method: str, side: Of) -> None:
    gateway = Gateway(_rules(STICKY, Split(50, 2)), random.Random(SEED))
    names = {
        gateway.ask("/login", method, Cookie=f"seaway-login={side.word}.2")[1]["name"] for _ in range(300)
    }
    assert names == {"web" if side is Of.NEW else "monolith"}
    stale = {
        gateway.ask("/login", method, Cookie=f"seaway-login={side.word}.1")[1]["name"] for _ in range(300)
    }
    assert stale == {"web", "monolith"}


@pytest.mark.parametrize(
    ("header", "fits"),
    [
        ("a=b", True), ("x=1; a=b", True), ("a=b; x=1", True), ("x=1;a=b;y=2", True),
        ("xa=b", False), ("a=bc", False), ("x=a=b", False), ("", False),
    ],
)  # fmt: skip
def test_a_cookie_is_found_among_others(header: str, fits: bool) -> None:
    assert bool(re.fullmatch(cookie_pattern("a", "b"), header)) is fits


def test_only_the_methods_to_compare_are_mirrored() -> None:
    spec = CrossingSpec.model_validate({"routes": "/login", "to": "web", "compare": {"share": "20%"}})
    rules = {rule["name"]: rule for rule in _rules(spec, Split(0, comparing=True))}
    gateway = Gateway(list(rules.values()), random.Random(SEED))
    asked = {method: gateway.ask("/login", method) for method in ("GET", "HEAD", "POST")}
    assert {backend["name"] for _, backend in asked.values()} == {"monolith"}
    mirrors = {method: rules[name].get("filters", []) for method, (name, _) in asked.items()}
    to = {"group": "", "kind": "Service", "name": "comparator", "port": 80}
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": to, "percent": 20}}
    assert mirrors == {"GET": [mirror], "HEAD": [mirror], "POST": []}


def test_the_places_of_rules_never_change() -> None:
    """Envoy's clusters are named by them, and the patches of failover.py name those."""
    full = CrossingSpec.model_validate(
        {"routes": "/login", "to": "web", "sticky": True, "compare": {}, "testers": {"header": "a=b"}}
    )
    for spec in (PLAIN, full):
        for split in (Split(0), Split(0, comparing=True), Split(5, 1), Split(100)):
            rules = _rules(spec, split)
            assert [rule["name"] for rule in rules] == [rule.word for rule in Rule]
            for place, rule in enumerate(rules):
                names = [backend["name"] for backend in rule["backendRefs"]]
                assert names == (["web"] if place == Rule.SERVICE else ["monolith", "web"])


def test_no_request_reaches_a_rule_that_is_only_there_for_its_place() -> None:
    rules = _rules(PLAIN, Split(50))
    named = {rule["name"] for rule in rules if rule["matches"][0].get("headers") == [NEVER]}
    assert named == {"service", "new-get", "new-rest", "old", "compared"}
    assert not re.compile(NEVER["value"]).search("anything \x00\xff")


def test_a_route_stays_within_the_gateway_apis_limits() -> None:
    paths = tuple(f"/{n}" for n in range(ROUTES))
    spec = CrossingSpec.model_validate(
        {"routes": paths, "to": "web", "sticky": True, "compare": {}, "testers": {"header": "a=b"}}
    )
    for split in (Split(0, comparing=True), Split(50)):
        rules = _rules(spec, split)
        assert sum(len(rule["matches"]) for rule in rules) <= 128
        assert max(len(rule["matches"]) for rule in rules) <= 64
        assert len(rules) <= 16


def test_a_monolith_outside_is_a_backend_with_its_own_host_header() -> None:
    rules = _rules(
        PLAIN, Split(5), Place("shop", "shop.localhost", "edge", Side("monolith", 8443, "Backend"))
    )
    old = rules[0]["backendRefs"][0]
    assert (old["group"], old["kind"], old["port"]) == ("gateway.envoyproxy.io", "Backend", 8443)
    (filter_,) = rules[0]["filters"]
    assert filter_["extensionRef"] == {
        "group": "gateway.envoyproxy.io",
        "kind": "HTTPRouteFilter",
        "name": "monolith",
    }


def test_every_cluster_of_a_side_stands_on_clusters_that_are_always_there() -> None:
    patch, retries = companions(PLACE, "login")
    made = {p["name"]: p["operation"]["value"]["cluster_type"] for p in patch["spec"]["jsonPatches"]}
    members = {name: kind["typed_config"]["clusters"] for name, kind in made.items()}
    old, new = "httproute/shop/monolith/rule/0", "httproute/shop/crossing-login/rule/2"
    assert set(members) == {
        cluster("shop", route_name("login"), rule, side)
        for rule in Rule
        for side in Of
        if rule is not Rule.SERVICE
    }
    for name, found in members.items():
        owner = whose(name)
        assert owner is not None
        assert found == ([new, old] if owner[2] is Of.NEW else [old])
    safe = {target["sectionName"] for target in retries["spec"]["targetRefs"]}
    assert all(
        m["method"] == "GET"
        for rule in _rules(STICKY, Split(5))
        if rule["name"] in safe
        for m in rule["matches"]
    )


def test_names_of_other_clusters_are_nobodys() -> None:
    for name in ("xds_cluster", "httproute/shop/monolith/rule/0", "httproute/shop/crossing-a/rule/2", ""):
        assert whose(name) is None
