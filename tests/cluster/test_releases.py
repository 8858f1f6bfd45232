"""Releases by the commands that a team types: a bad one that goes back by itself, a good one, and undo."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from seaway.kit.kube import Ref
from seaway.providers.local.access import HOST
from seaway.rooms.crossing.resource import API, KIND
from tests.cluster.support import until
from tests.cluster.tiny_system import SYSTEM, Tiny

RELEASE = Ref(API, KIND, "app-next", SYSTEM)
STEPS = {"steps": [5, 50, 100], "hold": "5s", "guard": {"minimum": 5}, "alone": False}
#: Seconds within which a way back is over, with the second that it gives a pilot to answer.
SOON = 5.0


@pytest.fixture(scope="module")
def tiny(common: Tiny) -> Tiny:
    """The system with both crossings settled."""
    tiny = common.become(STEPS, release="crossing")
    for name in ("first", "second"):
        tiny.seaway("cross", "move", name, "100")
    with tiny.load("/first/a", "/second/a"):
        tiny.seaway("cross", "watch")
    return tiny


def _beside(tiny: Tiny) -> dict[str, Any]:
    out, _ = tiny.seaway("rollout", "status", "-o", "json")
    found: dict[str, Any] = json.loads(out)[0]["beside"] or {}
    return found


def _is(tiny: Tiny, phase: str) -> bool:
    return bool(_beside(tiny).get("phase") == phase)


def _history(tiny: Tiny) -> list[dict[str, Any]]:
    """The releases of the service, the newest first."""
    out, _ = tiny.seaway("rollout", "history", "app", "-o", "json")
    found: list[dict[str, Any]] = json.loads(out)
    return found


def _version(tiny: Tiny) -> str:
    return tiny.ask("/first/a").headers["x-version"]


def test_a_good_version_settles_and_becomes_the_service(tiny: Tiny) -> None:
    known, old, new = _history(tiny), _version(tiny), tiny.release_anew()
    with tiny.load("/first/a", "/second/a") as load:
        tiny.seaway("up")
        assert _version(tiny) in {old, new}
        until(lambda: _is(tiny, "settled"), "the end of the release", 90)
        assert {_version(tiny) for _ in range(20)} == {new}
        _, story = tiny.seaway("up")
        assert "this makes it the service itself" in story
        assert {_version(tiny) for _ in range(20)} == {new}
    assert len(load.answers) > 500
    assert tiny.cluster.kube.get(RELEASE) is None
    assert tiny.cluster.kube.get(Ref("apps/v1", "Deployment", "app-next", SYSTEM)) is None
    assert tiny.plan() == []
    now, before, *_ = _history(tiny)
    assert (now["current"], before["current"], now["migrations"]) == (True, False, "expand")
    assert "@" in now["by"]
    assert before["image"] == known[0]["image"]
    assert now["image"] not in {release["image"] for release in known}


def test_a_bad_version_goes_back_by_itself_and_another_one_begins_anew(tiny: Tiny) -> None:
    tiny.release(-1)
    with tiny.load("/first/a", may_fail=True) as load:
        tiny.seaway("up")
        until(lambda: _is(tiny, "returned"), "the way back", 60)
        back = datetime.now(UTC)
        time.sleep(5)
    assert 0 < len(load.failed()) < len(load.answers) * 0.2
    assert load.failed(after=back) == []
    assert "failed" in _beside(tiny)["reason"]
    _, story = tiny.seaway("up")
    assert "this version has gone back" in story
    tiny.release_anew()
    tiny.seaway("up")
    until(lambda: _beside(tiny)["weight"], "the first step", 30)
    out, _ = tiny.seaway("rollout", "undo", "app")
    assert out.startswith("app: ")


def test_undo_is_at_once_also_without_the_pilot_and_so_is_the_way_back_below(tiny: Tiny) -> None:
    old = _version(tiny)
    tiny.release_anew()
    with tiny.load("/first/a", "/second/a"):
        tiny.seaway("up")
        until(lambda: _beside(tiny)["weight"], "the first step", 30)
        with tiny.without_pilots():
            began = time.monotonic()
            tiny.seaway("rollout", "undo", "app")
            assert time.monotonic() - began < SOON
            assert {_version(tiny) for _ in range(20)} == {old}
            tiny.seaway("cross", "back", "--all")
            until(lambda: tiny.side("/first/a") == "monolith", "a request at the monolith", 2)
            assert {tiny.side("/first/a") for _ in range(20)} == {"monolith"}
        tiny.release(int(old))
        tiny.seaway("up")


def test_a_release_whose_crossings_go_back_goes_back_first(tiny: Tiny) -> None:
    for name in ("first", "second"):
        tiny.seaway("cross", "start", name)
    with tiny.load("/first/a", "/second/a"):
        tiny.seaway("cross", "watch")
        tiny.release_anew()
        tiny.seaway("up")
        until(lambda: _beside(tiny)["weight"], "the first step", 30)
        tiny.seaway("cross", "back", "--all")
        assert {tiny.side("/first/a") for _ in range(20)} == {"monolith"}
        assert _beside(tiny)["weight"] == 0


def test_a_rolling_release_goes_back_image_and_settings_alike(tiny: Tiny) -> None:
    tiny.write(env={"SIDE": "app", "PORT": "8000", "EXTRA": "yes"})
    tiny.seaway("up")
    _by_promotion(tiny)
    tiny.seaway("image", "promote", "app", "--to", "test")
    for name in ("first", "second"):
        tiny.seaway("cross", "move", name, "100")
    tiny.write()
    with tiny.load("/first/a", "/second/a"):
        before, new = _version(tiny), tiny.release_anew()
        tiny.seaway("up")
        _only(tiny, new)
        tiny.seaway("rollout", "undo", "app")
        _only(tiny, before)
        assert _variables(tiny) >= {"EXTRA", "SIDE", "PORT"}
        assert tiny.plan()
        tiny.seaway("up")
        _only(tiny, new)
        assert "EXTRA" not in _variables(tiny)
        assert tiny.plan() == []
        _back_to_what_the_cluster_forgot(tiny)
        _only(tiny, before)
        assert "EXTRA" not in _variables(tiny)


def _by_promotion(tiny: Tiny) -> None:
    """Let the file say that images come from another environment, in whose registry they were all made."""
    document = yaml.safe_load(tiny.file.read_text())
    test = document["environments"]["test"]
    document["environments"]["before"] = {**test, "cluster": "seaway-test-none", "domain": "before.localhost"}
    test["registry"] = f"{HOST}/test"
    document["promotions"] = {"test": {"after": "before"}}
    tiny.file.write_text(yaml.safe_dump(document, sort_keys=False))


def _back_to_what_the_cluster_forgot(tiny: Tiny) -> None:
    """Go back to the image that was promoted, by its digest, when no ReplicaSet has it any more."""
    _by_promotion(tiny)
    kube = tiny.cluster.kube
    digest = next(each["image"] for each in _history(tiny) if not each["current"]).partition("@")[2]
    for each in kube.list("apps/v1", "ReplicaSet", namespace=SYSTEM):
        if digest in each["spec"]["template"]["spec"]["containers"][0]["image"]:
            kube.delete(Ref.of(each))
    until(lambda: digest not in str(kube.list("apps/v1", "ReplicaSet", namespace=SYSTEM)), "none that has it")
    promoted = {each["image"] for each in _history(tiny) if each["revision"] is None}
    assert f"{HOST}/test/{SYSTEM}/app@{digest}" in promoted
    tiny.seaway("rollout", "undo", "app", "--to", digest)


def test_there_is_no_way_back_past_a_release_that_took_data_away(tiny: Tiny) -> None:
    tiny.write(migrations="contract")
    old, new = _version(tiny), tiny.release_anew()
    _, story = tiny.seaway("up")
    assert "there is no safe return from it" in story
    _, story = tiny.seaway("rollout", "undo", "app", status=1)
    assert "declares migrations: contract" in story
    _only(tiny, new)
    assert [release["migrations"] for release in _history(tiny)][:2] == ["contract", "expand"]
    tiny.seaway("rollout", "undo", "app", "--force")
    _only(tiny, old)


def _only(tiny: Tiny, version: str) -> None:
    """See that this version alone answers, once the other's pods, which still drain, are gone."""
    until(lambda: {_version(tiny) for _ in range(20)} == {version}, f"version {version} alone", 15)


def _variables(tiny: Tiny) -> set[str]:
    found = tiny.cluster.kube.get(Ref("apps/v1", "Deployment", "app", "tiny"))
    assert found
    return {each["name"] for each in found["spec"]["template"]["spec"]["containers"][0]["env"]}
