"""The registry of an environment: where it is, and a client of it."""

from __future__ import annotations

from typing import Final

from seaway.errors import Refused
from seaway.kit.distribution import consult
from seaway.ports.registry import Registry
from seaway.providers.eks import registry as ecr
from seaway.providers.local.access import HOST
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.cluster.plan import name_of
from seaway.rooms.cluster.spec import EnvironmentSpec

#: The endpoint of a rehearsal that stands for the registry of ECR, which no emulator has.
REGISTRY: Final = "registry"
consult(ecr.find_login)


def open_registry(environment: EnvironmentSpec) -> Registry:
    """Open the registry that an environment pulls from; raises as registry_of does."""
    return LocalRegistry(registry_of(environment))


def registry_of(environment: EnvironmentSpec) -> str:
    """Name the registry that an environment pulls from, `host[:port][/folder]`. Raises Refused."""
    return environment.registry or (_ecr_of(environment) if environment.on == "eks" else HOST)


def _ecr_of(environment: EnvironmentSpec) -> str:
    """Name the folder of ECR, or of what stands for it in a rehearsal, where the images of a cluster lie.

    Raises Refused for a rehearsal that says nothing of it.
    """
    from seaway.providers.eks.cloud import REHEARSAL, Cloud  # noqa: PLC0415  (boto3)
    from seaway.providers.eks.repositories import host  # noqa: PLC0415

    cloud = Cloud.open(environment.region)
    if not cloud.endpoints:
        return f"{host(cloud, environment.account)}/{name_of(environment)}"
    if stands_in := cloud.endpoints.get(REGISTRY):
        return f"{stands_in.partition('//')[2].rstrip('/')}/{name_of(environment)}"
    raise Refused(
        "the rehearsal does not say where images go",
        where=REHEARSAL,
        why="no emulator of ECR takes images",
        remedy=f"add a registry of this machine: {REGISTRY}=http://{HOST}",
    )
