"""Where the gateway answers, and whether visitors of the public names come there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Final

from seaway.errors import Refused, SeawayError
from seaway.flow.system import System
from seaway.kit.kube import Ref
from seaway.kit.servers import NameServer, is_ip
from seaway.model.event import silent
from seaway.model.gateway import EDGE, GATEWAY_API
from seaway.model.snapshot import NameFacts
from seaway.ports.world import World
from seaway.rooms.cluster.front import DnsSpec
from seaway.rooms.cluster.plan import name_of
from seaway.rooms.cluster.spec import EnvironmentSpec
from seaway.rooms.edge.facts import addresses_of

LOOPBACK: Final = "127.0.0.1"


def arrival(
    system: System, environment: EnvironmentSpec, world: World | None = None
) -> Callable[[], NameFacts | None]:
    """Give what sees where resolvers lead visitors of the public names; None where the file knows no dns.

    What that takes is loaded here and now: two threads that load parts of asyncio at once see halves of it.
    """
    if (spec := environment.dns) is None:
        return lambda: None
    from seaway.rooms.domain.outside import known  # noqa: PLC0415  (dnspython)

    def ask() -> NameFacts:
        try:
            to = places(system, environment, spec, world)
        except SeawayError as error:
            return NameFacts(environment.domain, "unknown", str(error))
        resolvers = tuple(map(NameServer.parse, spec.resolvers))
        return _last([known(name, to, resolvers) for name in environment.hosts])

    return ask


def _last(found: Sequence[NameFacts]) -> NameFacts:
    """Give the name that has not moved yet, or of which that is not known; else the first."""
    unmoved = next((each for each in found if each.unmoved), None)
    return unmoved or next((each for each in found if each.why), found[0])


def places(
    system: System, environment: EnvironmentSpec, spec: DnsSpec, world: World | None = None
) -> tuple[str, ...]:
    """Say where the gateway answers: what the file says, this machine, or what its cluster says.

    `world` is that of an environment that is open already. Raises Refused where that says nothing that the
    name can lead to, and what opening it and its API raise.
    """
    if spec.to or environment.on == "local":
        return spec.to or (LOOPBACK,)
    if world is None:
        from seaway.app.away import open_away  # noqa: PLC0415  (a cloud, a zone: few need them)

        with closing(open_away(system, environment, silent)) as opened:
            return places(system, environment, spec, opened)
    gateway = Ref(GATEWAY_API, "Gateway", EDGE, system.system)
    found = addresses_of(world.kube.get(gateway))
    if not found:
        raise Refused(
            "the gateway has no address yet", where=f"{gateway} of cluster {name_of(environment)}",
            why="the file does not say where it answers, and the cluster neither",
            remedy="bring it up first, or say it: environments.NAME.dns.to",
        )  # fmt: skip
    names = [each for each in found if not is_ip(each)]
    if names and spec.zone in environment.hosts and spec.provider != "route53":
        raise no_alias(spec.zone, names[0])
    return tuple(names[:1]) or found


def no_alias(zone: str, host: str) -> Refused:
    """Compose the error for a zone's own name that would have to be another's alias."""
    return Refused(
        f"{zone} is the zone itself, and cannot be an alias of {host}",
        why="a zone's own name holds other records (RFC 1034, 3.6.2)",
        remedy="give the gateway's addresses: environments.NAME.dns.to",
    )
