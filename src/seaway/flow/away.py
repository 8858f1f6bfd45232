"""What an environment elsewhere than on this machine cannot have: told before anything is made. Pure."""

from __future__ import annotations

from seaway.errors import Refused
from seaway.flow.system import System
from seaway.rooms.cluster.spec import EnvironmentSpec


def refuse_what_cannot_be(system: System, environment: EnvironmentSpec) -> None:
    """See that the file asks for nothing that it cannot have there. Raises Refused."""
    if environment.here:
        return
    if (monolith := system.monolith_in(environment)) and monolith.loopback:
        raise Refused(
            f"the cluster cannot reach the monolith at {monolith.address}",
            why=f"that is this machine itself, and the environment is on: {environment.on}",
            remedy="give the environment another address: monolith: http://HOST:PORT",
        )
    if environment.on == "eks" and system.edge.http3:
        raise Refused(
            "HTTP/3 cannot be offered on: eks yet",
            where="edge.http3",
            why="the load balancer that EKS makes of itself takes no UDP beside TCP",
            remedy="leave http3 out",
        )
