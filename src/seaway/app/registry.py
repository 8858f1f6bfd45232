"""The registry of an environment: where it is, and a client of it."""

from __future__ import annotations

from seaway.errors import Refused
from seaway.kit.distribution import consult
from seaway.ports.registry import Registry
from seaway.providers.eks import registry as ecr
from seaway.providers.local.access import HOST
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.cluster.spec import EnvironmentSpec

consult(ecr.find_login)


def open_registry(environment: EnvironmentSpec) -> Registry:
    """Open the registry that an environment pulls from; raises as registry_of does."""
    return LocalRegistry(registry_of(environment))


def registry_of(environment: EnvironmentSpec) -> str:
    """Name the registry that an environment pulls from, `host[:port][/folder]`. Raises Refused."""
    if found := environment.registry or (HOST if environment.on == "local" else ""):
        return found
    raise Refused(
        f"this version does not find the registry of an environment on: {environment.on} by itself",
        remedy="name it: registry: HOST/FOLDER in the environment",
    )
