"""Where a live object lacks or contradicts what is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.model.manifests import differences


@pytest.mark.parametrize(
    ("desired", "live", "found"),
    [
        ([{"name": "a", "x": 1}], [{"name": "b"}, {"name": "a", "x": 1, "y": 2}], []),
        ([{"name": "a", "x": 1}], [{"name": "a", "x": 2}], ["[a].x"]),
        ([{"name": "a", "x": 1}, {"name": "a", "x": 2}], [{"name": "a", "x": 1}, {"name": "a", "x": 2}], []),
        ([{"name": "a", "x": 1}, {"name": "a", "x": 2}], [{"name": "a", "x": 1}, {"name": "a", "x": 3}],
         ["[1].x"]),
        ([{"x": 1}], [{"x": 1}, {"x": 2}], [""]),
    ],
    ids=["by name", "by name, another value", "a name twice", "a name twice, another value", "one too many"],
)  # fmt: skip
def test_items_of_a_list_are_told_apart_by_name_where_names_are_unique(
    desired: Any, live: Any, found: list[str]
) -> None:
    assert differences(desired, live) == found


@pytest.mark.parametrize(
    ("desired", "live", "found"),
    [
        ("1000m", "1", []),
        ("1Gi", "1024Mi", []),
        ("100m", "200m", [""]),
        ("3e95103641159820", "4e95103641159820", [""]),
        ("1e5", "100000", [""]),
    ],
    ids=[
        "cores",
        "bytes",
        "another amount",
        "a digest that looks like an exponent",
        "a text with an exponent",
    ],
)
def test_quantities_are_the_same_by_amount_and_other_texts_by_their_letters(
    desired: str, live: str, found: list[str]
) -> None:
    assert differences(desired, live) == found


@pytest.mark.parametrize(
    ("live", "found"), [({}, ["spec.http3"]), ({"http3": {}}, []), ({"http3": {"more": 1}}, [])]
)
def test_what_counts_by_being_there_is_missed(live: dict[str, Any], found: list[str]) -> None:
    """An object without entries, such as what offers HTTP/3: whoever takes it away turns that off."""
    assert differences({"spec": {"http3": {}}}, {"spec": live}) == found
