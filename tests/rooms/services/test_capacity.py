"""The search for what a pod bears, and what is kept of it."""

from __future__ import annotations

import pytest

from seaway.model.trial import Trial
from seaway.rooms.services.capacity import (
    COMPONENT,
    Capacity,
    capacities,
    found,
    kept,
    next_rate,
    probe_pod,
)
from seaway.rooms.services.manifests import Surroundings, deployment, service
from seaway.rooms.services.spec import ServiceSpec

OBJECTIVE = 0.2


def _tried(rate: int, bears: int) -> Trial:
    """What a pod answers that bears so many requests a second."""
    return Trial(rate, min(rate, bears), 0, 0.05 if rate <= bears else 2.0, {"web": 0.004 * rate + 0.1})


def _searched(bears: int, limit: int) -> list[Trial]:
    trials: list[Trial] = []
    while rate := next_rate(trials, OBJECTIVE, limit):
        trials.append(_tried(rate, bears))
    return trials


@pytest.mark.parametrize("bears", [1, 3, 9, 10, 17, 63, 100, 333, 499])
def test_the_search_comes_close_from_below_in_few_steps(bears: int) -> None:
    trials = _searched(bears, 500)
    capacity = found(trials, OBJECTIVE, {}, ("/",), image="", at="")
    assert capacity
    assert capacity.whole
    assert capacity.requests <= bears <= max(1.15 * capacity.requests, capacity.requests + 1)
    assert len(trials) <= 12
    assert len({trial.rate for trial in trials}) == len(trials)


def test_the_search_never_goes_beyond_its_limit() -> None:
    trials = _searched(10_000, 50)
    assert [trial.rate for trial in trials] == [10, 20, 40, 50]
    capacity = found(trials, OBJECTIVE, {}, ("/",), image="", at="")
    assert capacity
    assert (capacity.requests, capacity.whole) == (50, False)


def test_a_pod_that_bears_nothing_has_no_capacity() -> None:
    assert found(_searched(0, 500), OBJECTIVE, {}, ("/",), image="", at="") is None


@pytest.mark.parametrize(
    "trial", [Trial(10, 10, 1, 0.01), Trial(10, 10, 0, 0.21), Trial(10, 9.4, 0, 0.01)], ids=str
)
def test_what_fails_is_late_or_does_not_keep_up_is_not_borne(trial: Trial) -> None:
    assert not trial.borne(OBJECTIVE)
    assert Trial(10, 9.5, 0, 0.2).borne(OBJECTIVE)


def test_a_rate_above_one_that_was_not_borne_does_not_count() -> None:
    trials = [Trial(10, 10, 0, 0.01), Trial(20, 12, 0, 0.9), Trial(40, 40, 0, 0.01)]
    capacity = found(trials, OBJECTIVE, {}, ("/",), image="", at="")
    assert capacity
    assert capacity.requests == 10


def test_a_request_costs_what_is_used_beyond_rest() -> None:
    idle = {"web": 0.1, "store": 0.02}
    trials = [Trial(50, 50, 0, 0.01, {"web": 0.3, "store": 0.01})]
    capacity = found(trials, OBJECTIVE, idle, ("/",), image="", at="")
    assert capacity
    assert capacity.cpu["web"] == pytest.approx(0.004)
    assert capacity.cpu["store"] == 0.0


def test_what_was_found_is_read_again_and_what_is_none_is_left_out() -> None:
    capacity = Capacity(
        63, 0.2, 0.15, ("/a", "/b"), {"web": 0.004}, True, "image", "2026-11-28T10:00:00+00:00"
    )
    config = kept("shop", "web", capacity)
    config["data"]["store"] = "{"
    config["data"]["other"] = "{}"
    assert capacities(config) == {"web": capacity}
    assert capacities(None) == {}


def test_nothing_sends_requests_to_the_pod_that_is_probed() -> None:
    spec, around = ServiceSpec.model_validate({"source": ".", "run": "serve"}), Surroundings("shop")
    pod = probe_pod(deployment(around, "web", spec), 300)
    chosen = service(around, "web")["spec"]["selector"]
    assert pod["metadata"]["labels"]["app.kubernetes.io/component"] == COMPONENT
    assert not chosen.items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["activeDeadlineSeconds"] == 300
    assert pod["spec"]["containers"][0]["command"] == ["serve"]
