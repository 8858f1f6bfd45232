"""The definition of the Crossing (apiextensions.k8s.io/v1): its schema, its rules, its columns.

The schema is structural and the rules are CEL, so that a Crossing of any tool is refused by the API server
itself where it cannot be; what only a calendar knows (hours, time zones) the pilot says by a condition.
"""

from __future__ import annotations

from typing import Any, Final

from seaway.model.fields import NAME_MAX
from seaway.model.manifests import Manifest, labels
from seaway.rooms.crossing.compare.spec import LONGEST, METHODS, CompareSpec
from seaway.rooms.crossing.resource import GROUP, KIND, PLURAL, VERSION
from seaway.rooms.crossing.spec import ROUTES, CrossingSpec
from seaway.rooms.crossing.state import KEPT, Phase

#: What carries the label `part-of` of an object that all systems of a cluster share.
SHARED: Final = "seaway"
COMPONENT: Final = "pilot"
NAME: Final = f"{PLURAL}.{GROUP}"

_DURATION: Final = {"type": "string", "pattern": "^[1-9][0-9]{0,5}(s|m|h)$", "maxLength": 8}
_RATE: Final = {
    "type": "string",
    "pattern": r"^(100(\.0{1,3})?|[1-9]?[0-9](\.[0-9]{1,3})?)%$",
    "maxLength": 8,
}
_PERCENT: Final = {"type": "string", "pattern": "^([1-9][0-9]?|100)%$", "maxLength": 4}
_LABEL: Final = {"type": "string", "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}
_NAME: Final = {**_LABEL, "maxLength": NAME_MAX}
_HOST: Final = {"type": "string", "minLength": 1, "maxLength": 253}
#: A token, RFC 9110, 5.6.2.
_TOKEN: Final = {"type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "maxLength": 256}
#: What can stand in a header and in a cookie alike, RFC 6265, 4.1.1.
_PLAIN: Final = {"type": "string", "pattern": r"^[!#-+\--:<-\[\]-~]+$", "maxLength": 256}
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
        "domain": _HOST,
        "names": _list(_HOST, most=15, kind="set", default=[]),
        "gateway": _LABEL,
        "from": _side("Service", "Backend"),
        "to": _side("Service"),
        "over": {"type": "string", "maxLength": 63, "default": ""},
        "after": _list(_NAME, most=50, kind="set", default=[]),
        "start": {"type": "string", "enum": ["manual", "automatic"], "default": _default("start")},
        "steps": _list({"type": "integer", "minimum": 1, "maximum": 100}, least=1, most=20,
                       default=list(_default("steps"))),
        "hold": {**_DURATION, "default": _default("hold")},
        "only": {"type": "string", "maxLength": 512, "default": ""},
        "timezone": {"type": "string", "maxLength": 64, "default": _default("timezone")},
        "alone": {"type": "boolean", "default": _default("alone")},
        "guard": _guard(),
        "compare": _compare(),
        "sticky": {"type": "boolean", "default": _default("sticky")},
        "testers": _testers(),
    }  # fmt: skip
    return {
        "type": "object",
        "required": ["routes", "domain", "gateway", "from", "to"],
        "properties": properties,
        "x-kubernetes-validations": [
            _rule("self.routes.all(r, r.startsWith('/'))", "a route begins with /"),
            _rule(
                r"self.routes.all(r, r.matches('^[A-Za-z0-9._~!$&\'()*+,;=:@%/-]*$'))",
                "a route is the path of a URL: no query, no spaces",
            ),
            _rule(
                r"self.routes.all(r, !r.matches('//|/[.][.]?(/|$)'))",
                "a route has no empty or dot segment",
            ),
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
    rules = [
        _rule(
            "!has(self.latency) || self.latency == 0.0 || self.latency >= 1.0",
            "latency is a ratio of 1 or more, or 0 for none",
        ),
        _rule(
            "!has(self.errors) || !self.errors.matches('^0([.]0+)?%$')",
            "no system fails never: errors is more than 0%",
        ),
    ]
    return {"type": "object", "default": {}, "properties": properties, "x-kubernetes-validations": rules}


def _compare() -> dict[str, Any]:
    place = {"type": "string", "minLength": 1, "maxLength": LONGEST}
    lists = {
        "methods": _list({"type": "string", "enum": list(METHODS)}, least=1, most=len(METHODS)),
        "headers": _list(_TOKEN, most=20),
        "ignore": _list(place, most=50),
    }
    properties: dict[str, Any] = {
        "share": _PERCENT,
        "requests": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "differences": _RATE,
        **lists,
    }
    usual = {key: CompareSpec.model_fields[key].default for key in properties}
    given = {key: list(value) if key in lists else value for key, value in usual.items()}
    rule = _rule(
        r"!has(self.ignore) || self.ignore.all(p, p.matches('[^*$.\\s]'))",
        "a place of ignore that leaves out everything: name the places that may differ",
    )
    return {
        "type": "object",
        "properties": {key: {**schema, "default": given[key]} for key, schema in properties.items()},
        "x-kubernetes-validations": [rule],
    }


def _testers() -> dict[str, Any]:
    properties = {"name": _TOKEN, "value": _PLAIN}
    mark = {"type": "object", "required": ["name", "value"], "properties": properties}
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
            "name": _NAME,
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
