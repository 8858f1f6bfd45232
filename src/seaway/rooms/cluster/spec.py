"""Where an environment runs, and on how many nodes of which size."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from seaway.model.fields import Address, Host, Name, Port, Registry, Text
from seaway.model.spec import Range, Spec

#: Sizes of local nodes, the smallest first.
LOCAL_SIZES: Final = ("small", "medium", "large")


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
        "largest that the autoscaler adds; elsewhere an instance type",
        examples=["small", "m7g.large"],
    )


class PortsSpec(Spec):
    """Ports of this machine's loopback on which the edge answers."""

    http: Port = Field(default=80, description="for http://, which redirects to https", examples=[8080])
    https: Port = Field(default=443, description="for https://", examples=[8443])


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
    nodes: NodesSpec = Field(default=NodesSpec(), description="how many nodes, and of which size")
    ports: PortsSpec = Field(default=PortsSpec(), description="on local: where https://DOMAIN answers")
    cluster: Name = Field(
        default="", description="name of the cluster; on local the default is seaway", examples=["blue"]
    )
    context: str = Field(default="", description="on kubeconfig: the context to use", examples=["staging"])
    registry: Registry = Field(
        default="",
        description="registry, or folder of one, that the cluster pulls from; on local the machine's own",
        examples=["registry.example.com/team"],
    )
    account: Text = Field(
        default="", description="on eks: the AWS account, 12 digits", examples=["123456789012"]
    )
    region: str = Field(default="", description="on eks: the AWS region", examples=["us-west-2"])
    monolith: Address = Field(
        default="",
        description="the monolith's address here, where it differs from monolith.address",
        examples=["http://legacy.internal:9000"],
    )
