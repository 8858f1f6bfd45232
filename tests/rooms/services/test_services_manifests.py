"""What a service is in the cluster, case by case."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.errors import Refused
from seaway.rooms.services.drain import MARGIN, check, grace
from seaway.rooms.services.manifests import Surroundings, deployment
from seaway.rooms.services.plan import callers, desired
from seaway.rooms.services.spec import ServiceSpec
from tests.rooms import golden

CASES = golden.cases(Path(__file__).parent / "cases")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.stem)
def test_a_service_becomes_these_objects(case: Path) -> None:
    given = golden.given(case)
    services = {name: ServiceSpec.model_validate(spec) for name, spec in given["services"].items()}
    monolith = tuple((a, p) for a, p in given.get("monolith", []))
    around = Surroundings("shop", given.get("monolith_url", ""), monolith, callers(services))
    golden.hold(case, [item.manifest for item in desired(services, around)])


def test_the_grace_period_covers_drain_and_the_longest_request() -> None:
    assert grace(5, 15) == 5 + 15 + MARGIN


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("spec", "template", "spec", "terminationGracePeriodSeconds"), 10, "grace (10 s) >="),
        (("spec", "strategy", "rollingUpdate", "maxUnavailable"), 1, "maxUnavailable = 0"),
        (
            ("spec", "template", "spec", "containers", 0, "lifecycle", "preStop", "sleep", "seconds"),
            1,
            "drain (1 s)",
        ),
    ],
)
def test_a_rollout_that_could_drop_requests_is_refused(
    path: tuple[str | int, ...], value: int, told: str
) -> None:
    spec = ServiceSpec(source="./shop", run="gunicorn shop")
    manifest = deployment(Surroundings("shop"), "shop", spec)
    place = manifest
    for key in path[:-1]:
        place = place[key]  # type: ignore[index]
    place[path[-1]] = value  # type: ignore[index]
    with pytest.raises(Refused) as refused:
        check(manifest, spec.rollout.request)
    assert told in refused.value.why


def test_whoever_is_named_in_env_is_called() -> None:
    services = {
        "web": ServiceSpec(
            source=".", run="x", env={"USERS_URL": "http://users/api", "OTHER": "http://elsewhere"}
        ),
        "users": ServiceSpec(source=".", run="x"),
    }
    assert callers(services) == {"web": (), "users": ("web",)}
