"""Which moves are allowed, and what is said of the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import SeawayError
from seaway.model.manifests import Manifest
from seaway.model.names import Weight
from seaway.rooms.crossing.decide import decide_back, decide_back_all, decide_move, fitting
from seaway.rooms.crossing.place import Place, Side
from seaway.rooms.crossing.resource import manifest
from seaway.rooms.crossing.routes import Split, route
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import FULL, Phase, State, Verb
from seaway.rooms.crossing.views import CrossingView, views
from tests.rooms import golden

CASES = golden.cases(Path(__file__).parent / "cases")
PLACE = Place("shop", "shop.localhost", "edge", Side("monolith"))
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


def _seen(given: dict[str, Any]) -> dict[str, CrossingView]:
    specs = {name: CrossingSpec.model_validate(spec) for name, spec in given["crossings"].items()}
    weights = given.get("weights", {})
    routes = {n: route(PLACE, n, c, Split(weights[n])) for n, c in specs.items() if n in weights}
    resources = {n: _resource(n, c, weights[n], given) for n, c in specs.items() if n in weights}
    return views(specs, resources, routes)


def _resource(name: str, spec: CrossingSpec, weight: int, given: dict[str, Any]) -> Manifest:
    behind = any(given["weights"].get(other, 0) < FULL for other in spec.after)
    usual = Phase.SETTLED if weight == FULL else Phase.MOVING if weight else Phase.MONOLITH
    phase = Phase.WAITING if behind and not weight else usual
    state = State(Phase(given.get("phases", {}).get(name, phase)), weight, NOW)
    return {**manifest(PLACE, name, spec), "status": state.as_status(spec.steps, 1)}


def _answer(given: dict[str, Any], wish: dict[str, Any]) -> Any:
    seen, ready = _seen(given), given.get("ready", {})
    try:
        if "move" in wish:
            found = decide_move(seen, wish["move"], Weight(wish["to"]), ready)
        elif wish.get("back") == "all":
            found = decide_back_all(seen)
        elif "back" in wish:
            found = decide_back(seen, wish["back"], with_dependents=wish.get("with_dependents", False))
        else:
            ((verb, names),) = wish.items()
            found = fitting(seen, Verb(verb), names or [])
    except SeawayError as error:
        return {"refused": error.what, "why": error.why, "remedy": error.remedy}
    return {"changes": [f"{view.name} from {view.weight}" for view in found]}


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.stem)
def test_a_wish_is_carried_out_or_refused(case: Path) -> None:
    given = golden.given(case)
    answers = [{"wish": wish, **_answer(given, wish)} for wish in given["wishes"]]
    phases = {name: f"{view.phase.value} {view.weight}" for name, view in _seen(given).items()}
    golden.hold(case, {"phases": phases, "answers": answers})


def test_where_the_pilot_has_not_spoken_the_route_does() -> None:
    spec = CrossingSpec(routes=("/login", "/logout"), to="web")
    for weight, phase in ((0, "monolith"), (5, "moving"), (100, "settled")):
        (view,) = views({"login": spec}, {}, {"login": route(PLACE, "login", spec, Split(weight))}).values()
        assert (view.phase.value, view.weight) == (phase, Weight(weight))
    (unborn,) = views({"login": spec}, {}, {}).values()
    assert (unborn.there, unborn.weight, unborn.phase) == (False, Weight(0), Phase.MONOLITH)


def test_a_way_back_that_the_pilot_has_not_seen_is_shown() -> None:
    spec = CrossingSpec(routes=("/login",), to="web")
    state = State(Phase.MOVING, 25, NOW, epoch=1, started=True)
    resource = {**manifest(PLACE, "login", spec), "status": state.as_status(spec.steps, 1)}
    (view,) = views(
        {"login": spec}, {"login": resource}, {"login": route(PLACE, "login", spec, Split(0, 2))}
    ).values()
    assert (view.phase, view.weight, view.epoch) == (Phase.RETURNED, Weight(0), 2)
    assert view.reason == "taken back at the route; the pilot has not seen it yet"
    assert view.next == "seaway cross start login"


def test_what_comes_next_is_a_weight_and_a_time_or_a_command() -> None:
    spec = CrossingSpec(routes=("/login",), to="web", hold="2m")
    state = State(Phase.MOVING, 25, NOW, started=True, watched=30.4)

    def following(state: State) -> str:
        resource = {**manifest(PLACE, "login", spec), "status": state.as_status(spec.steps, 1)}
        return views({"login": spec}, {"login": resource}, {})["login"].next

    assert following(state) == "50 % in 0:01:30"
    assert following(replace(state, watched=500)) == "50 % as soon as it may"
    assert following(replace(state, held="ann")) == "seaway cross resume login"
    assert following(replace(state, phase=Phase.HOLDING, weight=100)) == "settled in 0:01:30"
    assert following(replace(state, phase=Phase.SETTLED, weight=100)) == ""
    assert following(State(Phase.MONOLITH, 0, NOW)) == "seaway cross start login"
