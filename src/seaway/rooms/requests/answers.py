"""What the custom metrics API answers (k8s.io/metrics, custom.metrics.k8s.io/v1beta2); pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from seaway.model.gateway import REQUESTS
from seaway.rooms.requests.caller import GROUP, VERSION
from seaway.rooms.requests.counts import WINDOW

API: Final = f"{GROUP}/{VERSION}"
#: Reasons of a Status (apimachinery: StatusReason).
REASONS: Final = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 503: "ServiceUnavailable"}


def group() -> dict[str, Any]:
    """Tell which versions there are (meta/v1 APIGroup)."""
    version = {"groupVersion": API, "version": VERSION}
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": GROUP,
        "versions": [version],
        "preferredVersion": version,
    }


def resources() -> dict[str, Any]:
    """Tell which metrics there are (meta/v1 APIResourceList)."""
    metric = {"name": f"services/{REQUESTS}", "singularName": "", "namespaced": True, "verbs": ["get"]}
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": API,
        "resources": [{**metric, "kind": "MetricValueList"}],
    }


def value(namespace: str, service: str, rate: float, at: datetime) -> dict[str, Any]:
    """Tell the requests a second to one Service, as they were counted `at` a moment (in UTC)."""
    item = {
        "describedObject": {"apiVersion": "v1", "kind": "Service", "namespace": namespace, "name": service},
        "metric": {"name": REQUESTS, "selector": None},
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "windowSeconds": int(WINDOW),
        "value": f"{round(rate * 1000)}m",
    }
    return {"kind": "MetricValueList", "apiVersion": API, "metadata": {}, "items": [item]}


def refusal(status: int, why: str) -> dict[str, Any]:
    """Tell why there is no answer (meta/v1 Status)."""
    said = {"status": "Failure", "message": why, "reason": REASONS[status], "code": status}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, **said}
