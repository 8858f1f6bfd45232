"""What is counted, what is explained, and what follows from it."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from seaway.pilot.comparator.copies import asked_of, copy_of
from seaway.rooms.crossing.compare.bounds import lower, tail, upper
from seaway.rooms.crossing.compare.contrast import Comparison, Example
from seaway.rooms.crossing.compare.judgement import judge
from seaway.rooms.crossing.compare.kept import LARGEST, kept, report_of
from seaway.rooms.crossing.compare.manifests import desired
from seaway.rooms.crossing.compare.render import render
from seaway.rooms.crossing.compare.spec import CompareSpec
from seaway.rooms.crossing.compare.tally import KINDS, PLACES, REASONS, Tally
from seaway.rooms.crossing.compare.task import Target, Task, find, task_of
from seaway.rooms.crossing.place import Place, Side
from seaway.rooms.crossing.resource import manifest, understood
from seaway.rooms.crossing.spec import CrossingSpec

SPEC = CompareSpec(requests=100, differences="1%")
EXAMPLE = Example("GET /login", "html h1", "Log in", "Sign in")
EQUAL = Comparison()


def differs(*places: str) -> Comparison:
    return Comparison(places, (), EXAMPLE)


def unstable(*places: str) -> Comparison:
    return Comparison((), places)


def tally(*counted: tuple[int, Comparison], route: str = "/login") -> Tally:
    found = Tally.fresh("a", ("/login", "/logout"))
    for count, each in counted:
        for _ in range(count):
            found = found.add(route, each)
    return found


def below(k: int, n: int, share: float) -> float:
    """How probable at most k of n are, added up term by term."""
    return sum(math.comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(k + 1))


@pytest.mark.parametrize(
    ("k", "n"), [(0, 1), (0, 200), (1, 2), (1, 200), (5, 10), (9, 10), (37, 300), (299, 300)]
)
def test_bounds_are_the_exact_ones(k: int, n: int) -> None:
    assert below(k, n, upper(k, n)) == pytest.approx(0.05, rel=1e-6)
    assert below(k, n, upper(k, n, 0.99)) == pytest.approx(0.01, rel=1e-6)
    assert tail(k, n, 0.3) == pytest.approx(1 - below(k - 1, n, 0.3), abs=1e-9)
    if k:
        assert 1 - below(k - 1, n, lower(k, n)) == pytest.approx(0.05, rel=1e-6)


def test_bounds_of_nothing_and_of_much() -> None:
    assert (upper(0, 0), lower(0, 0)) == (1.0, 0.0)
    assert upper(5_000, 1_000_000) == pytest.approx(0.005116, abs=1e-5)
    assert lower(5_000, 1_000_000) == pytest.approx(0.004885, abs=1e-5)


def test_equal_answers() -> None:
    found = tally((120, EQUAL))
    assert (found.compared, found.different, found.unexplained) == (120, 0, 0)
    said = judge(found, SPEC)
    assert (said.enough, said.differs) == (True, False)
    assert said.reason == (
        "0 of 120 compared answers differ unexplained (95 % sure: at most 2.5 %); nobody asked for /logout"
    )


def test_a_few_comparisons_are_not_enough() -> None:
    said = judge(tally((20, EQUAL)), SPEC)
    assert (said.enough, said.differs) == (False, False)
    assert said.reason == "0 of 20 compared answers differ unexplained; 100 are to be compared"


def test_one_difference_early_decides_nothing() -> None:
    assert not judge(tally((1, differs("html h1"))), SPEC).differs


def test_what_surely_differs_is_said_early() -> None:
    said = judge(tally((3, EQUAL), (5, differs("html h1"))), SPEC)
    assert (said.enough, said.differs) == (False, True)
    assert said.reason == (
        "5 of 8 compared answers differ unexplained, over the limit of 1%: /login at html h1"
    )


def test_more_than_the_limit_differs() -> None:
    assert not judge(tally((99, EQUAL), (1, differs("html h1"))), SPEC).differs
    assert judge(tally((98, EQUAL), (2, differs("html h1"))), SPEC).differs


def test_a_route_that_is_seldom_asked_for_is_not_lost_among_the_others() -> None:
    found = tally((2000, EQUAL))
    for _ in range(6):
        found = found.add("/logout", differs("status"))
    said = judge(found, SPEC)
    assert said.differs
    assert "/logout at status" in said.reason


def test_no_limit_but_none() -> None:
    spec = CompareSpec(requests=10, differences="0%")
    assert not judge(tally((10, EQUAL)), spec).differs
    assert judge(tally((9, EQUAL), (1, differs("$.a"))), spec).differs


def test_a_place_that_differs_as_often_by_itself_is_noise() -> None:
    found = tally((90, EQUAL), (5, unstable("$.tip")), (5, differs("$.tip")))
    assert found.unexplained == 0
    assert found.routes["/login"].noise == {"$.tip": 5}
    assert not judge(found, SPEC).differs


def test_what_was_counted_before_is_explained_afterwards() -> None:
    found = tally((1, differs("$.tip")))
    assert found.unexplained == 1
    assert found.add("/login", unstable("$.tip")).unexplained == 0


def test_one_accident_on_the_old_side_does_not_hide_a_place_for_ever() -> None:
    found = tally((1, unstable("$.items[].name")), (50, differs("$.items[].name")))
    assert found.unexplained == 50


def test_a_difference_beside_noise_is_unexplained() -> None:
    found = tally((10, unstable("$.at")), (3, differs("$.at", "$.name")))
    assert found.unexplained == 3
    assert found.routes["/login"].top()[0][0] == ("$.name",)


def test_noise_of_one_route_is_none_of_another() -> None:
    found = tally((10, unstable("$.at"))).add("/logout", differs("$.at"))
    assert found.unexplained == 1


@pytest.mark.parametrize(
    ("choices", "weights"), [((1, 2), (1, 1)), ((1, 2), (19, 1)), (range(100), (1,) * 100)]
)
def test_fields_of_chance_are_explained(choices: list[int], weights: list[int]) -> None:
    """Whatever both sides draw by chance, from the same urn, does not count as a difference for long."""
    stopped, draw = 0, random.Random(4)
    for _ in range(200):
        found = Tally.fresh("a", ("/",))
        for _ in range(100):
            first, new, second = draw.choices(choices, weights, k=3)
            one = unstable("$.x") if first != second else differs("$.x") if new != first else EQUAL
            found = found.add("/", one)
        stopped += judge(found, SPEC).differs
    assert stopped <= 8


def test_the_old_side_s_failures_are_left_out() -> None:
    found = tally((3, Comparison(failure="no answer in time")))
    assert (found.compared, found.left_out) == (0, {"no answer in time (monolith)": 3})


def test_memory_is_bounded_and_what_has_no_room_still_counts() -> None:
    found = tally()
    for n in range(500):
        found = (
            found.add("/login", differs(f"$.a{n}")).add("/login", unstable(f"$.b{n}")).leave_out(f"why {n}")
        )
    route = found.routes["/login"]
    assert (len(route.kinds), len(route.unstable), len(found.left_out)) == (KINDS, PLACES, REASONS)
    assert (route.beyond, found.unexplained, found.compared) == (450, 500, 1000)


def test_json_and_back() -> None:
    found = tally((3, EQUAL), (2, differs("$.a", "$.b")), (4, unstable("$.at"))).leave_out("too many waited")
    assert Tally.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_the_report_tells_each_route() -> None:
    found = tally((96, EQUAL), (4, differs("html h1"))).as_json()
    assert (found["compared"], found["unexplained"], found["share"]) == (100, 4, 0.04)
    assert found["bound"] == pytest.approx(0.0892, abs=1e-4)
    assert found["routes"]["/login"]["kinds"][0] == {
        "places": ["html h1"],
        "count": 4,
        "example": {"request": "GET /login", "place": "html h1", "old": "Log in", "new": "Sign in"},
    }


def test_lines_for_people() -> None:
    found = tally((90, EQUAL), (2, unstable("$.at")), (8, differs("html h1", "html title"))).leave_out(
        "too many"
    )
    assert render(json.loads(json.dumps(found.as_json()))) == [
        "100 answers compared, 8 different, 8 unexplained: 8 %, 95 % sure at most 14 %",
        "",
        "/login: 100 compared, 92 equal, 8 unexplained",
        "  8 x html h1, html title",
        "      GET /login: html h1",
        "      monolith: Log in",
        "      service:  Sign in",
        "  differs by itself: $.at (2)",
        "",
        "/logout: nobody asked for it",
        "",
        "not compared:",
        "  1 x too many",
    ]


def test_lines_for_nothing() -> None:
    assert render(tally().as_json())[0] == "nothing was compared yet"


def test_a_long_report_has_few_lines() -> None:
    found = tally()
    for n in range(120):
        found = found.add("/login", differs(f"$.a{n}"))
    assert any("x at other places" in line for line in render(found.as_json()))
    assert len(render(found.as_json())) < 50


def test_what_is_kept_is_read_again() -> None:
    found = tally((5, differs("html h1")))
    assert report_of(kept("thoughts", "login", found)) == found.as_json()
    assert report_of(None) is None
    assert report_of({"data": {"report.json": "{"}}) is None


def test_what_is_kept_fits_into_a_config_map() -> None:
    wide, found = Example("GET /", "x" * 160, "€" * 60, "€" * 60), Tally.fresh("a", ())
    for route in range(60):
        for n in range(50):
            places = tuple(f"{n} {m} {'y' * 40}" for m in range(12))
            found = found.add(f"/{route}", Comparison(places, (), wide))
    text = kept("thoughts", "login", found)["data"]["report.json"]
    assert len(text.encode()) <= LARGEST
    assert Tally.from_json(json.loads(text)).unexplained == found.unexplained


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"methods": ["CONNECT"]}, "cannot be compared"),
        ({"methods": []}, "at least 1"),
        ({"headers": ["a b"]}, "no name of a header"),
        ({"ignore": ["*"]}, "leaves out everything"),
        ({"ignore": [""]}, "no place"),
        ({"requests": 0}, "greater than"),
        ({"share": "0%"}, "no share"),
        ({"differences": "101%"}, "no share"),
        ({"other": 1}, "not permitted"),
    ],
)
def test_specs_that_are_none(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        CompareSpec.model_validate(wrong)


def test_a_spec_in_short() -> None:
    spec = CompareSpec.model_validate({"methods": "get", "headers": "ETag", "ignore": "$.at"})
    assert (spec.methods, spec.headers, spec.ignore) == (("GET",), ("etag",), ("$.at",))
    assert CompareSpec.model_validate(None).limit == 0.005


def crossing(compare: CompareSpec | None = SPEC) -> dict[str, object]:
    place = Place("thoughts", "thoughts.localhost", "edge", Side("monolith"), names=("www.localhost",))
    spec = CrossingSpec(routes=("/login", "/logout"), to="frontend", compare=compare)
    found = manifest(place, "login", spec)
    found["metadata"] |= {"uid": "u1", "generation": 3}
    return found


def test_the_task_of_a_crossing() -> None:
    task = task_of(understood(crossing())[0])
    assert task == Task(
        "login",
        "u1/3/0",
        "thoughts.localhost",
        ("/login", "/logout"),
        Target("http://monolith"),
        Target("http://frontend"),
        SPEC,
        ("www.localhost",),
    )
    assert "www.localhost" in asked_of(copy_of("GET", "/", [("Host", "thoughts.localhost")]), task).hosts
    assert Task.from_json(json.loads(json.dumps(task.as_json()))) == task
    assert task_of(understood(crossing(None))[0]) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/login", ("a", "/login")),
        ("/login/", ("a", "/login")),
        ("/login/x/y", ("b", "/login/x")),
        ("/login/xy", ("a", "/login")),
        ("/loginx", ("b", "/")),
        ("/", ("b", "/")),
    ],
)
def test_whose_request_it_is(path: str, expected: tuple[str, str]) -> None:
    def task(name: str, *routes: str) -> Task:
        return Task(name, "", "d", routes, Target("http://a"), Target("http://b"), SPEC)

    tasks = task("a", "/login"), task("b", "/", "/login/x")
    found = find(tasks, path)
    assert found
    assert (found[0].name, found[1]) == expected
    assert find(tasks[:1], "/loginx") is None


def test_the_comparator_in_the_cluster() -> None:
    found = {
        each.id.rpartition("/")[2]: each.manifest for each in desired("thoughts", ["frontend", "frontend"])
    }
    assert list(found) == ["service", "policy", "reach-frontend", "deployment"]
    case = yaml.safe_load((Path(__file__).parent / "comparator.yaml").read_text())
    pod = found["deployment"]["spec"]["template"]["spec"]
    assert pod["containers"][0].pop("image").name == "images/pilot"
    assert found == case
