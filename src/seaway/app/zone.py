"""The key of the zone that holds the public name, on its way to the pilot."""

from __future__ import annotations

from base64 import b64decode

from seaway.errors import UsageError
from seaway.flow.system import System
from seaway.kit.kube import Kube
from seaway.model.secret import Secret
from seaway.rooms.acme.wish import key_ref
from seaway.rooms.cluster.spec import EnvironmentSpec


def zone_key(system: System, environment: EnvironmentSpec, kube: Kube | None) -> Secret | None:
    """Give the key that the pilot needs for proofs in the zone, where it has another one, or none.

    Without `kube` there is no cluster yet. Raises UsageError where nobody gives the key and it has none.
    """
    spec = environment.dns
    if spec is None or environment.https.challenge != "dns-01":
        return None
    from seaway.providers.dns.rfc2136 import load_key  # noqa: PLC0415  (dnspython)

    found = kube.get(key_ref(system.system)) if kube else None
    held = b64decode(((found or {}).get("data") or {}).get("key", "")).decode()
    try:
        given = load_key(spec.key, system.folder).line()
    except UsageError:
        if held:
            return None
        raise
    return None if given == held else Secret(given)
