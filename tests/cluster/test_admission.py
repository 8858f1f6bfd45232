"""Only images by digest from the environment's own registry run in a system's namespace, whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from seaway.errors import Refused
from seaway.kit.kube import Kube, Manifest, Ref
from seaway.providers.local.access import HOST
from seaway.rooms.cluster.admission import admission, of_admission
from tests.cluster.support import Cluster, Echo, until

DIGEST = "sha256:" + "a" * 64
RIGHT = f"{HOST}/team/app@{DIGEST}"
WRONG = (
    "nginx",
    f"docker.io/library/nginx@{DIGEST}",
    f"{HOST}/team/app:v1",
    f"{HOST}.example.com/team/app@{DIGEST}",
    f"example.com/{HOST}/team/app@{DIGEST}",
    f"{HOST}/team/app@{DIGEST}0",
)


@pytest.fixture
def earlier(cluster: Cluster, namespace: str) -> Manifest:
    """What was there before the policy was, and came from elsewhere."""
    found = workload(namespace, "apps/v1", "Deployment", "nginx")
    found["metadata"]["name"], found["spec"]["replicas"] = "earlier", 1
    cluster.kube.apply(found)
    return found


@pytest.fixture
def guarded(cluster: Cluster, namespace: str) -> Iterator[Kube]:
    """The namespace with its policy in force: a server takes a moment to know of it."""
    kube = cluster.kube
    for manifest in admission(namespace, HOST):
        kube.apply(manifest)
    until(lambda: refused(kube, pod(namespace, "probe", "nginx")), "the policy")
    yield kube
    for ref in of_admission(namespace):
        kube.delete(ref)


def pod(namespace: str, name: str, image: str, **spec: Any) -> Manifest:
    container = {"name": "app", "image": image}
    whole = {"containers": [container], **spec}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": whole}


def workload(namespace: str, api: str, kind: str, image: str) -> Manifest:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod(namespace, "x", image)["spec"]}
    spec: dict[str, Any] = {"template": template, "selector": {"matchLabels": {"a": "b"}}}
    if api == "batch/v1":
        template["spec"]["restartPolicy"] = "Never"
        spec = {"template": template}
    if kind == "CronJob":
        spec = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": spec}}
    meta = {"name": kind.lower(), "namespace": namespace}
    return {"apiVersion": api, "kind": kind, "metadata": meta, "spec": spec}


def refused(kube: Kube, manifest: Manifest) -> str:
    """Why the server does not take it; empty where it does."""
    try:
        kube.apply(manifest)
    except Refused as error:
        return error.why or error.what
    kube.delete(Ref.of(manifest))
    return ""


def test_nothing_else_is_taken(guarded: Kube, namespace: str) -> None:
    for number, image in enumerate(WRONG):
        why = refused(guarded, pod(namespace, f"wrong-{number}", image))
        assert f"only images by digest from {HOST}/ run here, not {image}" in why
    hidden = pod(namespace, "hidden", RIGHT, initContainers=[{"name": "first", "image": "nginx"}])
    assert "not nginx" in refused(guarded, hidden)
    assert refused(guarded, pod(namespace, "right", RIGHT)) == ""


@pytest.mark.parametrize(
    ("api", "kind"),
    [("apps/v1", "Deployment"), ("apps/v1", "DaemonSet"), ("batch/v1", "Job"), ("batch/v1", "CronJob")],
)
def test_who_makes_pods_is_told_at_once(guarded: Kube, namespace: str, api: str, kind: str) -> None:
    assert "not nginx" in refused(guarded, workload(namespace, api, kind, "nginx"))
    assert refused(guarded, workload(namespace, api, kind, RIGHT)) == ""


def test_what_was_there_before_is_changed_and_gets_nothing_else(earlier: Manifest, guarded: Kube) -> None:
    ref = Ref.of(earlier)
    guarded.patch(ref, {"spec": {"replicas": 0}})
    with pytest.raises(Refused) as caught:
        guarded.patch(ref, {"spec": {"template": {"spec": pod("", "", "httpd")["spec"]}}})
    assert "not httpd" in (caught.value.why or caught.value.what)


def test_what_was_promoted_runs_and_others_namespaces_are_free(
    guarded: Kube, namespace: str, echo: Echo
) -> None:
    echo.apply()
    assert echo.answers()
    assert refused(guarded, pod("default", "elsewhere", "nginx")) == ""
    assert guarded.get(Ref("v1", "Namespace", namespace))
