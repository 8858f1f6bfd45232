"""Who asks, as the API server passes it on."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.rooms.requests.caller import Caller, FrontProxy

PUBLISHED = {
    "requestheader-client-ca-file": "PEM",
    "requestheader-allowed-names": '["front-proxy-client"]',
    "requestheader-username-headers": '["X-Remote-User"]',
    "requestheader-group-headers": '["X-Remote-Group"]',
    "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
}


def _front(**changed: str) -> FrontProxy:
    return FrontProxy.read({"data": {**PUBLISHED, **changed}})


def _caller(front: FrontProxy, given: dict[str, list[str]]) -> Caller | None:
    return front.caller(list(given), lambda name: given.get(name, []))


def test_a_certificate_must_have_one_of_the_names_where_there_are_any() -> None:
    assert _front().takes("front-proxy-client")
    assert not _front().takes("somebody")
    assert _front(**{"requestheader-allowed-names": "[]"}).takes("somebody")


def test_the_headers_say_who_asks() -> None:
    given = {
        "X-Remote-User": ["ada"],
        "X-Remote-Group": ["dev", "system:authenticated"],
        "X-Remote-Extra-Example.com%2fscope": ["a", "b"],
        "Accept": ["*/*"],
    }
    expected = Caller("ada", ("dev", "system:authenticated"), {"example.com/scope": ("a", "b")})
    assert _caller(_front(), given) == expected


@pytest.mark.parametrize("given", [{}, {"X-Remote-Group": ["system:masters"]}, {"X-Remote-User": [""]}])
def test_who_is_not_named_is_nobody(given: dict[str, list[str]]) -> None:
    assert _caller(_front(), given) is None


def test_a_cluster_that_passes_nothing_on_is_told() -> None:
    with pytest.raises(ValueError, match="requestheader-client-ca-file is not set"):
        FrontProxy.read({"data": {}})


def test_the_cluster_is_asked_for_the_metric() -> None:
    ada = Caller("ada", ("dev",))
    spec: dict[str, Any] = ada.review("shop", "web")["spec"]
    attributes = spec.pop("resourceAttributes")
    assert spec == {"user": "ada", "groups": ["dev"], "extra": {}}
    assert attributes == {
        "group": "custom.metrics.k8s.io",
        "version": "v1beta2",
        "resource": "services",
        "subresource": "requests-per-second",
        "namespace": "shop",
        "name": "web",
        "verb": "get",
    }
