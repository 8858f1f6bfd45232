"""Where an environment runs, and on how many nodes of which size."""

from __future__ import annotations

from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from seaway.model.fields import (
    Address,
    ClusterOfEks,
    Host,
    Name,
    Networks,
    Port,
    Principal,
    PublicNames,
    Registry,
    Text,
    Vpc,
)
from seaway.model.identity import Job
from seaway.model.spec import Range, Spec
from seaway.model.wrong import Wrong
from seaway.rooms.cluster.control import ControlSpec
from seaway.rooms.cluster.front import CertificateSpec, DnsSpec, HttpsSpec, LoginSpec

#: Sizes of local nodes, the smallest first.
LOCAL_SIZES: Final = ("small", "medium", "large")
#: A route has at most 16 names (Gateway API: HTTPRouteSpec), of which the domain is one.
MOST_NAMES: Final = 15


class NodesSpec(Range):
    """Nodes; `nodes: 3` is short for `{min: 3, max: 3}`, without an autoscaler."""

    least: ClassVar[int] = 4

    min: int = Field(default=1, ge=1, le=100, description="nodes that always run", examples=[2])
    max: int = Field(
        default=4,
        ge=1,
        le=100,
        description="nodes that the autoscaler may reach; not below min, and where it is min there is none",
        examples=[20],
    )
    size: str = Field(
        default="medium",
        description="on local: small 1 CPU/2 GiB, medium 2/4, large 4/8, of those that always run, and the "
        "largest that the autoscaler adds; on eks an instance type, m7i.large where none is given",
        examples=["small", "m7g.large"],
    )
    auto: bool = Field(
        default=False,
        description="on eks: EKS Auto Mode, in which AWS runs the nodes, and they come and go with the load, "
        "from min to max; settled when the cluster is made",
        examples=[True],
    )


class PortsSpec(Spec):
    """Ports of this machine's loopback on which the edge answers."""

    http: Port = Field(default=80, description="for http://, which redirects to https", examples=[8080])
    https: Port = Field(default=443, description="for https://", examples=[8443])


class AdoptSpec(Spec):
    """What is in the account already, and is used as it is: never changed, and never removed."""

    vpc: Vpc = Field(
        default="",
        description="a network, by its id, for the cluster that is made: with private subnets that have a "
        "way out in two zones",
        examples=["vpc-0a1b2c3d4e5f67890"],
    )
    cluster: ClusterOfEks = Field(
        default="",
        description="a cluster of EKS, by its name: nothing is made then but repositories for images",
        examples=["production"],
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.vpc and self.cluster:
            raise Wrong("a cluster that is there has a network", "name either vpc or cluster")
        return self


class EnvironmentSpec(Spec):
    """One place where the system runs; `rehearsal: local` is short for `rehearsal: {on: local}`."""

    short: ClassVar[str] = "on"

    on: Literal["local", "eks", "kubeconfig"] = Field(
        default="local",
        description="local: a rehearsal on this machine; eks: AWS; kubeconfig: any other cluster",
        examples=["local"],
    )
    domain: Host = Field(
        default="",
        description="the public name; on local it ends in .localhost, by default SYSTEM.localhost",
        examples=["thoughts.localhost"],
    )
    names: PublicNames = Field(
        default=(),
        max_length=MOST_NAMES,
        description="further public names: the same routes, in the same certificate",
        examples=[["www.shop.example.com"]],
    )
    nodes: NodesSpec = Field(default=NodesSpec(), description="how many nodes, and of which size")
    ports: PortsSpec = Field(default=PortsSpec(), description="on local: where https://DOMAIN answers")
    https: HttpsSpec = Field(default=HttpsSpec(), description="who signs the certificate of the domain")
    cluster: Name = Field(
        default="", description="name of the cluster; on local the default is seaway", examples=["blue"]
    )
    context: str = Field(default="", description="on kubeconfig: the context to use", examples=["staging"])
    registry: Registry = Field(
        default="",
        description="registry, or folder of one, that the cluster pulls from; on local the machine's own, on "
        "eks repositories of ECR that are made for it",
        examples=["registry.example.com/team"],
    )
    account: Text = Field(
        default="", description="on eks: the AWS account, 12 digits", examples=["123456789012"]
    )
    region: str = Field(default="", description="on eks: the AWS region", examples=["us-west-2"])
    open_to: Networks = Field(
        default=(),
        description="on eks: networks that reach the public address of the cluster's API; without, all may "
        "who can sign in",
        examples=[["192.0.2.0/24"]],
    )
    control: ControlSpec | None = Field(
        default=None, description="on eks: how the cluster's control plane shall be"
    )
    access: dict[Principal, Job] = Field(
        default_factory=dict,
        description="on eks: who may do which job inside the cluster, besides you: a deployer everything, a "
        "promoter and a viewer look at what runs. Roles of `seaway identity` by their names, others by ARN",
        examples=[{"watcher": "viewer"}],
    )
    adopt: AdoptSpec | None = Field(
        default=None, description="on eks: what is in the account already; images: by registry"
    )
    certificate: CertificateSpec | None = Field(
        default=None,
        description="elsewhere than on local: the certificate of the domain; where acme or cert-manager "
        "signs, until then",
    )
    monolith: Address = Field(
        default="",
        description="the monolith's address here, where it differs from monolith.address",
        examples=["http://legacy.internal:9000"],
    )
    login: LoginSpec | None = Field(default=None, description="where visitors must log in first, and how")
    dns: DnsSpec | None = Field(default=None, description="where the public name is kept, for seaway domain")

    @property
    def here(self) -> bool:
        """Whether it is a rehearsal on this machine."""
        return self.on == "local"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every name under which visitors come, the domain first."""
        return (self.domain, *self.names)

    @property
    def web(self) -> PortsSpec:
        """The ports under which visitors reach it."""
        return self.ports if self.here else PortsSpec()

    @property
    def instance(self) -> str:
        """The instance type that the file asks for on eks; empty where it leaves that open."""
        return "" if self.nodes.size in LOCAL_SIZES else self.nodes.size
