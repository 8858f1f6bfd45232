"""How the edge stands in the open: what it takes from clients, what it tells them, what it writes down.

Fragments of Envoy Gateway's own policies (API v1alpha1), of which manifests.py makes objects. What Envoy
Gateway does by itself is not repeated: no header of more than 60 KiB or 100 fields, none with _ in its name,
paths normalised and slashes merged before anything looks at them, no x-envoy- header from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from seaway.rooms.edge.spec import EdgeSpec

METRICS: Final = "/metrics"
#: AEAD with forward secrecy only; TLS 1.3 has no others.
CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
#: The first is safe also from who records now and has a quantum computer later.
CURVES: Final = ("X25519MLKEM768", "X25519", "P-256")
#: Where the application says nothing. None of them stops what a site that works does by itself.
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
BANNERS: Final = ("Server", "X-Powered-By")
ADDRESSES: Final = "X-Forwarded-For"
#: By these a client would tell the application who or what it is, in place of the gateway.
FORGED: Final = (
    ADDRESSES,
    "Forwarded",
    "Proxy",  # becomes HTTP_PROXY in a CGI environment (CVE-2016-5385)
    "True-Client-IP",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Original-URL",
    "X-Real-IP",
    "X-Rewrite-URL",
)
#: A rule must say whom it is about.
EVERYBODY: Final = ("0.0.0.0/0", "::/0")
#: Neither queries nor cookies, nor a referrer, which has the query of another page.
LOGGED: Final = {
    "time": "%START_TIME%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "method": "%REQ(:METHOD)%",
    "host": "%REQ(:AUTHORITY)%",
    "path": "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "why": "%RESPONSE_CODE_DETAILS%",
    "milliseconds": "%DURATION%",
    "received": "%BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
    "agent": "%REQ(USER-AGENT)%",
    "id": "%REQ(X-REQUEST-ID)%",
    "route": "%ROUTE_NAME%",
    "server": "%UPSTREAM_HOST%",
}


def closed_paths(spec: EdgeSpec, health: Iterable[str]) -> tuple[str, ...]:
    """Give the paths that are refused: those of the file, else the ones that machines ask."""
    if spec.closed is not None:
        return spec.closed
    return tuple(sorted({METRICS, *health} - {"/", ""}))


def tls(spec: EdgeSpec) -> dict[str, Any]:
    found = {"minVersion": spec.tls, "ecdhCurves": list(CURVES), "alpnProtocols": ["h2", "http/1.1"]}
    return found if spec.tls == "1.3" else {**found, "ciphers": list(CIPHERS)}


def client(spec: EdgeSpec, late: Sequence[dict[str, str]] = ()) -> dict[str, Any]:
    """Give what both listeners ask of clients and tell them; `late` are further headers of every answer."""
    limits = spec.limits
    forged = [name for name in FORGED if not (spec.behind and name == ADDRESSES)]
    usual = {name: value for name, value in {**HEADERS, **spec.headers}.items() if value}
    answers: dict[str, Any] = {
        "addIfAbsent": [{"name": name, "value": value} for name, value in usual.items()],
        "set": list(late),
        "remove": [] if spec.banner else list(BANNERS),
    }
    found: dict[str, Any] = {
        "headers": {
            "disableRateLimitHeaders": True,
            "earlyRequestHeaders": {"remove": forged},
            "lateResponseHeaders": {key: value for key, value in answers.items() if value},
        },
        "timeout": {
            "tcp": {"tlsHandshakeTimeout": limits.header},
            "http": {
                "requestHeadersReceivedTimeout": limits.header,
                "requestReceivedTimeout": limits.request,
                "idleTimeout": limits.idle,
            },
        },
        "connection": {"connectionLimit": {"value": limits.connections}},
    }
    if spec.behind:
        found["clientIPDetection"] = {"xForwardedFor": {"trustedCIDRs": list(spec.behind)}}
    return found


def requests(spec: EdgeSpec) -> dict[str, Any]:
    """Give what requests may be: how many of one address, how large."""
    found: dict[str, Any] = {}
    if spec.limits.requests:
        each = {"sourceCIDR": {"type": "Distinct", "value": EVERYBODY[0]}}
        limit = {"requests": spec.limits.requests, "unit": "Second"}
        rules = [{"clientSelectors": [each], "limit": limit}]
        found["rateLimit"] = {"type": "Local", "local": {"rules": rules}}
    if spec.limits.body:
        found["requestBuffer"] = {"limit": spec.limits.body}
    return found


def authorization(closed: Sequence[str], inside: Sequence[str]) -> dict[str, Any]:
    """Refuse closed paths, on every route alike, but not to who is `inside`."""
    allowed = {"name": "inside", "action": "Allow", "principal": {"clientCIDRs": list(inside)}}
    denied = [
        {
            "name": f"closed-{number}",
            "action": "Deny",
            "operation": {"path": {"type": "PathPrefix", "value": path}},
            "principal": {"clientCIDRs": list(EVERYBODY)},
        }
        for number, path in enumerate(closed)
    ]
    return {"defaultAction": "Allow", "rules": [*([allowed] if inside else []), *denied]}


def access_log(spec: EdgeSpec) -> dict[str, Any]:
    if not spec.log:
        return {"disable": True}
    sink = {"type": "File", "file": {"path": "/dev/stdout"}}
    written = {"type": "Route", "format": {"type": "JSON", "json": LOGGED}, "sinks": [sink]}
    return {"settings": [written]}
