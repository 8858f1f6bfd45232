"""The ledger keeps what happened in its order, whatever the clocks of those who wrote it say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.rooms.crossing.ledger import entries_of, ledger, merged
from seaway.rooms.crossing.state import Entry, State, What

NOW = datetime(2026, 11, 24, 2, 10, tzinfo=UTC)
APART = timedelta(minutes=5)


def _entry(what: What, seconds: float, by: str = "pilot", apart: timedelta = timedelta()) -> Entry:
    return Entry(NOW + timedelta(seconds=seconds) + apart, what, by, 0, 5)


@pytest.mark.parametrize("apart", [APART, -APART])
def test_what_a_pilot_with_another_clock_adds_comes_last(apart: timedelta) -> None:
    """The first pilot dies once it has written the status; the second, whose clock is off, goes on."""
    first = [_entry(What.STARTED, 0), _entry(What.MOVED, 10), _entry(What.HELD, 20, "ann@desk", -apart)]
    state = State()
    for entry in first:
        state = state.noting(entry)
    kept = entries_of(ledger("shop", "login", merged([], first[:2])))
    taken_over = merged(kept, state.history)
    assert list(taken_over) == first
    back = _entry(What.RETURNING, 30, "ann@desk")
    gone = _entry(What.RETURNED, 31, apart=apart)
    state = state.noting(back).noting(gone)
    assert list(merged(taken_over, [back, gone])) == [*first, back, gone]
    assert list(merged(taken_over, state.history)) == [*first, back, gone]


@pytest.mark.parametrize("apart", [APART, -APART])
def test_an_entry_that_one_account_lacks_comes_where_the_other_has_it(apart: timedelta) -> None:
    a, b, c, d = (_entry(What.MOVED, n, apart=n * apart) for n in range(4))
    assert merged([a, b, d], [b, c, d]) == (a, b, c, d)
    assert merged([c], [a, b, c, d]) == (a, b, c, d)
    assert merged([a, b], [c, d, c]) == (a, b, c, d)


@given(st.lists(st.integers(-600, 600), unique=True, max_size=12), st.data())
def test_two_accounts_of_the_same_events_give_all_of_them_in_their_order(
    times: list[int], data: st.DataObject
) -> None:
    """The ledger lacks some of the last, the status the first: whatever the times, the order is kept."""
    happened = [_entry(What.MOVED, each) for each in times]
    begin = data.draw(st.integers(0, len(happened)))
    end = data.draw(st.integers(begin, len(happened)))
    lacking = set(data.draw(st.lists(st.sampled_from(range(len(happened)))))) if happened else set()
    ledgered = [e for n, e in enumerate(happened[:end]) if n not in lacking or n < begin]
    assert list(merged(ledgered, happened[begin:])) == happened
