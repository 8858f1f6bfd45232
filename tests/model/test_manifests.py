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
