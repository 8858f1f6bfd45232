"""A Crossing that another tool writes: the API server itself refuses what the file would refuse."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.errors import Refused
from seaway.rooms.crossing.definition import definition
from seaway.rooms.crossing.resource import API, KIND, understood
from tests.cluster.support import Cluster, until

SPEC = {
    "routes": ["/other"],
    "domain": "tiny.localhost",
    "gateway": "edge",
    "from": {"name": "monolith"},
    "to": {"name": "app"},
}


@pytest.fixture
def defined(cluster: Cluster) -> Cluster:
    cluster.kube.apply(definition())
    until(lambda: cluster.kube.serves(API, KIND) or None, "the Crossing's definition")
    return cluster


def _apply(defined: Cluster, namespace: str, change: dict[str, Any]) -> dict[str, Any]:
    meta, spec = {"name": "other", "namespace": namespace}, {**SPEC, **change}
    return defined.kube.apply({"apiVersion": API, "kind": KIND, "metadata": meta, "spec": spec})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"compare": {"share": "0%"}}, "spec.compare.share"),
        ({"compare": {"share": "ten"}}, "spec.compare.share"),
        ({"compare": {"requests": 0}}, "spec.compare.requests"),
        ({"compare": {"differences": "200%"}}, "spec.compare.differences"),
        ({"compare": {"methods": []}}, "spec.compare.methods"),
        ({"compare": {"methods": ["TRACE"]}}, "spec.compare.methods[0]"),
        ({"compare": {"headers": ["a b"]}}, "spec.compare.headers[0]"),
        ({"compare": {"headers": ["x"] * 21}}, "spec.compare.headers"),
        ({"compare": {"ignore": ["x" * 201]}}, "spec.compare.ignore[0]"),
        ({"compare": {"ignore": ["$.a", " *. "]}}, "a place of ignore that leaves out everything"),
        ({"guard": {"errors": "150%"}}, "spec.guard.errors"),
        ({"guard": {"errors": "0.00%"}}, "errors is more than 0%"),
        ({"routes": ["/a b"]}, "a route is the path of a URL"),
        ({"routes": ["/a/../b"]}, "a route has no empty or dot segment"),
        ({"testers": {"cookie": {"name": "a", "value": "b;c"}}}, "spec.testers.cookie.value"),
        ({"after": ["a" * 41]}, "spec.after[0]"),
    ],
)
def test_what_the_file_would_refuse_is_refused(
    defined: Cluster, namespace: str, change: dict[str, Any], why: str
) -> None:
    with pytest.raises(Refused) as raised:
        _apply(defined, namespace, change)
    assert why in raised.value.why


@pytest.mark.parametrize(
    "change",
    [
        {"compare": {}},
        {"compare": {"share": "100%", "differences": "0%", "ignore": ["$.items[].updated"]}},
        {"routes": ["/.well-known/it's"], "guard": {"errors": "100%"}},
        {"testers": {"header": {"name": "X-Tester", "value": "it's=:1]"}}},
    ],
)
def test_what_the_file_would_take_is_taken_and_can_be_read(
    defined: Cluster, namespace: str, change: dict[str, Any]
) -> None:
    assert understood(_apply(defined, namespace, change))[1] == ""
