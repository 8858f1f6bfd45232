"""Paths on which visitors must log in first: the gateway asks an issuer (OpenID Connect Core 1.0, code flow).

One route takes the paths that no crossing has, and the way back from the issuer; one policy stands before it
and before the routes of the crossings whose paths are asked for. Envoy Gateway would ask the issuer for its
endpoints whenever any route changes, and refuse the paths while it is away: so they are written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from seaway.model.gateway import ENVOY_API, ENVOY_GROUP, GATEWAY_API
from seaway.model.manifests import Manifest, Output, labels
from seaway.model.snapshot import IssuerFacts
from seaway.rooms.edge import hardening, manifests
from seaway.rooms.edge.spec import OWN

ROOM: Final = "edge"
#: The route, the policy, the Secret with the client's secret, and the Backend.
LOGIN: Final = "login"
AUTHORITY_SECRET: Final = "login-ca"  # noqa: S105  (its name)
#: Where Envoy Gateway looks for a client's secret.
KEY: Final = "client-secret"
CALLBACK: Final = f"{OWN}/callback"
LOGOUT: Final = f"{OWN}/out"


@dataclass(frozen=True)
class LoginWish:
    """What the file asks of it. `given` is the variable that brings the client's secret.

    `own` are the paths that no crossing takes, `routes` the HTTPRoutes of the others; `url` is where visitors
    reach the edge, in Envoy's words where that is under several names.
    """

    issuer: str
    client: str
    given: str
    url: str
    own: tuple[str, ...]
    routes: tuple[str, ...]
    scopes: tuple[str, ...] = ()


def remembered(policy: Mapping[str, Any] | None, *, private: bool) -> IssuerFacts | None:
    """Read an issuer's endpoints from the policy that knows them."""
    found = ((policy or {}).get("spec", {}).get("oidc") or {}).get("provider", {})
    if not found.get("tokenEndpoint"):
        return None
    authorize, token = found.get("authorizationEndpoint", ""), found["tokenEndpoint"]
    leave = found.get("endSessionEndpoint", "")
    return IssuerFacts(found["issuer"], authorize, token, leave, private=private)


def door(facts: IssuerFacts) -> int:
    """Give the port of this machine's loopback at which the issuer is; 0 where it is elsewhere."""
    url = urlsplit(facts.token)
    return (url.port or 443) if f".{url.hostname}".endswith(".localhost") else 0


def route(system: str, names: Sequence[str], wish: LoginWish, rule: Mapping[str, Any]) -> Manifest:
    """Lead the paths that no crossing takes to the monolith, by its own `rule`, and take the ways back."""
    ways = [{"path": {"type": "Exact", "value": path}} for path in (CALLBACK, LOGOUT)]
    paths = [{"path": {"type": "PathPrefix", "value": path}} for path in wish.own]
    return manifests.route(system, LOGIN, "https", names, [{**rule, "matches": [*ways, *paths]}])


def policy(
    system: str, wish: LoginWish, facts: IssuerFacts, closed: Sequence[str], inside: Sequence[str]
) -> Manifest:
    """Have visitors log in. It takes the place of the gateway's policy there, so it closes the same paths."""
    provider: dict[str, Any] = {
        "issuer": wish.issuer,
        "authorizationEndpoint": facts.authorize,
        "tokenEndpoint": facts.token,
    }
    if facts.leave:
        provider["endSessionEndpoint"] = facts.leave
    if own_backend(facts):
        to = {"group": ENVOY_GROUP, "kind": "Backend", "name": LOGIN, "port": _port(facts)}
        provider["backendRefs"] = [to]
    oidc: dict[str, Any] = {
        "provider": provider,
        "clientID": wish.client,
        "clientSecret": {"group": "", "kind": "Secret", "name": LOGIN},
        "redirectURL": f"{wish.url}{CALLBACK}",
        "logoutPath": LOGOUT,
    }
    if wish.scopes:
        oidc["scopes"] = list(wish.scopes)
    group = "gateway.networking.k8s.io"
    routes = [{"group": group, "kind": "HTTPRoute", "name": name} for name in (LOGIN, *wish.routes)]
    spec: dict[str, Any] = {"targetRefs": routes, "oidc": oidc}
    if closed:
        spec["authorization"] = hardening.authorization(closed, inside)
    return {"apiVersion": ENVOY_API, "kind": "SecurityPolicy", "metadata": _meta(system), "spec": spec}


def own_backend(facts: IssuerFacts) -> bool:
    """Whether the proxies find it in a way of our own: through this machine's door, or by its authority."""
    return bool(door(facts) or facts.private)


def backend(system: str, facts: IssuerFacts, outside: str | Output) -> list[Manifest]:
    """Compose how the proxies reach the issuer, and what its certificate must be, where they cannot know."""
    host, port = urlsplit(facts.token).hostname or "", _port(facts)
    local = {"ip": {"address": outside, "port": port}}
    endpoint = local if door(facts) else {"fqdn": {"hostname": host, "port": port}}
    authority = {"caCertificateRefs": [{"group": "", "kind": "Secret", "name": AUTHORITY_SECRET}]}
    trusted: dict[str, Any] = authority if facts.private else {"wellKnownCACertificates": "System"}
    return [
        {
            "apiVersion": ENVOY_API,
            "kind": "Backend",
            "metadata": _meta(system),
            "spec": {"type": "Endpoints", "endpoints": [endpoint]},
        },
        {
            "apiVersion": GATEWAY_API,
            "kind": "BackendTLSPolicy",
            "metadata": _meta(system),
            "spec": {
                "targetRefs": [{"group": ENVOY_GROUP, "kind": "Backend", "name": LOGIN}],
                "validation": {"hostname": host, **trusted},
            },
        },
    ]


def secret(system: str) -> Manifest:
    """Compose the Secret without its value."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _meta(system)}


def authority(system: str, pem: str) -> Manifest:
    """Compose the Secret with the certificate that vouches for the issuer."""
    meta = {**_meta(system), "name": AUTHORITY_SECRET}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"ca.crt": pem}}


def _port(facts: IssuerFacts) -> int:
    return urlsplit(facts.token).port or 443


def _meta(system: str) -> dict[str, Any]:
    return {"name": LOGIN, "namespace": system, "labels": labels(system, ROOM, LOGIN)}
