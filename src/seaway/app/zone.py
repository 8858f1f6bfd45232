"""The zone that holds the public names: opened where it is kept, and its key on the way to the pilot."""

from __future__ import annotations

from base64 import b64decode

from seaway.errors import UsageError
from seaway.flow.system import System
from seaway.kit.kube import Kube
from seaway.kit.servers import NameServer
from seaway.model.event import Report
from seaway.model.secret import Secret
from seaway.ports.dns import Dns
from seaway.ports.proofs import Proofs
from seaway.rooms.acme.wish import key_ref
from seaway.rooms.cluster.front import DnsSpec
from seaway.rooms.cluster.spec import EnvironmentSpec


def open_zone(system: System, environment: EnvironmentSpec, spec: DnsSpec, report: Report) -> Dns:
    """Choose the provider of the zone. Raises UsageError without its key, and as Route53.open."""
    if spec.provider == "route53":
        from seaway.providers.eks.route53 import Route53  # noqa: PLC0415  (boto3)

        return Route53.open(spec.zone, environment.region)
    # Both load dnspython.
    if spec.provider == "rfc2136":
        from seaway.providers.dns.rfc2136 import Rfc2136, load_key  # noqa: PLC0415

        return Rfc2136(spec.zone, NameServer.parse(spec.server), load_key(spec.key, system.folder))
    from seaway.providers.dns.manual import Manual  # noqa: PLC0415

    named = (NameServer.parse(spec.server),) if spec.server else ()
    return Manual(spec.zone, named, tuple(map(NameServer.parse, spec.resolvers)), report)


def owner_of(system: System, spec: DnsSpec) -> str:
    """Name who owns what Seaway puts into the zone."""
    return spec.owner or f"seaway-{system.system}"


def zone_proofs(system: System, environment: EnvironmentSpec, report: Report) -> Proofs | None:
    """Give what keeps proofs in the zone, opened when it is needed; None where the file names none."""
    if (spec := environment.dns) is None:
        return None
    from seaway.rooms.domain.proofs import ZoneProofs  # noqa: PLC0415  (dnspython)

    return ZoneProofs(
        lambda: open_zone(system, environment, spec, report),
        owner_of(system, spec),
        f"certificate/{system.system}",
        spec.prefix,
    )


def zone_key(system: System, environment: EnvironmentSpec, kube: Kube | None) -> Secret | None:
    """Give the key that the pilot needs for proofs in the zone, where it has another one, or none.

    Without `kube` there is no cluster yet. Raises UsageError where nobody gives the key and it has none.
    """
    spec = environment.dns
    if spec is None or spec.provider != "rfc2136" or environment.https.challenge != "dns-01":
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
