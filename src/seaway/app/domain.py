"""What public names need: a provider of their zone, the gateway's place, and resolvers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seaway.app.arrival import no_alias, places
from seaway.app.zone import open_zone, owner_of
from seaway.errors import SeawayError, UsageError
from seaway.flow.domain import (
    DomainStatus,
    PublicName,
    back_all,
    domain_status,
    let_go,
    look,
    move_all,
    record_of,
)
from seaway.flow.system import System
from seaway.kit.near import unknown
from seaway.kit.servers import NameServer, is_ip
from seaway.model.event import Report, silent
from seaway.model.fields import seconds
from seaway.model.snapshot import RecordFacts
from seaway.ports.dns import ALIAS, led_to
from seaway.ports.world import World
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.cluster.front import DnsSpec
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.domain.course import NEW, Wish, ownership
from seaway.rooms.domain.outside import Gateway

__all__ = [
    "DomainStatus",
    "back_all",
    "domain_status",
    "leave_names",
    "look_at_names",
    "move_all",
    "public_names",
]

HTTPS = 443


def public_names(
    system: System, on: str, report: Report, wanted: Sequence[str] = ()
) -> tuple[PublicName, ...]:
    """Choose the provider of an environment's zone, and find the gateway, for the names that are `wanted`.

    Without any they are all. Raises UsageError where the file names no provider, or not that name; what the
    cluster's API raises where the file does not say where the gateway answers: but for a name that was moved
    already, which its zone tells then.
    """
    name, environment = system.environment(on)
    spec = environment.dns
    if spec is None:
        raise UsageError(
            f"the file does not say where {environment.domain} is kept",
            remedy=f"add dns: to environments.{name}, such as {{provider: manual, zone: example.com}}",
        )
    if strange := next((each for each in wanted if each not in environment.hosts), ""):
        what = f"{strange} is no public name of {name}"
        raise unknown(what, strange, environment.hosts, f"seaway domain status --on {name}")
    found = _bare(system, environment, spec, report)
    return tuple(
        _led(each, _found(system, environment, spec, each))
        for each in found
        if not wanted or each.wish.name in wanted
    )


def look_at_names(system: System, environment: EnvironmentSpec, world: World) -> tuple[RecordFacts, ...]:
    """See what the zone has of every public name, or why that cannot be seen."""
    if (spec := environment.dns) is None:
        return ()
    try:
        found = _bare(system, environment, spec, silent)
    except SeawayError as error:
        return tuple(RecordFacts(name, why=str(error)) for name in environment.hosts)
    return tuple(_record(system, environment, spec, each, world) for each in found)


def leave_names(system: System, environment: EnvironmentSpec, world: World) -> None:
    """Lead the public names away from a gateway that goes; raises as `let_go`, and as opening the zone."""
    if spec := environment.dns:
        found = _bare(system, environment, spec, world.report)
        let_go([_known(system, environment, spec, each, world) for each in found])


def _record(
    system: System, environment: EnvironmentSpec, spec: DnsSpec, bare: PublicName, world: World
) -> RecordFacts:
    try:
        return record_of(_known(system, environment, spec, bare, world))
    except SeawayError as error:
        return RecordFacts(bare.wish.name, bare.dns.place, why=str(error))


def _bare(
    system: System, environment: EnvironmentSpec, spec: DnsSpec, report: Report
) -> tuple[PublicName, ...]:
    """Give every public name, with what the file says of where the gateway answers; raises as open_zone."""
    owner = owner_of(system, spec)
    resource, ttl = f"gateway/{system.system}/edge", seconds(spec.ttl)
    port = environment.ports.https if environment.on == "local" else HTTPS
    gateway = Gateway(spec.to, port, _voucher(system, environment))
    resolvers = tuple(map(NameServer.parse, spec.resolvers))
    dns = open_zone(system, environment, spec, report)
    wishes = [Wish(each, spec.to, ttl, owner, resource, spec.prefix) for each in environment.hosts]
    hold = seconds(spec.hold)
    return tuple(PublicName(wish, spec.zone, dns, gateway, resolvers, hold, report) for wish in wishes)


def _known(
    system: System, environment: EnvironmentSpec, spec: DnsSpec, bare: PublicName, world: World
) -> PublicName:
    """Lead it to the gateway, if its cluster or the file tells where that is; it may be another's by now."""
    try:
        to = places(system, environment, spec, world)
    except SeawayError:
        return bare
    return _led(bare, to)


def _led(bare: PublicName, to: tuple[str, ...]) -> PublicName:
    """Lead it there, to a host name by an alias where there can be one. Raises Refused where it needs one."""
    alias = "" if all(map(is_ip, to)) else _alias(bare, to[0])
    if not alias and bare.wish.name == bare.zone and not is_ip(to[0]):
        raise no_alias(bare.zone, to[0])
    wish = replace(bare.wish, to=to, alias=alias)
    return replace(bare, wish=wish, gateway=replace(bare.gateway, to=to))


def _alias(bare: PublicName, host: str) -> str:
    """Find the alias to a host name; where the zone has it, that is enough: the way back asks nobody else."""
    there = (value for each in look(bare).records for value in each.values if value.startswith(ALIAS))
    return next((value for value in there if led_to(value) == host.lower()), "") or bare.dns.alias(host)


def _found(system: System, environment: EnvironmentSpec, spec: DnsSpec, bare: PublicName) -> tuple[str, ...]:
    """Find the gateway; where its cluster does not tell, by what the zone has of a name that was moved.

    The way back must not depend on the cluster.
    """
    try:
        return places(system, environment, spec)
    except SeawayError:
        held = look(bare)
        mine = ownership(held, bare.wish)
        if not (mine and mine.moved):
            raise
        now = held.of(NEW) or held.records
        return tuple(led_to(value).rstrip(".") for each in now for value in each.values)


def _voucher(system: System, environment: EnvironmentSpec) -> str:
    """Name the file of who vouches for the gateway; empty for public authorities.

    Who vouches for a server of ACME vouches for what it signs; a stand-in is never good enough for visitors.
    """
    if environment.https.later:
        own = environment.https.ca
        return str(system.folder / own) if own else ""
    return LocalCertificates().authority_path() if environment.on == "local" else ""
