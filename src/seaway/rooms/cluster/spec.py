"""Where an environment runs, and on how many nodes of which size."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seaway.model.spec import Spec

LocalSize = Literal["small", "medium", "large"]


class NodesSpec(Spec):
    """`nodes: {min: 1, max: 4, size: small}`."""

    min: int = Field(default=1, ge=1, le=100, description="nodes that always run")
    max: int = Field(default=4, ge=1, le=100, description="nodes that an autoscaler may reach")
    size: str = Field(default="medium", description="local: small 1 CPU/2 GiB, medium 2/4, large 4/8; else an instance type")


class PortsSpec(Spec):
    """Ports of this machine's loopback on which the edge answers."""

    http: int = Field(default=80, ge=1, le=65535)
    https: int = Field(default=443, ge=1, le=65535)


class EnvironmentSpec(Spec):
    """One place where the system runs."""

    on: Literal["local", "eks", "kubeconfig"] = Field(default="local", description="local is the rehearsal")
    domain: str = Field(description="the public name, such as thoughts.localhost")
    nodes: NodesSpec = NodesSpec()
    ports: PortsSpec = PortsSpec()
    cluster: str = Field(default="", description="name of the cluster; default: seaway for local")
    context: str = Field(default="", description="kubeconfig context, for on: kubeconfig")
    registry: str = Field(default="", description="registry that the cluster pulls from; default: the machine's own for local")
    account: str = ""
    region: str = ""
    monolith: str = Field(default="", description="the monolith's address as seen from here, if it differs")
