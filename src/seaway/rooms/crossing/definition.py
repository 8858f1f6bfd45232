"""The definition of the Crossing (apiextensions.k8s.io/v1): its schema, its rules, its columns.

The schema is structural and the rules are CEL, so that a Crossing of any tool is refused by the API server
itself where it cannot be; what only a calendar knows (hours, time zones) the pilot says by a condition.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, get_origin

from pydantic import BaseModel

from seaway.model.manifests import Manifest, labels
from seaway.rooms.crossing.compare.spec import CompareSpec
from seaway.rooms.crossing.resource import GROUP, KIND, PLURAL, VERSION
from seaway.rooms.crossing.spec import ROUTES, CrossingSpec
from seaway.rooms.crossing.state import KEPT, Phase

#: What carries the label `part-of` of an object that all systems of a cluster share.
SHARED: Final = "seaway"
COMPONENT: Final = "pilot"
NAME: Final = f"{PLURAL}.{GROUP}"

TYPES: Final[Mapping[Any, str]] = MappingProxyType(
    {str: "string", int: "integer", float: "number", bool: "boolean"}
)
_DURATION: Final = {"type": "string", "pattern": "^[1-9][0-9]{0,5}(s|m|h)$", "maxLength": 8}
_RATE: Final = {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,2})(\.[0-9]{1,3})?%$", "maxLength": 8}
_LABEL: Final = {"type": "string", "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}
_WEIGHT: Final = {"type": "integer", "minimum": 0, "maximum": 100}
_LATENCY: Final = {"type": "string", "pattern": "^([1-9][0-9]{0,5}(ms|s))?$", "maxLength": 8}
_TIME: Final = {"type": "string", "format": "date-time"}
_FREE: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definition() -> Manifest:
    """Compose the CustomResourceDefinition."""
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": _columns(),
        "schema": {"openAPIV3Schema": _schema()},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME, "labels": labels(SHARED, COMPONENT, NAME)},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["xing"],
                "categories": ["seaway"],
            },
            "versions": [version],
        },
    }


def _columns() -> list[dict[str, Any]]:
    def column(name: str, path: str, kind: str = "string", priority: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = {"name": name, "type": kind, "jsonPath": path}
        return found | ({"priority": priority} if priority else {})

    return [
        column("To", ".spec.to.name"),
        column("Weight", ".status.weight", "integer"),
        column("Phase", ".status.phase"),
        column("Held", ".status.held"),
        column("Since", ".status.since", "date"),
        column("Reason", ".status.reason", priority=1),
        column("Age", ".metadata.creationTimestamp", "date"),
    ]


def _schema() -> dict[str, Any]:
    return {
        "description": "Routes of a system that move from the monolith to a service, in steps, and back.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 40}}},
            "spec": _spec(),
            "status": _status(),
        },
        "x-kubernetes-validations": [
            _rule("!(self.metadata.name in self.spec.after)", "a crossing cannot come after itself"),
        ],
    }


def _spec() -> dict[str, Any]:
    properties = {
        "routes": _list({"type": "string", "maxLength": 512}, least=1, most=ROUTES, kind="set"),
        "domain": {"type": "string", "minLength": 1, "maxLength": 253},
        "gateway": _LABEL,
        "from": _side("Service", "Backend"),
        "to": _side("Service"),
        "over": {"type": "string", "maxLength": 63, "default": ""},
        "after": _list(_LABEL, most=50, kind="set", default=[]),
        "start": {"type": "string", "enum": ["manual", "automatic"], "default": _default("start")},
        "steps": _list({"type": "integer", "minimum": 1, "maximum": 100}, least=1, most=20,
                       default=list(_default("steps"))),
        "hold": {**_DURATION, "default": _default("hold")},
        "only": {"type": "string", "maxLength": 512, "default": ""},
        "timezone": {"type": "string", "maxLength": 64, "default": _default("timezone")},
        "alone": {"type": "boolean", "default": _default("alone")},
        "guard": _guard(),
        "compare": _plain(CompareSpec),
        "sticky": {"type": "boolean", "default": _default("sticky")},
        "testers": _testers(),
    }  # fmt: skip
    return {
        "type": "object",
        "required": ["routes", "domain", "gateway", "from", "to"],
        "properties": properties,
        "x-kubernetes-validations": [
            _rule("self.routes.all(r, r.startsWith('/'))", "a route begins with /"),
            _rule("self.steps[self.steps.size() - 1] == 100", "the last step must be 100"),
            _rule(
                "self.steps.isSorted() && self.steps.all(s, self.steps.exists_one(o, o == s))",
                "steps must rise",
            ),
            _rule(
                "self.from.name != self.to.name || self.from.kind != self.to.kind",
                "it leads to where it comes from",
            ),
        ],
    }


def _guard() -> dict[str, Any]:
    ratio = {"type": "number", "minimum": 0, "maximum": 100, "default": 1.5}
    properties = {
        "errors": {**_RATE, "default": "5%"},
        "worse": {"type": "boolean", "default": True},
        "latency": ratio,
        "p99": {**_LATENCY, "default": ""},
        "minimum": {"type": "integer", "minimum": 0, "maximum": 1_000_000, "default": 100},
        "patience": {**_DURATION, "default": "6h"},
    }
    rule = _rule(
        "!has(self.latency) || self.latency == 0.0 || self.latency >= 1.0",
        "latency is a ratio of 1 or more, or 0 for none",
    )
    return {"type": "object", "default": {}, "properties": properties, "x-kubernetes-validations": [rule]}


def _plain(model: type[BaseModel]) -> dict[str, Any]:
    """Compose the schema of a part whose keys are texts, numbers, truths and lists of texts."""
    properties = {}
    for key, field in model.model_fields.items():
        listed = get_origin(field.annotation) is tuple
        kind = {"type": TYPES[str if listed else field.annotation or str]}
        schema = _list({**kind, "maxLength": 1024}, most=100) if listed else kind
        given = {} if field.is_required() else {"default": list(field.default) if listed else field.default}
        properties[key] = {**schema, **given}
    return {"type": "object", "properties": properties}


def _testers() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 256}
    mark = {"type": "object", "required": ["name", "value"], "properties": {"name": text, "value": text}}
    rule = _rule("has(self.header) != has(self.cookie)", "testers are told by a header or by a cookie")
    return {
        "type": "object",
        "properties": {"header": mark, "cookie": mark},
        "x-kubernetes-validations": [rule],
    }


def _status() -> dict[str, Any]:
    condition = {
        "type": "object",
        "required": ["type", "status", "lastTransitionTime"],
        "properties": {
            "type": {"type": "string", "maxLength": 316},
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "reason": {"type": "string", "maxLength": 1024},
            "message": {"type": "string", "maxLength": 32768},
            "lastTransitionTime": _TIME,
            "observedGeneration": {"type": "integer", "minimum": 0},
        },
    }
    properties = {
        "phase": {"type": "string", "enum": [phase.value for phase in Phase]},
        "weight": _WEIGHT,
        "step": {"type": "integer", "minimum": -1},
        "since": _TIME,
        "epoch": {"type": "integer", "minimum": 0},
        "started": {"type": "boolean"},
        "taken": {"type": "boolean"},
        "watched": {"type": "number", "minimum": 0},
        **{key: {"type": "string"} for key in ("reason", "held", "command", "answer")},
        "evidence": _FREE,
        "conditions": {
            **_list(condition, most=20, kind="map"),
            "x-kubernetes-list-map-keys": ["type"],
        },
        "history": _list(_entry(), most=KEPT),
        "observedGeneration": {"type": "integer", "minimum": 0},
    }
    return {"type": "object", "properties": properties}


def _entry() -> dict[str, Any]:
    texts = {key: {"type": "string"} for key in ("what", "by", "reason")}
    return {
        "type": "object",
        "required": ["at", "what", "by", "from", "to"],
        "properties": {"at": _TIME, **texts, "from": _WEIGHT, "to": _WEIGHT, "figures": _FREE},
    }


def _side(*kinds: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": _LABEL,
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 80},
            "kind": {"type": "string", "enum": list(kinds), "default": kinds[0]},
        },
    }


def _list(
    items: dict[str, Any],
    *,
    least: int = 0,
    most: int,
    kind: str = "atomic",
    default: list[Any] | None = None,
) -> dict[str, Any]:
    found = {"type": "array", "items": items, "minItems": least, "maxItems": most}
    typed = found | ({"x-kubernetes-list-type": kind} if kind != "atomic" else {})
    return typed if default is None else {**typed, "default": default}


def _rule(rule: str, message: str) -> dict[str, str]:
    return {"rule": rule, "message": message}


def _default(key: str) -> Any:
    return CrossingSpec.model_fields[key].default
