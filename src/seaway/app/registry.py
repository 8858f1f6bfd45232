"""The registry of an environment: where it is, and a client of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from seaway.errors import Refused
from seaway.kit.distribution import consult, introduce
from seaway.ports.registry import Registry
from seaway.providers.eks import registry as ecr
from seaway.providers.local.access import HOST, Access
from seaway.providers.local.registry import LocalRegistry
from seaway.rooms.cluster.spec import EnvironmentSpec

if TYPE_CHECKING:
    from seaway.providers.eks.cloud import Cloud

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
    from seaway.rooms.cluster.plan import name_of  # noqa: PLC0415

    cloud = Cloud.open(environment.region)
    if not cloud.endpoints:
        return f"{host(cloud, environment.account)}/{name_of(environment)}"
    if stands_in := cloud.endpoints.get(REGISTRY):
        if (found := stands_in.partition("//")[2].rstrip("/")) == HOST:
            _sign_in_through(cloud)
        return f"{found}/{name_of(environment)}"
    raise Refused(
        "the rehearsal does not say where images go",
        where=REHEARSAL,
        why="no emulator of ECR takes images",
        remedy=f"add a registry of this machine: {REGISTRY}=http://{HOST}",
    )


def _sign_in_through(cloud: Cloud) -> None:
    """Be let in to this machine's registry by what the ECR of a rehearsal gives, where that does."""
    known = Access().known()
    introduce(HOST, replace(known, login=lambda: ecr.stand_in_login(cloud, HOST) or known.login()))
