"""The releases of a service, as its ReplicaSets tell them, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from seaway.errors import NotFound, Refused, UsageError
from seaway.flow.promoted import earlier
from seaway.model.names import Digest, ImageRef
from seaway.rooms.images.promoted import Record
from seaway.rooms.services.history import (
    MIGRATIONS,
    Release,
    decide_undo,
    parsed,
    ran,
    releases,
    taken_back,
)
from seaway.rooms.services.spec import CONTRACT
from seaway.steps.objects import SIGNED_AT, SIGNED_BY

OWN = {"app.kubernetes.io/name": "web"}
A, B, C = (f"registry/web@sha256:{letter * 64}" for letter in "abc")


def template(image: str, digest: str = "") -> dict[str, Any]:
    labels = {**OWN, **({"pod-template-hash": digest} if digest else {})}
    container = {"name": "web", "image": image}
    return {"metadata": {"labels": labels, "creationTimestamp": None}, "spec": {"containers": [container]}}


def deployment(revision: int, image: str, **notes: str) -> dict[str, Any]:
    meta = {
        "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7", "labels": OWN,
        "annotations": {"deployment.kubernetes.io/revision": str(revision), **notes},
    }  # fmt: skip
    spec = {"replicas": 3, "selector": {"matchLabels": OWN}, "template": template(image)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def replicas(revision: int, image: str, owner: str = "u", **notes: str) -> dict[str, Any]:
    meta = {
        "name": f"web-{revision}",
        "ownerReferences": [{"uid": owner}],
        "creationTimestamp": f"2026-11-24T10:0{revision}:00Z",
        "annotations": {"deployment.kubernetes.io/revision": str(revision), **notes},
    }
    return {"metadata": meta, "spec": {"template": template(image, "1a2b")}}


SETS = [replicas(3, C), replicas(1, A), replicas(2, B), replicas(9, A, owner="somebody else")]


def test_releases_come_in_their_order_with_who_and_when() -> None:
    signed = {SIGNED_BY: "ann@desk", SIGNED_AT: "2026-11-24T11:00:00Z"}
    found = releases(deployment(3, C, **signed), SETS)
    assert [(r.revision, r.digest[:1], r.current) for r in found] == [
        (1, "a", False), (2, "b", False), (3, "c", True),
    ]  # fmt: skip
    assert [(r.by, r.at) for r in found[1:]] == [
        ("", "2026-11-24T10:02:00Z"),
        ("ann@desk", "2026-11-24T11:00:00Z"),
    ]


def test_each_image_ran_until_the_next_release() -> None:
    known = releases(deployment(3, A, **{SIGNED_AT: "2026-11-24T11:00:00Z"}), [*SETS[1:3], replicas(3, A)])
    told = ran(known, datetime(2026, 11, 24, 11, 1, tzinfo=UTC))
    assert told == {f"sha256:{'a' * 64}": 60 + 60, f"sha256:{'b' * 64}": 58 * 60}


def test_undo_goes_to_the_one_before_or_to_the_one_that_is_named() -> None:
    known = releases(deployment(3, C), SETS)
    assert decide_undo("web", known, 0, force=False).revision == 2
    assert decide_undo("web", known, 1, force=False).revision == 1


@pytest.mark.parametrize("to", [3, 7])
def test_undo_to_what_is_not_kept_is_told(to: int) -> None:
    with pytest.raises(NotFound) as error:
        decide_undo("web", releases(deployment(3, C), SETS), to, force=True)
    assert "kept besides the present one: 1, 2" in error.value.why


def test_the_first_release_has_none_before() -> None:
    with pytest.raises(NotFound, match="no release before"):
        decide_undo("web", releases(deployment(1, A), SETS[1:2]), 0, force=True)


def test_after_an_undo_the_next_one_returns() -> None:
    """Kubernetes counts on: the release that was gone back to is the newest then."""
    known = releases(deployment(4, B), [replicas(3, C), replicas(4, B), replicas(1, A)])
    assert decide_undo("web", known, 0, force=False).digest[0] == "c"


@pytest.mark.parametrize(
    ("sets", "present", "to"),
    [
        ([replicas(1, A), replicas(2, B)], {MIGRATIONS: CONTRACT}, 0),
        ([replicas(1, A), replicas(2, B, **{MIGRATIONS: CONTRACT}), replicas(3, C)], {}, 1),
    ],
)
def test_a_return_past_a_release_that_took_data_away_wants_force(
    sets: list[dict[str, Any]], present: dict[str, str], to: int
) -> None:
    known = releases(deployment(len(sets), C, **present), sets)
    with pytest.raises(Refused) as error:
        decide_undo("web", known, to, force=False)
    assert "migrations: contract" in error.value.what
    assert "--force" in error.value.remedy
    assert decide_undo("web", known, to, force=True).revision == 1


def test_what_was_declared_for_the_release_before_does_not_bind_this_one() -> None:
    known = releases(deployment(3, C), [*SETS[:2], replicas(2, B, **{MIGRATIONS: CONTRACT})])
    assert decide_undo("web", known, 0, force=False).migrations == CONTRACT


@pytest.mark.parametrize("autoscaled", [False, True])
def test_the_old_template_comes_back_and_nobody_is_overwritten(autoscaled: bool) -> None:
    known = releases(deployment(3, C), SETS)
    manifest = taken_back(deployment(3, C), known[0], autoscaled=autoscaled).manifest
    assert manifest["metadata"]["resourceVersion"] == "7"
    assert manifest["spec"]["template"] == {
        "metadata": {"labels": OWN}, "spec": {"containers": [{"name": "web", "image": A}]},
    }  # fmt: skip
    assert ("replicas" in manifest["spec"]) is not autoscaled


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("3", 3),
        ("123456789012", "123456789012"),
        ("sha256:" + "a" * 64, "a" * 64),
        (A, "a" * 64),
        ("sha256:" + "a" * 12, "a" * 12),
    ],
)
def test_a_release_is_named_by_its_number_or_by_its_image(text: str, wanted: int | str) -> None:
    assert parsed(text) == wanted


@pytest.mark.parametrize("text", ["-1", "abc", "aaaaaaaaaaa", "sha256:3", "A" * 12, "a" * 65, "v2", "\u0661"])
def test_other_names_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="names no release"):
        parsed(text)


def recorded(letter: str, hour: int, migrations: str = "expand") -> Record:
    return Record(Digest(f"sha256:{letter * 64}"), f"2026-11-24T{hour:02}:00:00Z", "ann@desk", migrations)


def with_promoted(*found: Record) -> tuple[Release, ...]:
    """Three releases that the cluster knows, and before them what was promoted and it forgot."""
    known = releases(deployment(3, C), SETS)
    return (*earlier(known, ImageRef("prod.example.com", "shop/web", "src-1"), found), *known)


def test_what_was_promoted_and_forgotten_can_be_gone_back_to() -> None:
    known = with_promoted(recorded("d", 7), recorded("e", 8), recorded("a", 9), recorded("f", 12))
    assert [release.name[:1] for release in known] == ["d", "e", "1", "2", "3"]
    target = decide_undo("web", known, "d" * 12, force=False)
    assert target.as_json() == {
        "revision": None, "image": f"prod.example.com/shop/web@sha256:{'d' * 64}", "current": False,
        "at": "2026-11-24T07:00:00Z", "by": "ann@desk", "migrations": "expand",
    }  # fmt: skip
    step = taken_back(deployment(3, C), target, autoscaled=False)
    assert step.manifest["spec"]["template"]["spec"]["containers"] == [{"name": "web", "image": target.image}]
    assert step.details == (f"back to the image that was promoted, {'d' * 12}",)
    assert known[-1].image == C
    assert decide_undo("web", known, 0, force=False).revision == 2
    assert decide_undo("web", known, "a" * 64, force=False).revision == 1
    for other in ("c", "f"):
        with pytest.raises(NotFound) as error:
            decide_undo("web", known, other * 12, force=True)
        assert error.value.why == f"kept besides the present one: {'d' * 12}, {'e' * 12}, 1, 2"


@pytest.mark.parametrize(
    ("migrations", "said"), [("contract", "declares migrations: contract"), ("", "does not say")]
)
def test_what_was_promoted_since_may_have_taken_data_away(migrations: str, said: str) -> None:
    known = with_promoted(recorded("d", 7), recorded("e", 8, migrations), recorded("9", 9))
    with pytest.raises(Refused, match=f"release {'e' * 12} {said}"):
        decide_undo("web", known, "d" * 12, force=False)
    assert decide_undo("web", known, "d" * 12, force=True) is known[0]
    for later in ("e", "9"):
        assert decide_undo("web", known, later * 12, force=False).fits(later * 64)


def test_an_environment_whose_cluster_has_no_release_forgot_none() -> None:
    assert earlier((), ImageRef("prod.example.com", "shop/web"), [recorded("d", 7)]) == ()
