"""Where an environment runs, and on how many nodes of which size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from seaway.kit.servers import is_ip
from seaway.model.fields import (
    DIRECTORIES,
    Address,
    Affix,
    ClusterOfEks,
    Directory,
    Duration,
    Email,
    Host,
    Issuer,
    Name,
    NameServers,
    NameServerText,
    Networks,
    Owner,
    Places,
    Port,
    Principal,
    PublicNames,
    Registry,
    Scopes,
    Text,
    UrlPaths,
    Vpc,
    seconds,
)
from seaway.model.identity import Job
from seaway.model.spec import Range, Spec
from seaway.model.wrong import Wrong

#: Sizes of local nodes, the smallest first.
LOCAL_SIZES: Final = ("small", "medium", "large")
#: A route has at most 16 names (Gateway API: HTTPRouteSpec), of which the domain is one.
MOST_NAMES: Final = 15
#: Seconds that the public name may be kept by resolvers, at most.
LONGEST_TTL: Final = 86400


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


#: What else may be said of each issuer.
OF_ISSUER: Final[Mapping[str, tuple[str, ...]]] = {
    "local": (),
    "acme": ("email", "directory", "ca", "challenge", "wildcard"),
    "cert-manager": ("name", "kind", "group", "ca"),
    "acm": (),
}


class HttpsSpec(Spec):
    """Who signs the certificate that visitors see; `https: acme` is short for `https: {issuer: acme}`."""

    short: ClassVar[str] = "issuer"

    issuer: Literal["local", "acme", "cert-manager", "acm"] = Field(
        default="local",
        description="local: an authority of this machine; acme: a server that speaks ACME (RFC 8555); "
        "cert-manager: an issuer of the one that the cluster has; acm, on eks: AWS Certificate Manager, for "
        "the load balancer, by records in the zone of dns",
        examples=["acme"],
    )
    name: str = Field(
        default="", description="on cert-manager: the name of its issuer", examples=["letsencrypt"]
    )
    kind: str = Field(
        default="ClusterIssuer",
        description="on cert-manager: ClusterIssuer, Issuer, or the kind of somebody else's issuers",
        examples=["Issuer"],
    )
    group: str = Field(
        default="cert-manager.io",
        description="on cert-manager: the API group of somebody else's issuers",
        examples=["awspca.cert-manager.io"],
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
        description="file of who vouches (PEM): on acme for a server of your own and what it signs, on "
        "cert-manager for what its issuer signs; without, public authorities do",
        examples=["./acme-ca.pem"],
    )
    challenge: Literal["http-01", "dns-01"] = Field(
        default="http-01",
        description="on acme: how the domain is proved to be yours: http-01 by the gateway's answer, dns-01 "
        "by a record in its zone, also before the name leads to the gateway; it needs dns",
        examples=["dns-01"],
    )
    wildcard: bool = Field(
        default=False,
        description="with dns-01: the certificate is for every name directly below the domain too",
        examples=[True],
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        known = {"issuer", *OF_ISSUER[self.issuer]}
        for needless in sorted(self.model_fields_set - known):
            other = next(issuer for issuer, words in OF_ISSUER.items() if needless in words)
            why = f"{needless} means nothing on issuer: {self.issuer}"
            raise Wrong(why, f"remove it, or say issuer: {other}")
        if self.issuer == "cert-manager" and not self.name:
            raise Wrong("cert-manager is not told which of its issuers signs", "name: letsencrypt")
        if self.issuer == "acme" and self.ca and self.directory in DIRECTORIES:
            why = f"ca is for a server of your own, and {self.directory} is none"
            raise Wrong(why, "remove it, or say directory: https://…")
        if self.wildcard and self.challenge != "dns-01":
            why = f"wildcard means nothing with {self.challenge}, which proves single names"
            raise Wrong(why, "remove it, or say challenge: dns-01")
        return self

    @property
    def later(self) -> bool:
        """Whether somebody signs once the edge is there, so that a stand-in comes first."""
        return self.issuer != "local"


class LoginSpec(Spec):
    """Paths on which visitors must log in at an issuer first (OpenID Connect); all others stay open."""

    issuer: Issuer = Field(
        description="who signs visitors on: the https URL that is its name, as this machine and the cluster "
        "reach it",
        examples=["https://login.example.com/realms/shop"],
    )
    client: Text = Field(description="how the issuer knows the gateway: the client ID", examples=["shop"])
    secret: Name = Field(
        description="name of the secret that it gave out for that: login-secret is in "
        "SEAWAY_SECRET_LOGIN_SECRET at the first up",
        examples=["login-secret"],
    )
    paths: Annotated[UrlPaths, Field(min_length=1)] = Field(
        description="paths, with all below them, that only who is logged in is served",
        examples=[["/admin", "/reports"]],
    )
    scopes: Scopes = Field(
        default=(),
        description="what the issuer is asked for beside openid",
        examples=[["email", "profile"]],
    )
    ca: str = Field(
        default="",
        description="file of the authority (PEM) that vouches for the issuer; without, public ones do",
        examples=["./login-ca.pem"],
    )

    @property
    def loopback(self) -> bool:
        """Whether the issuer is on this machine."""
        return f".{urlsplit(self.issuer).hostname}".endswith(".localhost")


class DnsSpec(Spec):
    """Where the public name is kept, and how it moves to the gateway: see `seaway domain`."""

    provider: Literal["route53", "rfc2136", "manual"] = Field(
        description="who changes the zone: Route 53, a server that takes signed updates (BIND, Knot, "
        "PowerDNS), or you: manual says what to put there, and waits for it",
        examples=["rfc2136"],
    )
    zone: Host = Field(description="the zone that holds the domain", examples=["example.com"])
    server: NameServerText = Field(
        default="",
        description="HOST or HOST:PORT of the zone's own server; rfc2136 needs it, manual finds it by itself",
        examples=["ns1.example.com"],
    )
    key: str = Field(
        default="",
        description="on rfc2136: the key that signs (TSIG): the path (with a /) of what tsig-keygen writes, "
        "or the name of a secret: dns-key is hmac-sha256:NAME:BASE64 in SEAWAY_SECRET_DNS_KEY",
        examples=["dns-key", "./dns.key"],
    )
    to: Places = Field(
        default=(),
        max_length=20,
        description="where the gateway answers: addresses, or one host name; without, what its cluster says, "
        "on local 127.0.0.1",
        examples=[["203.0.113.7"]],
    )
    ttl: Duration = Field(
        default="60s",
        description="how long resolvers may keep the name from before it moves; as long takes the way back",
        examples=["60s"],
    )
    hold: Duration = Field(
        default="10m",
        description="how long the gateway is watched after the move; where it fails, the name goes back",
        examples=["10m"],
    )
    resolvers: Annotated[NameServers, Field(min_length=1, max_length=10)] = Field(
        default=("1.1.1.1", "8.8.8.8", "9.9.9.9"),
        description="resolvers that are asked what visitors see",
        examples=[["1.1.1.1", "8.8.8.8"]],
    )
    owner: Owner = Field(
        default="",
        description="who owns the name in the TXT records of external-dns; by default seaway-SYSTEM",
        examples=["seaway-shop"],
    )
    prefix: Affix = Field(
        default="",
        description="of the names of those TXT records, as --txt-prefix of external-dns",
        examples=["%{record_type}-own."],
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.provider == "rfc2136" and not (self.server and self.key):
            raise Wrong("rfc2136 needs a server and a key", "add server: ns1.example.com and key: dns-key")
        if self.key and self.provider != "rfc2136":
            raise Wrong(f"key means nothing with {self.provider}", "remove it, or say provider: rfc2136")
        if self.server and self.provider == "route53":
            raise Wrong("server means nothing with route53", "remove it, or say provider: rfc2136")
        if self.named and len(self.to) > 1:
            raise Wrong("to has a host name beside others", "one host name alone, or addresses")
        if seconds(self.ttl) > LONGEST_TTL:
            raise Wrong(f"ttl is {self.ttl}: nobody could go back within a day", "ttl: 60s")
        return self

    @property
    def named(self) -> bool:
        """Whether the gateway is found by a name of its own."""
        return any(not is_ip(each) for each in self.to)


class CertificateSpec(Spec):
    """Files in PEM, from where the file lies: the certificate that visitors are shown, and its key."""

    chain: str = Field(
        min_length=1,
        description="the certificate, followed by those that vouch for it",
        examples=["tls/fullchain.pem"],
    )
    key: str = Field(min_length=1, description="its key, without a password", examples=["tls/key.pem"])


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
