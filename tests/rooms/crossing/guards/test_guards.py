"""What the guards decide, and what they say."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.rooms.crossing.guards import Evidence, Rules, Seen, Verdict, fold, verdict

RULES = Rules()
NOTHING = Seen(0, 0)
EDGES = (*(1.25**n for n in range(50)), math.inf)


def _histogram(*groups: tuple[float, int]) -> tuple[tuple[float, int], ...]:
    counts = dict.fromkeys(EDGES, 0)
    for ms, count in groups:
        counts[next(edge for edge in EDGES if edge >= ms)] += count
    return tuple(counts.items())


def _fold(evidence: Evidence, ticks: Iterable[tuple[Seen, Seen]], rules: Rules = RULES) -> Evidence:
    for old, new in ticks:
        evidence = fold(evidence, rules, old, new)
    return evidence


def _until(evidence: Evidence, old: Seen, new: Seen, most: int, rules: Rules = RULES) -> tuple[int, Verdict]:
    for n in range(1, most + 1):
        evidence = fold(evidence, rules, old, new)
        found = verdict(evidence, rules)
        if found.broken:
            return n, found
    return 0, verdict(evidence, rules)


def _good(seconds: int = 600, old: int = 50, new: int = 50, rules: Rules = RULES) -> Evidence:
    return _fold(Evidence.fresh(rules), [(Seen(old, 0), Seen(new, 0))] * seconds, rules)


def test_the_sentence_and_the_figures_are_those_of_the_bad_time() -> None:
    seconds, found = _until(_good(), Seen(100, 0), Seen(20, 2), 60)
    assert 2 <= seconds <= 10
    bad, requests, old = 2 * seconds, 20 * seconds, 100 * seconds
    assert found.reason == (
        f"{bad} of {requests} requests failed on the new side (10 %), 0 of {old} on the old side (0 %) "
        f"in the last {seconds} s"
    )
    assert found.figures == {
        "rule": "worse",
        "old": {"requests": old, "bad": 0},
        "new": {"requests": requests, "bad": bad},
        "seconds": float(seconds),
    }


@pytest.mark.parametrize("share", [1, 5, 25, 50])
def test_a_dead_side_goes_back_after_few_requests_but_never_after_two(share: int) -> None:
    evidence = _good(300, 100 - share, share)
    failed = 0
    while not verdict(evidence, RULES).broken:
        ticks = [(Seen(1, 0), NOTHING)] * ((100 - share) // share) + [(NOTHING, Seen(1, 1))]
        evidence, failed = _fold(evidence, ticks), failed + 1
        assert failed <= 8
    assert failed >= 3


def test_a_side_that_dies_at_full_weight_goes_back_too() -> None:
    evidence = _fold(_good().next_step(), [(NOTHING, Seen(10, 0))] * 10_000)
    seconds, found = _until(evidence, NOTHING, Seen(1, 1), 30)
    assert 3 <= seconds <= 10
    assert found.figures["rule"] == "failing"
    assert found.reason.startswith(f"{seconds} of {seconds} requests failed on the new side (100 %)")
    assert found.reason.endswith("; the limit is 5 %")


@pytest.mark.parametrize(("old", "new"), [(99, 1), (50, 50), (1, 1)])
def test_where_both_sides_are_dead_neither_is_worse(old: int, new: int) -> None:
    evidence = _good(300, old, new)
    seconds, _ = _until(evidence, Seen(old, old), Seen(new, new), 600)
    assert seconds == 0
    after = _fold(evidence, [(Seen(old, old), Seen(new, new))] * 60)
    assert _until(after, Seen(old, 0), Seen(new, 0), 600)[0] == 0, "nor is one when both are well again"


def test_after_a_shared_outage_the_next_change_is_still_found() -> None:
    evidence = _fold(_good(), [(Seen(50, 50), Seen(50, 50))] * 60 + [(Seen(50, 0), Seen(50, 0))] * 300)
    seconds, found = _until(evidence, Seen(50, 0), Seen(50, 5), 60)
    assert 2 <= seconds <= 8
    assert found.figures["rule"] == "worse"


@pytest.mark.parametrize("share", [1, 5, 25, 50, 100])
@pytest.mark.parametrize("before", [0, 1, 7, 500])
def test_a_single_error_decides_nothing(share: int, before: int) -> None:
    evidence = Evidence.fresh(RULES)
    for n in range(before):
        new = n * share // 100 != (n + 1) * share // 100
        sides = (NOTHING, Seen(1, 0)) if new else (Seen(1, 0), NOTHING)
        evidence = fold(evidence, RULES, *sides, 60.0)
    evidence = fold(evidence, RULES, NOTHING, Seen(1, 1), 60.0)
    assert not verdict(evidence, RULES).broken
    assert not verdict(evidence.next_step(), RULES).broken
    for _ in range(300):
        evidence = fold(evidence, RULES, Seen(1, 0), NOTHING, 60.0)
        assert not verdict(evidence, RULES).broken


def test_a_limit_that_both_sides_break_is_no_reason_until_the_old_side_is_gone() -> None:
    evidence = Evidence.fresh(RULES)
    seconds, _ = _until(evidence, Seen(50, 5), Seen(50, 5), 300)
    assert seconds == 0
    evidence = _fold(evidence, [(Seen(50, 5), Seen(50, 5))] * 300).next_step()
    seconds, found = _until(evidence, NOTHING, Seen(100, 10), 60)
    assert 1 <= seconds <= 30
    assert found.figures["rule"] == "failing"
    alone = Rules(worse=False)
    assert _until(Evidence.fresh(alone), Seen(50, 5), Seen(50, 5), 300, alone)[0] > 0


def test_what_is_negligible_is_no_reason_however_sure_it_is() -> None:
    seconds, _ = _until(Evidence.fresh(RULES), Seen(50_000, 5), Seen(50_000, 30), 600)
    assert seconds == 0
    assert _until(Evidence.fresh(RULES), Seen(50_000, 5), Seen(50_000, 150), 600)[0] > 0


def test_an_old_side_that_is_worse_is_no_reason() -> None:
    assert _until(Evidence.fresh(RULES), Seen(50, 20), Seen(50, 2), 600)[0] == 0


def test_rules_that_are_off_decide_nothing() -> None:
    off = Rules(errors=None, worse=False, latency=None)
    usual, slow = _histogram((80, 50)), _histogram((2000, 50))
    assert _until(Evidence.fresh(off), Seen(50, 0, usual), Seen(50, 50, slow), 300, off)[0] == 0


def test_a_failure_that_ends_in_a_later_tick_than_its_request_counts() -> None:
    evidence = fold(_good(), RULES, Seen(50, 0), Seen(0, 5))
    assert evidence.in_step.new == 50 * 600 + 5
    assert evidence.in_step.new_hits == 5


def _spread(requests: int, scale: float = 1.0) -> Seen:
    groups = ((60, 40), (80, 35), (110, 15), (200, 8), (600, 2))
    return Seen(requests, 0, _histogram(*((ms * scale, requests * share // 100) for ms, share in groups)))


def test_a_side_that_is_twice_as_slow_goes_back_and_one_that_is_as_slow_as_allowed_stays() -> None:
    evidence = _fold(Evidence.fresh(RULES), [(_spread(100), _spread(100))] * 300)
    assert not verdict(evidence, RULES).broken
    assert _until(evidence, _spread(100), _spread(100, 1.5), 600)[0] == 0
    seconds, found = _until(evidence, _spread(100), _spread(100, 2.0), 60)
    assert 1 <= seconds <= 30
    new, old = found.figures["new"], found.figures["old"]
    assert found.figures["rule"] == "slower"
    assert new["over_ms"] >= 1.5 * old["over_ms"]
    assert new["bad"] / new["requests"] > 1.2 * old["bad"] / old["requests"]
    assert f"took longer than {new['over_ms']:.0f} ms on the new side" in found.reason
    assert found.reason.endswith("; the limit is 1.5 times")


def test_a_few_milliseconds_are_no_reason() -> None:
    quick, slower = Seen(100, 0, _histogram((2, 100))), Seen(100, 0, _histogram((9, 100)))
    evidence = _fold(Evidence.fresh(RULES), [(quick, quick)] * 300)
    assert _until(evidence, quick, slower, 600)[0] == 0


def test_the_p99_has_a_limit_of_its_own() -> None:
    rules = Rules(p99=500, latency=None)
    seconds, found = _until(Evidence.fresh(rules), NOTHING, _spread(100, 2.0), 60, rules)
    assert seconds == 0, "two of a hundred over a limit for one of a hundred take longer than a minute"
    seconds, found = _until(Evidence.fresh(rules), NOTHING, _spread(100, 3.0), 60, rules)
    assert 1 <= seconds <= 30
    assert found.figures["rule"] == "slow"
    assert "took longer than 500 ms on the new side" in found.reason
    assert _until(Evidence.fresh(rules), NOTHING, _spread(100, 0.5), 600, rules)[0] == 0


def test_latencies_that_arrive_a_tick_later_count() -> None:
    late = Seen(0, 0, _histogram((80, 10)))
    evidence = _fold(
        Evidence.fresh(RULES), [(Seen(10, 0, _histogram()), Seen(10, 0, _histogram())), (late, late)]
    )
    assert sum(evidence.memory.latency) == 10


def test_a_step_counts_its_own_requests() -> None:
    evidence = _good(1, new=99)
    assert not verdict(evidence, RULES).enough
    assert verdict(evidence, RULES).reason == (
        "0 of 99 requests failed on the new side (0 %), 0 of 50 on the old side (0 %) in this step; "
        "the step waits for 100 requests of the new side"
    )
    evidence = fold(evidence, RULES, NOTHING, Seen(1, 0))
    assert verdict(evidence, RULES).enough
    assert not verdict(evidence.next_step(), RULES).enough
    assert verdict(evidence.next_step(), RULES).figures["new"]["requests"] == 0


def test_a_new_pilot_goes_on_where_the_last_one_was() -> None:
    whole = kept = _fold(Evidence.fresh(RULES), [(_spread(100), _spread(100))] * 100)
    for n in range(200):
        old, new = _spread(100), Seen(20, n % 3, _spread(20, 1.6).latency)
        kept = Evidence.from_json(json.loads(json.dumps(kept.as_json())), RULES)
        kept, whole = fold(kept, RULES, old, new), fold(whole, RULES, old, new)
        assert verdict(kept, RULES) == verdict(whole, RULES)
    assert verdict(whole, RULES).broken
    text = json.dumps(kept.as_json(), separators=(",", ":"))
    assert len(text) < 2000
    assert len(json.dumps(Evidence.fresh(RULES).as_json())) < 100


@pytest.mark.parametrize(
    "damage",
    [
        {"worse": 3},
        {"worse": [[1], 2]},
        {"strange": 1},
        {"step": [1, 2]},
        {"step": "four"},
        {"levels": [[0, 0, 0, 0]] * 3},
        {"marks": [None] * 3},
    ],
)
def test_evidence_that_cannot_be_read_begins_anew(damage: dict[str, object]) -> None:
    kept = _good(10).as_json()
    assert Evidence.from_json(kept, RULES) != Evidence.fresh(RULES)
    assert Evidence.from_json(kept | damage, RULES) == Evidence.fresh(RULES)


def test_evidence_of_other_rules_begins_anew() -> None:
    kept, other = _good(10).as_json(), Rules(errors=0.02)
    assert Evidence.from_json(kept, other) == Evidence.fresh(other)
    assert Evidence.from_json(kept, Rules(minimum=5)) != Evidence.fresh(RULES)


@pytest.mark.parametrize(
    "wrong",
    [{"errors": 0.0}, {"errors": 1.0}, {"latency": 0.9}, {"p99": 0.0}, {"alpha": 0.0}, {"alpha": 1.0}],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Rules(**wrong)  # type: ignore[arg-type]


def test_the_rules_share_alpha() -> None:
    for rules in (RULES, Rules(p99=800), Rules(latency=None), Rules(worse=False, latency=None)):
        assert sum(1 / bar for bar in rules.bars.values()) == pytest.approx(rules.alpha)


_SEEN = st.builds(
    lambda requests, errors, groups: Seen(requests, errors, groups and _histogram(*groups)),
    st.integers(0, 10**6) | st.integers(0, 3),
    st.integers(0, 10**4) | st.just(0),
    st.lists(st.tuples(st.floats(0.1, 10**6), st.integers(0, 10**5)), max_size=4).map(tuple),
)


@given(st.lists(st.tuples(_SEEN, _SEEN, st.booleans()), max_size=30))
@settings(max_examples=100)
def test_whatever_is_seen_the_evidence_stays_finite(ticks: list[tuple[Seen, Seen, bool]]) -> None:
    rules = Rules(p99=300, alpha=0.001)
    evidence = Evidence.fresh(rules)
    for old, new, moved in ticks:
        evidence = fold(evidence.next_step() if moved else evidence, rules, old, new)
        verdict(evidence, rules)
    every = [evidence.worse.wealth, *(level.wealth for level in evidence.slower)]
    every += [limit.wealth for limit in (evidence.negligible, evidence.failing, evidence.slow)]
    assert all(0 <= each < math.inf for wealth in every for each in wealth)
    assert Evidence.from_json(json.loads(json.dumps(evidence.as_json())), rules).failed == evidence.failed
