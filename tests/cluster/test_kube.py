"""kit.kube on a real API server: what every step stands on."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from seaway.errors import NotFound, Refused, SeawayError, Unreachable
from seaway.kit.kube import Kube, Manifest, Ref
from tests.cluster.support import Cluster

API = "apiextensions.k8s.io/v1"


def _config(namespace: str, name: str = "settings", **data: str) -> Manifest:
    meta = {"name": name, "namespace": namespace, "labels": {"kind-of": "test"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def test_apply_creates_then_changes_and_leaves_fields_of_others_alone(
    cluster: Cluster, namespace: str
) -> None:
    kube, ref = cluster.kube, Ref("v1", "ConfigMap", "settings", namespace)
    kube.apply(_config(namespace, mine="1"))
    kube.patch(ref, {"data": {"theirs": "kept"}})
    kube.apply({**_config(namespace), "data": {"theirs": "kept"}}, manager="other")
    kube.apply(_config(namespace, mine="2"))
    found = kube.get(ref)
    assert found is not None
    assert found["data"] == {"mine": "2", "theirs": "kept"}


def test_apply_of_the_same_writes_nothing(cluster: Cluster, namespace: str) -> None:
    first = cluster.kube.apply(_config(namespace, a="1"))
    second = cluster.kube.apply(_config(namespace, a="1"))
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_create_leaves_what_is_there(cluster: Cluster, namespace: str) -> None:
    assert cluster.kube.create(_config(namespace, a="first")) is not None
    assert cluster.kube.create(_config(namespace, a="second")) is None
    found = cluster.kube.get(Ref("v1", "ConfigMap", "settings", namespace))
    assert found is not None
    assert found["data"] == {"a": "first"}


def test_list_finds_by_label_and_can_leave_contents_out(cluster: Cluster, namespace: str) -> None:
    for n in range(3):
        cluster.kube.apply(_config(namespace, f"c{n}", secret="hidden"))
    found = cluster.kube.list("v1", "ConfigMap", namespace=namespace, labels="kind-of=test")
    assert [m["metadata"]["name"] for m in found] == ["c0", "c1", "c2"]
    assert found[0]["kind"] == "ConfigMap"
    lean = cluster.kube.list("v1", "ConfigMap", namespace=namespace, labels="kind-of=test", metadata=True)
    assert all("data" not in m for m in lean)
    assert Ref.of(lean[0]) == Ref("v1", "ConfigMap", "c0", namespace)


def test_what_does_not_exist_is_none_or_nothing(cluster: Cluster, namespace: str) -> None:
    assert cluster.kube.get(Ref("v1", "ConfigMap", "nobody", namespace)) is None
    assert cluster.kube.get(Ref("nobody.example/v1", "Nothing", "n", namespace)) is None
    assert cluster.kube.list("nobody.example/v1", "Nothing") == []
    assert cluster.kube.delete(Ref("v1", "ConfigMap", "nobody", namespace)) is False
    assert cluster.kube.logs(namespace, "nobody") == ""


def test_a_kind_that_the_server_learns_later_works_at_once(cluster: Cluster, namespace: str) -> None:
    kube, group = cluster.kube, "test.seaway.dev"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    boat: dict[str, Any] = {
        "apiVersion": API,
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"boats.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Boat", "plural": "boats", "singular": "boat"},
            "scope": "Namespaced",
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }
    assert kube.serves(f"{group}/v1", "Boat") is False
    kube.apply(boat)
    ends = time.monotonic() + 20
    while not kube.serves(f"{group}/v1", "Boat") and time.monotonic() < ends:
        time.sleep(0.1)
    made = {"apiVersion": f"{group}/v1", "kind": "Boat", "metadata": {"name": "b", "namespace": namespace}}
    assert kube.apply(made)["metadata"]["name"] == "b"
    kube.delete(Ref(API, "CustomResourceDefinition", f"boats.{group}"))


def test_a_watch_tells_what_is_there_and_what_comes(cluster: Cluster, namespace: str) -> None:
    cluster.kube.apply(_config(namespace, "one"))
    timer = threading.Timer(0.5, cluster.kube.apply, [_config(namespace, "two")])
    timer.start()
    seen = []
    for event, manifest in cluster.kube.watch(
        "v1", "ConfigMap", namespace=namespace, labels="kind-of=test", seconds=5
    ):
        seen.append((event, manifest["metadata"]["name"]))
        if seen[-1][1] == "two":
            break
    timer.join()
    assert seen == [("ADDED", "one"), ("ADDED", "two")]


def test_what_the_server_refuses_is_told_with_its_reason(cluster: Cluster, namespace: str) -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": namespace}}
    with pytest.raises(Refused) as refused:
        cluster.kube.apply({**wrong, "spec": {"ports": [{"port": 0}]}})
    assert "spec.ports" in refused.value.why
    with pytest.raises(SeawayError, match="does not know Nothing"):
        cluster.kube.apply({"apiVersion": "v1", "kind": "Nothing", "metadata": {"name": "n"}})


def test_a_context_that_is_not_there_is_not_replaced_by_the_current_one(cluster: Cluster) -> None:
    path = cluster.clusters.kubeconfig(cluster.name)
    with pytest.raises(NotFound, match="no context elsewhere"):
        Kube.from_kubeconfig(path, "elsewhere")


def test_a_server_that_does_not_answer_is_unreachable(tmp_path: Any) -> None:
    path = tmp_path / "config"
    path.write_text(
        "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\n"
        "users: [{name: c, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: c}}]\n"
    )
    with pytest.raises(Unreachable) as away:
        Kube.from_kubeconfig(str(path), "c").list("v1", "Node")
    assert away.value.retryable
