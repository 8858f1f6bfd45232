"""Steps that every room shares, on a real cluster."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from seaway.app.world import open_world
from seaway.errors import Unready
from seaway.flow.apply import apply
from seaway.flow.system import System
from seaway.kit.kube import Manifest, Ref
from seaway.model.event import silent
from seaway.model.manifests import labels, stamp
from seaway.model.plan import Plan, Verb
from seaway.model.snapshot import Live
from seaway.ports.world import World
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.steps.objects import ApplyObject, Desired, RemoveObject, changes
from seaway.steps.rollout import AwaitRollout
from seaway.steps.secrets import GenerateSecret
from tests.cluster.support import Cluster, until


@pytest.fixture
def world(cluster: Cluster) -> Iterator[World]:
    environment = EnvironmentSpec(on="local", domain="t.localhost", cluster=cluster.name)
    with closing(open_world(System(system="t"), environment, silent)) as found:
        yield found


def _deployment(namespace: str, image: str, replicas: int | None) -> Manifest:
    own = {"app": "web"}
    spec: Manifest = {
        "selector": {"matchLabels": own},
        "progressDeadlineSeconds": 20,
        "minReadySeconds": 3,
        "template": {
            "metadata": {"labels": own},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "web", "image": image}]},
        },
    }
    if replicas is not None:
        spec["replicas"] = replicas
    meta = {"name": "web", "namespace": namespace, "labels": labels("test", "services", "web")}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def _replicas(cluster: Cluster, namespace: str) -> int:
    found = cluster.kube.get(Ref("apps/v1", "Deployment", "web", namespace))
    assert found is not None
    return int(found["spec"]["replicas"])


def test_what_was_applied_is_not_a_change_any_more(world: World, namespace: str, image: str) -> None:
    desired = Desired("services/web/deployment", _deployment(namespace, image, 1))
    (step,) = changes([desired], Live(), {})
    apply(Plan.ordered([step]), world)
    found = world.kube.list("apps/v1", "Deployment", namespace=namespace)
    assert changes([desired], Live.of(found), {}) == []


def test_replicas_given_at_the_start_belong_to_whoever_scales(
    world: World, cluster: Cluster, namespace: str, image: str
) -> None:
    initial = {"spec": {"replicas": 2}}
    manifest = _deployment(namespace, image, None)
    world.kube.apply(_deployment(namespace, image, 3))
    assert _replicas(cluster, namespace) == 3
    handed = ApplyObject("s/web/d", (), Verb.UPDATE, manifest, initial=initial)
    handed.run(world)
    assert _replicas(cluster, namespace) == 3, "an autoscaler takes over what runs"
    world.kube.patch(Ref("apps/v1", "Deployment", "web", namespace), {"spec": {"replicas": 4}})
    handed.run(world)
    assert _replicas(cluster, namespace) == 4, "what it decides stays"
    RemoveObject("s/web/remove", (), Ref("apps/v1", "Deployment", "web", namespace)).run(world)
    ApplyObject("s/web/d", (), Verb.CREATE, manifest, initial=initial).run(world)
    assert _replicas(cluster, namespace) == 2, "a new one starts with the least"


def test_a_secret_is_made_once_and_takes_a_given_value(
    world: World, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    meta = {"name": "key", "namespace": namespace}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": meta}
    step = GenerateSecret(
        "s", (), manifest, {"value": "{value}", "url": "x://{value}@y"}, "SEAWAY_SECRET_KEY"
    )
    monkeypatch.setenv("SEAWAY_SECRET_KEY", "given")
    step.run(world)
    monkeypatch.delenv("SEAWAY_SECRET_KEY")
    step.run(world)
    found = world.kube.get(Ref("v1", "Secret", "key", namespace))
    assert found is not None
    texts = {key: base64.b64decode(text).decode() for key, text in found["data"].items()}
    assert texts == {"value": "given", "url": "x://given@y"}


def test_a_rollout_that_fails_is_told_with_the_pod_and_its_last_words(
    world: World, namespace: str, image: str
) -> None:
    manifest = _deployment(namespace, image, 1)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["command"] = ["python3", "-c", "import sys; sys.exit('no such thing as luck')"]
    manifest["spec"]["progressDeadlineSeconds"] = 12
    world.kube.apply(stamp(manifest))
    with pytest.raises(Unready) as failed:
        AwaitRollout("w", (), Ref("apps/v1", "Deployment", "web", namespace), 60).run(world)
    assert "no such thing as luck" in failed.value.why
    assert "pod web-" in failed.value.why


def test_a_wait_outlives_an_api_server_that_dies(
    world: World, cluster: Cluster, namespace: str, image: str
) -> None:
    world.kube.apply(stamp(_deployment(namespace, image, 1)))
    with ThreadPoolExecutor(1) as pool:
        wait = AwaitRollout("w", (), Ref("apps/v1", "Deployment", "web", namespace), 90)
        waiting = pool.submit(wait.run, world)
        died = until(lambda: cluster.pid("kube-apiserver"), "the API server")
        os.kill(died, signal.SIGKILL)
        assert waiting.result(90) == {}
    assert cluster.pid("kube-apiserver") != died
