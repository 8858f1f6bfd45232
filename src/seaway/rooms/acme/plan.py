"""From what the file says of an ACME server to what the pilot needs: the wish, and the right to act. Pure.

The account's key and the certificate are the pilot's, and stay when the wish goes: another may follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from seaway.kit.servers import NameServer
from seaway.model.gateway import TLS_SECRET
from seaway.model.manifests import SYSTEM_NAMESPACE, Manifest, labels, selector
from seaway.model.plan import Verb
from seaway.model.secret import Secret
from seaway.model.snapshot import Live
from seaway.rooms.acme.challenge import PROXY_PORT, filter_names
from seaway.rooms.acme.steps import GiveKey
from seaway.rooms.acme.wish import ACCOUNT, KEPT, ROOM, ZONE_KEY, Wish, key_ref, wish_config
from seaway.steps.objects import Desired, changes, orphans

#: The name of the pilot's account, and of the part that it belongs to.
PILOT: Final = "pilot"
PILOTS_ROOM: Final = "crossing"
NAME: Final = "pilot-acme"
RBAC: Final = "rbac.authorization.k8s.io/v1"
NAMESPACE: Final = ("cluster/namespace",)
#: A server that comes before visitors are let in refuses, and may not be asked again for a while.
OPEN: Final = ("edge/gateway/await", "edge/gateway/publish")
KEY: Final = GiveKey.id
#: A pod that started before it was given rights in AWS has none.
STARTED: Final = f"{PILOTS_ROOM}/{PILOT}/await"
#: Where EKS gives a pod the key of its role, at port 80 (EKS user guide, EKS Pod Identity considerations).
AGENTS: Final = ("169.254.170.23/32", "fd00:ec2::23/128")
HTTPS: Final = 443


def desired(system: str, wish: Wish) -> list[Desired]:
    """List what the pilot needs in the order in which it can be made; the wish last, which sets it going."""
    role = f"{ROOM}/role"
    rights = (f"{ROOM}/binding", f"{ROOM}/policy")
    first = (*NAMESPACE, *rights, *OPEN, KEY, *((STARTED,) if wish.granted else ()))
    return [
        Desired(role, _role(system, wish), NAMESPACE),
        Desired(f"{ROOM}/binding", _binding(system), (role, *NAMESPACE)),
        Desired(f"{ROOM}/policy", _policy(system, wish), NAMESPACE),
        Desired(f"{ROOM}/wish", wish_config(system, wish), first),
    ]


def plan(
    system: str, wish: Wish | None, live: Live, known: Mapping[str, str], key: Secret | None = None
) -> list[Any]:
    """Decide what must change; without a wish all goes that a former one needed.

    `key` changes the zone, and is given where the pilot does not have it.
    """
    wanted = desired(system, wish) if wish else []
    verb = Verb.UPDATE if key_ref(system) in live.objects else Verb.CREATE
    given = [GiveKey(system, key, verb, NAMESPACE)] if key else []
    return [*given, *changes(wanted, live, known), *orphans(ROOM, wanted, live.of_component(ROOM))]


def _role(system: str, wish: Wish) -> Manifest:
    """Compose what it may do beyond its own role: with these Secrets and these challenges, by name.

    A right to create knows no names (Kubernetes, RBAC: resourceNames).
    """
    routes, filters = "gateway.envoyproxy.io", filter_names(len(wish.hosts))
    zone = [{**_rule("", "secrets", "get"), "resourceNames": [ZONE_KEY]}] if wish.server else []
    return {
        "apiVersion": RBAC,
        "kind": "Role",
        "metadata": _meta(system),
        "rules": [
            {**_rule("", "secrets", "get", "patch"), "resourceNames": [TLS_SECRET, ACCOUNT, KEPT]},
            _rule("", "secrets", "create"),
            *zone,
            {**_rule(routes, "httproutefilters", "patch", "delete"), "resourceNames": filters},
            _rule(routes, "httproutefilters", "create"),
        ],
    }


def _binding(system: str) -> Manifest:
    return {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": _meta(system),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": PILOT, "namespace": system}],
    }


def _policy(system: str, wish: Wish) -> Manifest:
    """Let it reach the server, and what it looks at before that does: the proxies, or what keeps the zone."""
    gateway = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SYSTEM_NAMESPACE}}}
    ports = sorted({wish.port, HTTPS} if wish.granted else {wish.port})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _meta(system),
        "spec": {
            "podSelector": {"matchLabels": selector(system, PILOTS_ROOM, PILOT)},
            "policyTypes": ["Egress"],
            "egress": [
                {"ports": list(map(_tcp, ports))},
                {"to": [gateway], "ports": [_tcp(PROXY_PORT)]},
                *_to_zone(wish),
            ],
        },
    }


def _to_zone(wish: Wish) -> list[dict[str, Any]]:
    """Let it reach what keeps the zone: a server, or at Route 53 who gives it the key for that."""
    if wish.granted:
        return [{"to": [{"ipBlock": {"cidr": each}} for each in AGENTS], "ports": [_tcp(80)]}]
    return [{"ports": [_tcp(NameServer.parse(wish.server).port)]}] if wish.zone else []


def _tcp(port: int) -> dict[str, Any]:
    return {"port": port, "protocol": "TCP"}


def _rule(group: str, resource: str, *verbs: str) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def _meta(system: str) -> dict[str, Any]:
    return {"name": NAME, "namespace": system, "labels": labels(system, ROOM, NAME)}
