"""What is read of a proxy's statistics; `gauges.txt` is what a real one said."""

from __future__ import annotations

import math
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from seaway.rooms.crossing.gauges import QUERY, Count, Totals, parse, query, since
from seaway.rooms.crossing.guards import Seen
from seaway.rooms.crossing.sides import Side

REAL = (Path(__file__).parent / "gauges.txt").read_text()
OLD, NEW = ("first", Side.OLD), ("first", Side.NEW)


def _text(requests: int, errors: int = 0, saved: int = 0, *, rule: int = 0, backend: int = 1) -> str:
    owner = f'envoy_cluster_name="httproute/shop/crossing-first/rule/{rule}/backend/{backend}"'
    return (
        f"# TYPE envoy_cluster_upstream_rq_completed counter\n"
        f"envoy_cluster_upstream_rq_completed{{{owner}}} {requests}\n"
        f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",{owner}}} {requests - errors}\n'
        f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="5",{owner}}} {errors}\n'
        f"envoy_cluster_upstream_rq_retry_success{{{owner}}} {saved}\n"
        f'envoy_cluster_upstream_rq_time_bucket{{{owner},le="10"}} {requests // 2}\n'
        f'envoy_cluster_upstream_rq_time_bucket{{{owner},le="+Inf"}} {requests}\n'
    )


def _since(before: str, now: str) -> tuple[Seen, Seen]:
    return since({"a": parse(before)}, {"a": parse(now)})["first"]


def test_rules_add_up_to_sides_and_each_failure_counts_once() -> None:
    text = (
        _text(100, 3, 2) + _text(50, 1, rule=1) + _text(10, rule=3, backend=0) + _text(7, rule=0, backend=0)
    )
    found = parse(text)
    assert (found[NEW].requests, found[NEW].errors) == (160, 6)
    assert (found[OLD].requests, found[OLD].errors) == (7, 0)
    assert found[NEW].buckets == ((10.0, 80), (math.inf, 160))


def test_what_happened_since_is_a_difference() -> None:
    old, new = _since(_text(100, 3), _text(150, 4, 1))
    assert new == Seen(50, 2, ((10.0, 25), (math.inf, 25)))
    assert old == Seen(0, 0)


def test_a_proxy_that_began_anew_counts_from_nothing() -> None:
    _, new = _since(_text(100, 3), _text(20, 1))
    assert new == Seen(20, 1, ((10.0, 10), (math.inf, 10)))
    _, new = _since(_text(10, 3), _text(20, 1))
    assert (new.requests, new.errors) == (20, 1)


def test_proxies_add_up_and_a_new_one_tells_nothing_yet() -> None:
    before: dict[str, Totals] = {"a": parse(_text(100)), "gone": parse(_text(900))}
    now = {"a": parse(_text(110)), "new": parse(_text(500))}
    assert since(before, now)["first"][1].requests == 10
    later = {"a": parse(_text(115)), "new": parse(_text(507, 1))}
    assert since(now, later)["first"][1] == Seen(12, 1, ((10.0, 5), (math.inf, 7)))


def test_a_side_that_is_new_in_a_known_proxy_counts_from_nothing() -> None:
    assert _since("", _text(5))[1].requests == 5
    assert since({"a": {}}, {"a": {}}) == {}


def test_a_real_answer_is_read() -> None:
    found = parse(REAL)
    assert set(found) == {OLD, NEW}
    assert found[NEW].requests == int(re.findall(r"rq_completed.*rule/0/backend/1\"} (\d+)", REAL)[0])
    assert found[NEW].errors > 0
    for count in found.values():
        bounds = [bound for bound, _ in count.buckets]
        assert bounds == sorted(bounds)
        assert (bounds[0], bounds[-1], len(bounds)) == (1.0, math.inf, 51)
        assert count.requests >= count.buckets[-1][1] > 0


@pytest.mark.parametrize("text", ["", "nonsense\n", REAL[: len(REAL) // 2], _text(3).replace("3", "x")])
def test_what_cannot_be_read_is_passed_over(text: str) -> None:
    assert all(isinstance(count, Count) for count in parse(text).values())


def test_the_query_asks_for_no_more_than_what_is_read() -> None:
    def asks(found: str, name: str) -> bool:
        (wanted,) = parse_qs(urlsplit(found).query)["filter"]
        return bool(re.search(wanted, name))

    cluster = "cluster.httproute/shop/crossing-login/rule/0/backend/1"
    for name in ("upstream_rq_completed", "upstream_rq_5xx", "upstream_rq_retry_success", "upstream_rq_time"):
        assert asks(QUERY, f"{cluster}.{name}")
        assert asks(query(["login", "a.b"]), f"{cluster}.{name}")
        assert not asks(query(["logi"]), f"{cluster}.{name}")
        assert not asks(QUERY, f"{cluster}.external.{name}")
    assert not asks(QUERY, f"{cluster}.upstream_rq_2xx")
    assert not asks(QUERY, "cluster.httproute/shop/monolith/rule/0.upstream_rq_time")
    assert "usedonly" in QUERY
