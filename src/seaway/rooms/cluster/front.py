"""What an environment says of its public names: who signs for them, who must log in, where they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from seaway.kit.servers import is_ip
from seaway.model.fields import (
    DIRECTORIES,
    Affix,
    Directory,
    Duration,
    Email,
    Host,
    Issuer,
    Name,
    NameServers,
    NameServerText,
    Owner,
    Places,
    Scopes,
    Text,
    UrlPaths,
    seconds,
)
from seaway.model.spec import Spec
from seaway.model.wrong import Wrong

#: Seconds that the public name may be kept by resolvers, at most.
LONGEST_TTL: Final = 86400
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
        if needless := sorted(self.model_fields_set - {"issuer", *OF_ISSUER[self.issuer]}):
            other = next(issuer for issuer, words in OF_ISSUER.items() if needless[0] in words)
            why = f"{needless[0]} means nothing on issuer: {self.issuer}"
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
