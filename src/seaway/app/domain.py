"""What the public name needs: a provider of its zone, the gateway's place, and resolvers."""

from __future__ import annotations

from seaway.errors import UsageError
from seaway.flow.domain import DomainStatus, PublicName, back, domain_status, move
from seaway.flow.system import System
from seaway.kit.servers import NameServer
from seaway.model.event import Report
from seaway.model.fields import seconds
from seaway.ports.dns import Dns
from seaway.providers.dns.manual import Manual
from seaway.providers.dns.rfc2136 import Rfc2136, load_key
from seaway.providers.eks.route53 import Route53
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.cluster.spec import DnsSpec, EnvironmentSpec
from seaway.rooms.domain.course import Wish
from seaway.rooms.domain.outside import Gateway

__all__ = ["DomainStatus", "back", "domain_status", "move", "public_name"]

LOOPBACK = "127.0.0.1"
HTTPS = 443


def public_name(system: System, on: str, report: Report) -> PublicName:
    """Choose the provider of an environment's zone. Raises UsageError where the file names none."""
    name, environment = system.environment(on)
    spec = environment.dns
    if spec is None:
        raise UsageError(
            f"the file does not say where {environment.domain} is kept",
            remedy=f"add dns: to environments.{name}, such as {{provider: manual, zone: example.com}}",
        )
    local = environment.on == "local"
    to = spec.to or (LOOPBACK,)
    wish = Wish(
        environment.domain, to, seconds(spec.ttl), spec.owner or f"seaway-{system.system}",
        f"gateway/{system.system}/edge", spec.prefix,
    )  # fmt: skip
    ca = LocalCertificates().authority_path() if local else ""
    gateway = Gateway(to, environment.ports.https if local else HTTPS, ca)
    resolvers = tuple(map(NameServer.parse, spec.resolvers))
    dns = _provider(system, environment, spec, resolvers, report)
    return PublicName(wish, spec.zone, dns, gateway, resolvers, seconds(spec.hold), report)


def _provider(
    system: System,
    environment: EnvironmentSpec,
    spec: DnsSpec,
    resolvers: tuple[NameServer, ...],
    report: Report,
) -> Dns:
    if spec.provider == "route53":
        return Route53.open(spec.zone, environment.region)
    if spec.provider == "rfc2136":
        return Rfc2136(spec.zone, NameServer.parse(spec.server), load_key(spec.key, system.folder))
    named = (NameServer.parse(spec.server),) if spec.server else ()
    return Manual(spec.zone, named, resolvers, report)
