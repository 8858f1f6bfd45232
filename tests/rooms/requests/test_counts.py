"""How many requests a second come to a Service, by what the proxies say."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.rooms.requests.counts import STALE, WINDOW, Look, kept, leading_to, parse, rate

WANTED = frozenset({"a", "b"})


def _looks(*looks: Look) -> tuple[Look, ...]:
    found: tuple[Look, ...] = ()
    for each in looks:
        found = kept(found, each)
    return found


def test_a_rate_is_made_of_what_rose_since_each_proxy_was_known() -> None:
    looks = _looks(
        Look(0, {"old": {"a": 0}}),  # before the window
        Look(20, {"old": {"a": 100}}),
        Look(25, {"old": {"a": 5, "z": 9}, "new": {"a": 1000}}),  # the old one began anew
        Look(30, {"old": {"a": 15, "b": 8}, "new": {"a": 1030}}),
    )
    assert rate(looks, WANTED, 30) == (5 + 10 + 8 + 30) / 10


@pytest.mark.parametrize(
    ("ats", "now"), [([], 0.0), ([5.0], 5.0), ([0.0, 5.0], 5 + STALE + 1), ([0.0, WINDOW + 1], WINDOW + 1)]
)
def test_without_two_fresh_looks_there_is_no_rate(ats: list[float], now: float) -> None:
    assert rate(_looks(*(Look(at, {"one": {"a": 1}}) for at in ats)), WANTED, now) is None


def test_where_nothing_came_the_rate_is_none_at_all() -> None:
    assert rate(_looks(Look(0, {"one": {}}), Look(5, {"one": {}})), WANTED, 5) == 0


def test_only_completed_requests_are_read() -> None:
    name = "httproute/shop/one/rule/0/backend/1"
    found = parse(
        "# TYPE envoy_cluster_upstream_rq_completed counter\n"
        f'envoy_cluster_upstream_rq_completed{{envoy_cluster_name="{name}"}} 12\n'
        f'envoy_cluster_upstream_rq_total{{envoy_cluster_name="{name}"}} 13\n'
    )
    assert found == {name: 12}


def _route(name: str, *rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"rules": [{"backendRefs": refs} for refs in rules]},
    }


def test_of_all_routes_those_places_count_that_are_the_service() -> None:
    backend = {"kind": "Backend", "name": "web"}
    routes = [
        _route("one", [{"name": "other"}, {"name": "web"}], [{"kind": "Service", "name": "web"}]),
        _route("two", [backend], []),
        {"metadata": {"namespace": "shop", "name": "three"}, "spec": {}},
    ]
    assert leading_to("web", routes) == {
        "httproute/shop/one/rule/0/backend/1",
        "httproute/shop/one/rule/1/backend/0",
    }
