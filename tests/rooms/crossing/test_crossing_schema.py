"""The Crossing's schema: what it lets through can be read, and what still cannot holds the crossing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from seaway.model.wrong import Wrong
from seaway.rooms.crossing.compare.spec import METHODS
from seaway.rooms.crossing.definition import definition
from seaway.rooms.crossing.facts import Facts, RouteFacts
from seaway.rooms.crossing.life import advance
from seaway.rooms.crossing.place import Place, Side
from seaway.rooms.crossing.resource import manifest, understood
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import Command, Phase, State, Verb, What

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
PLACE = Place("shop", "shop.localhost", "edge", Side("monolith"))
SPEC = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
#: What the schema says by a pattern and its rules (CEL) narrow further; a real API server tries those.
TEXTS = ["hold", "guard.errors", "guard.p99", "guard.patience", "compare.share", "compare.differences",
         "compare.headers[]", "after[]", "testers.cookie.name", "testers.cookie.value"]  # fmt: skip


def _schema(path: str) -> dict[str, Any]:
    found: dict[str, Any] = {"properties": SPEC}
    for part in path.replace("[]", ".[]").split("."):
        found = found["items"] if part == "[]" else found["properties"][part]
    return found


def _whole(schema: dict[str, Any]) -> str:
    """Give the pattern as the API server takes it (RE2): its end is the end of the text."""
    return str(schema["pattern"]).removesuffix("$") + r"\Z"


def _wrapped(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.replace("[]", ".[]").split(".")):
        value = [value] if part == "[]" else {part: value}
    if "testers" in value:
        value = {"testers": {"cookie": {"name": "a", "value": "b", **value["testers"]["cookie"]}}}
    return dict(value)


@pytest.mark.parametrize("path", TEXTS)
@given(data=st.data())
def test_what_the_schema_lets_through_can_be_read(path: str, data: st.DataObject) -> None:
    schema = _schema(path)
    ascii_only = st.characters(max_codepoint=127)
    text = data.draw(st.from_regex(re.compile(_whole(schema), re.ASCII), alphabet=ascii_only))
    if len(text) > schema["maxLength"] or (path == "guard.errors" and not text.strip("0.%")):
        return
    CrossingSpec.model_validate({"routes": ["/"], "to": "web", **_wrapped(path, text)})


@pytest.mark.parametrize(
    ("path", "bad"),
    [
        ("compare.share", ["0%", "101%", "10", "ten", "1.5%", ""]),
        ("compare.differences", ["100.5%", "200%", "-1%", "0.5", "0.0005%"]),
        ("compare.headers[]", ["", "content type", "x:y", "x\n"]),
        ("guard.errors", ["100.1%", "500%", "5"]),
        ("testers.cookie.name", ["", "a b", "a=b"]),
        ("testers.cookie.value", ["", "a b", 'a"b', "a;b", "a,b", "a\\b"]),
        ("after[]", ["a" * 41, "A", "1a", "a-"]),
    ],
)
def test_a_text_that_cannot_be_is_refused_by_file_and_schema_alike(path: str, bad: list[str]) -> None:
    schema = _schema(path)
    for text in bad:
        fits = re.search(_whole(schema), text) and len(text) <= schema["maxLength"]
        assert not fits, text
        with pytest.raises(ValidationError):
            CrossingSpec.model_validate({"routes": ["/"], "to": "web", **_wrapped(path, text)})


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("requests", [1, 1_000_000], [0, 1_000_001]),
        ("methods", [["GET"], list(METHODS)], [[], ["TRACE"]]),
        ("headers", [[], ["x"] * 20], [["x"] * 21]),
        ("ignore", [[], ["x" * 200] * 50], [["x"] * 51, ["x" * 201], [""]]),
    ],
)
def test_numbers_and_lists_of_a_comparison_are_bounded_as_in_the_file(
    key: str, good: list[Any], bad: list[Any]
) -> None:
    for value in good:
        assert _fits(_schema(f"compare.{key}"), value)
        CrossingSpec.model_validate({"routes": ["/"], "to": "web", "compare": {key: value}})
    for value in bad:
        assert not _fits(_schema(f"compare.{key}"), value)
        with pytest.raises(ValidationError):
            CrossingSpec.model_validate({"routes": ["/"], "to": "web", "compare": {key: value}})


def _fits(schema: dict[str, Any], value: Any) -> bool:
    if isinstance(value, list):
        size = schema["minItems"] <= len(value) <= schema["maxItems"]
        return size and all(_fits(schema["items"], each) for each in value)
    if isinstance(value, int):
        return bool(schema["minimum"] <= value <= schema["maximum"])
    named, most = value in schema.get("enum", [value]), schema.get("maxLength", 99)
    sized = schema.get("minLength", 0) <= len(value) <= most
    return named and sized and bool(re.search(schema.get("pattern", ""), value))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"compare": {"share": "0%"}}, "spec.compare.share: '0%' is no share from 1% to 100%"),
        ({"only": "always"}, "spec.only: "),
        ({"guard": {"errors": "200%"}, "testers": {}}, "spec.guard.errors: "),
    ],
)
def test_a_part_that_is_wrong_is_left_out_and_told(change: dict[str, Any], why: str) -> None:
    live = _live(**change)
    found, wrong = understood(live)
    assert why in wrong
    assert found == understood(_live())[0]
    assert understood(_live())[1] == ""


def test_what_has_no_default_cannot_be_left_out() -> None:
    with pytest.raises(Wrong, match=r"spec\.routes"):
        understood(_live(routes=["login"], compare={"share": "0%"}))


@pytest.mark.parametrize("verb", [Verb.START, Verb.RESUME, Verb.MOVE])
@pytest.mark.parametrize("phase", [Phase.MONOLITH, Phase.COMPARING, Phase.MOVING])
def test_a_crossing_whose_spec_is_wrong_is_held_and_goes_nowhere_up(phase: Phase, verb: Verb) -> None:
    live = _live(compare={"share": "0%"}, start="automatic")
    spec, wrong = understood(live)[0].spec, understood(live)[1]
    weight = 25 if phase is Phase.MOVING else 0
    state = State(phase, weight, NOW, started=True, taken=True, generation=1)
    route = RouteFacts(weight, comparing=phase is Phase.COMPARING)
    facts = Facts("login", route, ready=2, wrong=wrong, generation=1)
    held = advance(spec, state, NOW, facts).state
    assert held.held == f"the pilot: {wrong}"
    assert (held.phase, held.weight) == (phase, weight)
    asked = Command("1", verb, "ann@desk", NOW, 50)
    refused = advance(spec, held, NOW, replace(facts, command=asked)).state
    assert (refused.answer, refused.weight, refused.held) == (wrong, weight, held.held)
    assert refused.history[-1].what is What.REFUSED
    back = Command("2", Verb.BACK, "ann@desk", NOW)
    assert advance(spec, held, NOW, replace(facts, command=back)).state.phase is Phase.RETURNING
    mended = advance(spec, held, NOW + timedelta(seconds=1), replace(facts, wrong="")).state
    assert mended.held == ""


def test_who_holds_it_already_goes_on_holding_it() -> None:
    state = State(Phase.MONOLITH, 0, NOW, held="ann@desk", taken=True)
    facts = Facts("login", RouteFacts(0), ready=2, wrong="spec.compare.share: no")
    assert advance(understood(_live())[0].spec, state, NOW, facts).state.held == "ann@desk"


def _live(**change: Any) -> dict[str, Any]:
    found = manifest(PLACE, "login", CrossingSpec(routes=("/login",), to="web"))
    return {**found, "spec": {**found["spec"], **change}}
