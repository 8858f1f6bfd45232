"""The Crossing as an object, its definition, and the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.rooms.crossing.definition import definition
from seaway.rooms.crossing.ledger import LARGEST, MOST, entries_of, ledger, merged, told
from seaway.rooms.crossing.place import Place, Side
from seaway.rooms.crossing.resource import COMMAND, manifest, understood
from seaway.rooms.crossing.routes import Split, route
from seaway.rooms.crossing.spec import CrossingSpec
from seaway.rooms.crossing.state import KEPT, Command, Entry, Phase, State, Verb, What, moment

NOW = datetime(2026, 11, 24, 10, 0, 0, 123000, tzinfo=UTC)
PLACE = Place("shop", "shop.localhost", "edge", Side("monolith", 80, "Backend"))
FULL = CrossingSpec.model_validate(
    {
        "routes": ["/login", "/logout"], "to": "web", "after": "base", "start": "automatic",
        "steps": [5, 100], "hold": "1h",
        "only": "mon-thu 9:00-16:00", "timezone": "Europe/Berlin", "alone": False,
        "guard": {"errors": "0.5%", "worse": False, "latency": 2, "p99": "800ms", "minimum": 7},
        "compare": {}, "sticky": True, "testers": {"header": "X-Tester=yes"},
    }
)  # fmt: skip
ENTRY = Entry(NOW, What.MOVED, "pilot", 5, 25, "0 of 900 failed", {"new": 900})


def _live(spec: CrossingSpec, **meta: Any) -> dict[str, Any]:
    found = manifest(PLACE, "login", spec)
    usual = {"uid": "u", "resourceVersion": "7", "generation": 3}
    return {**found, "metadata": {**found["metadata"], **usual, **meta}}


@pytest.mark.parametrize("spec", [FULL, CrossingSpec(routes=("/",), to="web")])
def test_what_the_file_says_is_read_again_from_the_resource(spec: CrossingSpec) -> None:
    command = Command("7", Verb.MOVE, "ann@desk", NOW, 25)
    state = State(
        Phase.MOVING, 5, NOW, 1, "why", "ann", True, True, 3.5, "6", "no", {"a": 1}, (), (ENTRY,), 3
    )
    state = state.saying("Ready", "True", "Taken", "", NOW)
    found, wrong = understood(
        {**_live(spec, annotations={COMMAND: command.as_text()}), "status": state.as_status((5, 100), 3)}
    )
    assert wrong == ""
    assert (found.name, found.place, found.spec) == ("login", PLACE, spec)
    assert (found.command, found.state) == (command, state)
    assert (found.uid, found.version, found.generation, found.deleting) == ("u", "7", 3, False)
    assert understood(_live(spec, deletionTimestamp=moment(NOW)))[0].deleting


def test_further_public_names_are_kept_and_their_visitors_cross_too() -> None:
    place, spec = replace(PLACE, names=("www.shop.localhost",)), CrossingSpec(routes=("/",), to="web")
    found = manifest(place, "login", spec)
    assert understood({**found, "metadata": {**found["metadata"], "uid": "u"}})[0].place == place
    made = route(place, "login", spec, Split(5))
    assert made["spec"]["hostnames"] == ["shop.localhost", "www.shop.localhost"]


def test_a_resource_that_its_schema_could_not_refuse_is_explained() -> None:
    found = _live(FULL)
    found["spec"] = {**found["spec"], "timezone": "Nowhere/Else"}
    assert "spec.timezone: 'Nowhere/Else' is no time zone" in understood(found)[1]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", '{"id": "", "verb": "back", "by": "a", "at": "2026-11-24T10:00:00Z"}',
     '{"id": "1", "verb": "up", "by": "a", "at": "2026-11-24T10:00:00Z"}',
     '{"id": "1", "verb": "move", "weight": 101, "by": "a", "at": "2026-11-24T10:00:00Z"}',
     '{"id": "1", "verb": "back", "by": "a", "at": "2026-11-24T10:00:00"}'],
)  # fmt: skip
def test_a_command_that_cannot_be_understood_is_none(text: str) -> None:
    assert Command.from_text(text) is None


def test_the_history_of_the_status_is_bounded() -> None:
    state = State()
    for n in range(KEPT + 5):
        state = state.noting(replace(ENTRY, at=NOW + timedelta(seconds=n)))
    assert len(state.history) == KEPT
    assert state.history[-1].at == NOW + timedelta(seconds=KEPT + 4)


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    later = NOW + timedelta(minutes=1)
    state = (
        State().saying("Ready", "False", "Writing", "", NOW).saying("Ready", "False", "NotTaken", "x", later)
    )
    condition = state.condition("Ready")
    assert condition is not None
    assert (condition.since, condition.reason) == (NOW, "NotTaken")
    changed = state.saying("Ready", "True", "Taken", "", later).condition("Ready")
    assert changed is not None
    assert changed.since == later


def test_the_schema_knows_every_field_that_is_written() -> None:
    schema = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    state = State(Phase.MOVING, 5, NOW, evidence={"a": 1}, history=(ENTRY,)).saying(
        "Ready", "True", "T", "", NOW
    )
    assert _unknown(manifest(PLACE, "login", FULL)["spec"], schema["spec"], "spec") == []
    assert _unknown(state.as_status((5, 100), 1), schema["status"], "status") == []
    files = set(CrossingSpec.model_fields) - {"to"}
    assert files <= set(schema["spec"]["properties"])


def test_a_crossing_of_another_tool_gets_the_defaults_of_the_file() -> None:
    schema = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    usual = manifest(PLACE, "login", CrossingSpec(routes=("/",), to="web"))["spec"]
    for key, value in usual.items():
        if key not in schema["required"] and key != "guard":
            assert schema["properties"][key]["default"] == value, key
    guard = schema["properties"]["guard"]["properties"]
    assert {key: guard[key]["default"] for key in guard} == usual["guard"]


def _unknown(value: Any, schema: dict[str, Any], path: str) -> list[str]:
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return []
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return [
            place
            for key, item in value.items()
            for place in (
                [f"{path}.{key}"] if key not in known else _unknown(item, known[key], f"{path}.{key}")
            )
        ]
    items = value if isinstance(value, list) else []
    return [place for item in items for place in _unknown(item, schema["items"], path)]


def test_the_ledger_is_read_as_it_was_written_and_takes_nothing_twice() -> None:
    other = replace(ENTRY, at=NOW + timedelta(seconds=1), what=What.RETURNED, start=25, end=0, figures=None)
    config = ledger("shop", "login", merged([other], [ENTRY, other]))
    assert entries_of(config) == (ENTRY, other)
    assert merged(entries_of(config), [ENTRY]) == (ENTRY, other)
    assert entries_of(None) == ()
    assert entries_of({"data": {"entries": "{\n" + config["data"]["entries"]}}) == (ENTRY, other)
    assert told(other) == ("2026-11-24 10:00:01", "returned", "pilot", "25 → 0 %", "0 of 900 failed")


@settings(max_examples=20)
@given(st.integers(1, 3000), st.integers(0, 2000))
def test_the_ledger_is_bounded_and_keeps_the_newest(count: int, size: int) -> None:
    entries = [replace(ENTRY, at=NOW + timedelta(seconds=n), reason="x" * size) for n in range(count)]
    kept = merged(entries[: count // 2], entries[count // 2 :])
    text = ledger("shop", "login", kept)["data"]["entries"]
    assert len(text.encode()) <= LARGEST
    assert len(kept) <= MOST
    assert kept == tuple(entries[len(entries) - len(kept) :])
    assert len(kept) == min(count, MOST) or len(text.encode()) + size + 200 > LARGEST
