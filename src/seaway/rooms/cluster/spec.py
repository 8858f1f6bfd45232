"""Where an environment runs, and on how many nodes of which size."""

from __future__ import annotations

from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from seaway.model.fields import DIRECTORIES, Address, Directory, Email, Host, Name, Port, Registry, Text
from seaway.model.spec import Range, Spec
from seaway.model.wrong import Wrong

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


class HttpsSpec(Spec):
    """Who signs the certificate that visitors see; `https: acme` is short for `https: {issuer: acme}`."""

    short: ClassVar[str] = "issuer"

    issuer: Literal["local", "acme"] = Field(
        default="local",
        description="local: an authority of this machine; acme: a server that speaks ACME (RFC 8555)",
        examples=["acme"],
    )
    email: Email = Field(
        default="", description="on acme: whom the server may write to", examples=["ops@example.com"]
    )
    directory: Directory = Field(
        default="letsencrypt",
        description="on acme: letsencrypt, or the URL of the server's directory, as a pod reaches it",
        examples=["https://ca.example.com/acme/directory"],
    )
    ca: str = Field(
        default="",
        description="on acme: file of the authority (PEM) that vouches for a server of your own",
        examples=["./acme-ca.pem"],
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        needless = sorted(self.model_fields_set - {"issuer"}) if self.issuer == "local" else []
        if needless:
            raise Wrong(f"{needless[0]} means nothing on issuer: local", "remove it, or say issuer: acme")
        if self.ca and self.directory in DIRECTORIES:
            why = f"ca is for a server of your own, and {self.directory} is none"
            raise Wrong(why, "remove it, or say directory: https://…")
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
    nodes: NodesSpec = Field(default=NodesSpec(), description="how many nodes, and of which size")
    ports: PortsSpec = Field(default=PortsSpec(), description="on local: where https://DOMAIN answers")
    https: HttpsSpec = Field(default=HttpsSpec(), description="who signs the certificate of the domain")
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
