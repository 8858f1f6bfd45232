"""The world of an environment elsewhere: on EKS, or on any cluster that a kubeconfig leads to."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from seaway.app.registry import open_registry
from seaway.app.zone import zone_proofs
from seaway.errors import Refused, UsageError
from seaway.flow.apply import apply
from seaway.flow.images import repositories
from seaway.flow.leave import leave_cloud
from seaway.flow.observe import neighbours, shared_counter
from seaway.flow.system import System
from seaway.kit.kube import Kube, Ref
from seaway.kit.machine import somebody
from seaway.model.event import Report, silent
from seaway.model.quantity import amount
from seaway.ports.certificates import Certificates
from seaway.ports.world import World
from seaway.providers.anywhere.away import Away
from seaway.providers.anywhere.certificates import GivenCertificates, StandIns
from seaway.providers.anywhere.clusters import ContextClusters
from seaway.providers.local.charts import LocalCharts
from seaway.rooms.cluster.plan import name_of, storage_class_of
from seaway.rooms.cluster.spec import EnvironmentSpec

if TYPE_CHECKING:
    from seaway.providers.eks.acm import Public
    from seaway.providers.eks.clusters import EksClusters
    from seaway.providers.eks.control import Choice
    from seaway.providers.eks.nodes import Wanted
    from seaway.providers.eks.rights import Proving

GIB: Final = 1 << 30
#: How long a certificate is good that no visitor sees.
UNSEEN: Final = timedelta(days=3650)


def open_away(system: System, environment: EnvironmentSpec, report: Report) -> World:
    """Choose what an environment elsewhere runs with.

    Raises Refused where the credentials are not those of the file's account.
    """
    if environment.on == "eks":
        return _on_eks(system, environment, report)
    fleet = ContextClusters(environment.context)

    def place() -> str:
        with closing(fleet.connect()) as kube:
            return f"In the cluster of context {environment.context}, at {kube.address}:"

    return World(
        Away(fleet, environment.on),
        open_registry(environment),
        certificates(system, environment),
        LocalCharts(report),
        fleet.connect,
        report,
        {"by": somebody()},
        place=place,
    )


def removals_of(system: System, environment: EnvironmentSpec, world: World) -> list[str]:
    """Say what `leave_away` would remove. Raises NotFound or Unreachable for a context."""
    found = world.clusters.find(name_of(environment))
    running = found is not None and found.state == "running"
    there = running and world.kube.get(Ref("v1", "Namespace", system.system))
    goes = [f"namespace {system.system} with all that is in it"] if there else []
    goes += [f"database {each} with its data" for each in system.databases] if there else []
    last = running and not neighbours(system, world)
    goes += ["the program that counts requests"] if last and shared_counter(world.kube) else []
    if world.ground and (last or not running):
        goes += [each.thing for each in world.ground.removals()]
    return goes


def leave_away(system: System, environment: EnvironmentSpec, world: World) -> None:
    """Remove a system from a cluster elsewhere, and one on EKS with it unless others live there.

    Raises Refused where a cluster on EKS does not answer: what the cloud gave for it would be left over.
    """
    name = name_of(environment)
    found = world.clusters.find(name)
    others = False
    if found and found.state == "running":
        others = bool(neighbours(system, world))
        counter = [] if others else shared_counter(world.kube)
        storage = storage_class_of(system.system, environment)
        apply(leave_cloud(system.system, storage, counter, autoscaled=found.autoscaled), world)
    elif found:
        raise Refused(
            f"cluster {name} is {found.state}: its load balancer and volumes cannot be taken back",
            remedy=f"wait until it answers, or: seaway cluster delete --on eks --name {name}",
        )
    if world.ground and others:
        world.ground.let_go(world.report, leaving=True)
    elif world.ground:
        world.clusters.delete(name, world.report)


def template_of(system: System, environment: EnvironmentSpec) -> dict[str, Any]:
    """Write all that an environment on EKS has in its account as a CloudFormation template.

    Raises UsageError for any other environment, and as open_away.
    """
    if environment.on != "eks":
        raise UsageError(
            f"an environment on: {environment.on} has nothing in AWS to export",
            remedy="name one that is on: eks, by --on",
        )
    return eks_clusters(system, environment, silent).template(name_of(environment), _nodes_of(environment))


def certificates(system: System, environment: EnvironmentSpec) -> Certificates:
    """Give the certificate that the environment names, or a stand-in until somebody has signed.

    Where ACM signs, visitors see that at the load balancer, which does not ask who vouches for the gateway.
    """
    given, folder = environment.certificate, system.folder
    if given:
        return GivenCertificates(folder / given.chain, folder / given.key)
    if environment.https.issuer == "acm":
        return StandIns(UNSEEN)
    return StandIns() if environment.https.later else GivenCertificates()


def eks_clusters(system: System, environment: EnvironmentSpec, report: Report) -> EksClusters:
    """Reach the account of an environment on EKS. Raises Refused where the credentials are for another."""
    from seaway.providers.eks.adopted import NOTHING, Adoption  # noqa: PLC0415  (boto3)
    from seaway.providers.eks.cloud import Cloud  # noqa: PLC0415
    from seaway.providers.eks.clusters import EksClusters  # noqa: PLC0415

    images = () if environment.registry else repositories(system, environment)
    given = environment.adopt
    adopt = Adoption(given.vpc, given.cluster) if given else NOTHING
    cloud = replace(Cloud.open(environment.region), proofs=zone_proofs(system, environment, report))
    found = EksClusters(
        cloud,
        environment.open_to,
        images,
        environment.access,
        adopt=adopt,
        public=_certified(system, environment),
        proving=_proving(system, environment),
        choice=_choice(environment),
    )
    if found.account != environment.account:
        raise Refused(
            f"the credentials are for AWS account {found.account}, not {environment.account}",
            why="the file names the account of the environment; nothing was looked at or changed",
            remedy="choose other credentials (AWS_PROFILE), or correct account: in the environment",
        )
    return found


def _choice(environment: EnvironmentSpec) -> Choice:
    """Say how the control plane shall be."""
    from seaway.providers.eks.control import LEFT, Choice  # noqa: PLC0415  (boto3)

    control = environment.control
    return Choice(control.version, control.private, control.key, control.logs) if control else LEFT


def _certified(system: System, environment: EnvironmentSpec) -> Public:
    """Name the names for which ACM signs."""
    from seaway.providers.eks.acm import Public  # noqa: PLC0415  (boto3)

    return Public(system.system, environment.hosts if environment.https.issuer == "acm" else ())


def _proving(system: System, environment: EnvironmentSpec) -> Proving:
    """Name the names that the pilot proves at Route 53."""
    from seaway.providers.eks.rights import Proving  # noqa: PLC0415  (boto3)

    https, dns = environment.https, environment.dns
    if https.issuer == "acme" and https.challenge == "dns-01" and dns and dns.provider == "route53":
        return Proving(system.system, dns.zone, environment.hosts)
    return Proving(system.system)


def _nodes_of(environment: EnvironmentSpec) -> Wanted:
    """Say which nodes always run: with EKS Auto Mode just `min` of them, since others come by themselves."""
    from seaway.providers.eks.nodes import Wanted  # noqa: PLC0415  (boto3)

    nodes = environment.nodes
    most, added = (nodes.min, nodes.max - nodes.min) if nodes.auto else (nodes.max, 0)
    return Wanted((nodes.min, most), environment.instance, nodes.auto, added)


def _on_eks(system: System, environment: EnvironmentSpec, report: Report) -> World:
    from seaway.providers.eks.ground import EksGround  # noqa: PLC0415  (boto3)

    fleet, name = eks_clusters(system, environment, report), name_of(environment)
    volumes = {
        f"database {each}": float(amount(spec.storage) / GIB) for each, spec in system.databases.items()
    }

    def connect() -> Kube:
        return fleet.connect(name)

    return World(
        Away(fleet, environment.on),
        open_registry(environment),
        certificates(system, environment),
        LocalCharts(report),
        connect,
        report,
        {"by": somebody()},
        ground=EksGround(fleet, name, _nodes_of(environment), volumes),
        place=lambda: f"In AWS account {fleet.account}, {environment.region}, context {fleet.context(name)}:",
    )
