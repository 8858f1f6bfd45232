"""Which moves are allowed, and what is said of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seaway.errors import SeawayError
from seaway.model.names import Weight
from seaway.rooms.crossing.facts import Move, moves_of, moves_text, views
from seaway.rooms.crossing.plan import Place, decide_back, decide_move, route
from seaway.rooms.crossing.spec import CrossingSpec
from tests.rooms import golden

CASES = golden.cases(Path(__file__).parent / "cases")
PLACE = Place("shop", "shop.localhost", "edge", "monolith")


def _seen(given: dict[str, Any]) -> Any:
    crossings = {name: CrossingSpec.model_validate(spec) for name, spec in given["crossings"].items()}
    weights = given.get("weights", {})
    routes = {n: route(PLACE, n, c, Weight(weights[n]), ()) for n, c in crossings.items() if n in weights}
    return views(crossings, routes)


def _answer(given: dict[str, Any], wish: dict[str, Any]) -> Any:
    seen, ready = _seen(given), given.get("ready", {})
    try:
        if "move" in wish:
            found = decide_move(seen, wish["move"], Weight(wish["to"]), ready)
        else:
            found = decide_back(seen, wish["back"], with_dependents=wish.get("with_dependents", False))
    except SeawayError as error:
        return {"refused": error.what, "why": error.why, "remedy": error.remedy}
    return {"changes": [f"{view.name} from {view.weight}" for view in found]}


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.stem)
def test_a_wish_is_carried_out_or_refused(case: Path) -> None:
    given = golden.given(case)
    answers = [{"wish": wish, **_answer(given, wish)} for wish in given["wishes"]]
    phases = {name: f"{view.phase.value} {view.weight}" for name, view in _seen(given).items()}
    golden.hold(case, {"phases": phases, "answers": answers})


def test_a_route_shares_its_paths_by_weight() -> None:
    spec = CrossingSpec(routes=("/login", "/logout"), to="web")
    rule = route(PLACE, "login", spec, Weight(5), ())["spec"]["rules"][0]
    assert [m["path"]["value"] for m in rule["matches"]] == ["/login", "/logout"]
    assert {b["name"]: b["weight"] for b in rule["backendRefs"]} == {"monolith": 95, "web": 5}


def test_moves_are_kept_on_the_route_the_last_twenty() -> None:
    moves = tuple(Move(f"2026-01-01T00:00:{n:02}Z", "ann@desk", n, n + 1) for n in range(30))
    text = moves_text(moves)
    kept = moves_of({"metadata": {"annotations": {"seaway.dev/moves": text}}})
    assert kept == moves[-20:]
    assert moves_text(kept) == text


def test_a_torn_record_of_moves_is_no_record() -> None:
    assert moves_of({"metadata": {"annotations": {"seaway.dev/moves": "[{"}}}) == ()
