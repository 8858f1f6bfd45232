"""A Secret of a real cluster as a place where a key of AWS is kept."""

from __future__ import annotations

import pytest

from seaway.errors import NotFound, Unreachable
from seaway.kit.kube import Ref
from seaway.model.identity import Key
from seaway.model.secret import Secret
from seaway.providers.eks.consumers import KubernetesConsumer
from tests.cluster.support import Cluster

OLD, NEW = (Key(f"AKIA{name}EXAMPLE", Secret(f"half of {name}")) for name in ("OLD", "NEW"))


def test_a_secret_keeps_what_else_it_holds(cluster: Cluster, namespace: str) -> None:
    context = cluster.home.context
    place = KubernetesConsumer("kubernetes:ci", context, namespace, "ci")
    assert place.held() is None
    place.give(OLD)
    assert place.held() == OLD
    ref = Ref("v1", "Secret", "ci", namespace)
    cluster.kube.patch(ref, {"data": {"REGION": "ZXU="}})
    place.give(NEW)
    assert place.held() == NEW
    found = cluster.kube.get(ref)
    assert found is not None
    assert set(found["data"]) == {"REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    cluster.kube.patch(ref, {"data": {"AWS_SECRET_ACCESS_KEY": None}})
    assert place.held() is None


def test_a_context_that_cannot_be_reached_is_no_empty_place(cluster: Cluster) -> None:  # noqa: ARG001
    """Else the new key would be taken for lost, and deleted."""
    with pytest.raises(NotFound, match="no context nowhere"):
        KubernetesConsumer("kubernetes:ci", "nowhere", "default", "ci").held()
    with pytest.raises(Unreachable, match="context other does not answer"):
        KubernetesConsumer("kubernetes:ci", "other", "default", "ci").held()
