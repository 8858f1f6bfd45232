"""The monolith behind the gateway, and how the gateway answers."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from seaway.kit.servers import is_ip
from seaway.model.fields import Address, Duration, HeaderName, Host, Memory, Networks, UrlPath, UrlPaths
from seaway.model.spec import Spec
from seaway.model.wrong import Wrong

#: Below this path lie the way back from the issuer of a login, and the way out.
OWN: Final = "/.login"
_Several = BeforeValidator(
    lambda value: (value,) if isinstance(value, str) else value,
    json_schema_input_type=str | tuple[str, ...],
)


class MonolithSpec(Spec):
    """The old system; `monolith: http://legacy.internal:9000` is short for `monolith: {address: …}`."""

    short: ClassVar[str] = "address"

    address: Address = Field(
        description="http://HOST:PORT or https://HOST:PORT of the old system, as this machine reaches it",
        examples=["http://legacy.internal:9000"],
    )
    also: Annotated[tuple[Address, ...], _Several] = Field(
        default=(),
        max_length=20,
        description="further addresses of it, alike in scheme and port; the sound ones share the requests",
        examples=[["http://legacy-2.internal:9000"]],
    )
    health: UrlPath = Field(
        default="/",
        description="path that answers below 500 while the monolith is sound",
        examples=["/health"],
    )
    host: Host | None = Field(
        default=None,
        description="host header that it wants to see; without, it sees the domain that visitors ask",
        examples=["legacy.example.com"],
    )
    ca: str = Field(
        default="",
        description="https: file of the authority (PEM) that vouches for it; without, public ones do",
        examples=["./legacy-ca.pem"],
    )
    name: Host | None = Field(
        default=None,
        description="https: the name in its certificate, where it is not that of `host` or `address`",
        examples=["legacy.internal"],
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        first, *others = self._parts
        if unlike := next(
            (a for a, p in zip(self.also, others, strict=True) if _like(p) != _like(first)), ""
        ):
            raise Wrong(f"{unlike} differs from {self.address} in scheme or port", "they must be alike")
        if len({is_ip(part.hostname or "") for part in self._parts}) > 1:
            raise Wrong("some addresses are names and some are numbers", "write all of them in one way")
        if not self.tls and (self.ca or self.name):
            raise Wrong("ca and name are of use with https only", f"address: https://{first.netloc}")
        return self

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.address, *self.also)

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(part.hostname or "" for part in self._parts)

    @property
    def port(self) -> int:
        return self._parts[0].port or 80

    @property
    def tls(self) -> bool:
        return self.address.startswith("https:")

    @property
    def named(self) -> bool:
        """Whether it is found by names that the gateway must resolve, again and again."""
        return not self.loopback and not is_ip(self.hosts[0])

    @property
    def loopback(self) -> bool:
        """Whether the addresses themselves say that it is on this machine."""
        return all(host == "localhost" or _is_loopback(host) for host in self.hosts)

    @property
    def outside(self) -> bool:
        """Whether a Service without a selector is too little: for names, TLS, or a host header of its own."""
        return self.named or self.tls or self.host is not None

    @property
    def server_name(self) -> str:
        """Give the name that its certificate must have."""
        return self.name or self.host or self.hosts[0]

    @property
    def _parts(self) -> list[Any]:
        return [urlsplit(address) for address in self.addresses]


class LimitsSpec(Spec):
    """What the gateway takes from clients, at most. Each proxy counts for itself."""

    header: Duration = Field(
        default="10s",
        description="time in which TLS must be agreed, and then a request's header must be there",
        examples=["10s"],
    )
    request: Duration = Field(
        default="5m",
        description="time in which a request must be there whole, with its body",
        examples=["5m"],
    )
    idle: Duration = Field(
        default="5m", description="how long a connection without a request is kept", examples=["5m"]
    )
    body: Memory | None = Field(
        default=None,
        description="the largest body; each is then kept in the proxy until it is whole, "
        "and WebSockets do not work. Without, bodies pass through as they come",
        examples=["10Mi"],
    )
    connections: int = Field(
        default=10000, ge=1, description="connections at once, of all clients together", examples=[10000]
    )
    requests: int = Field(
        default=1000,
        ge=0,
        description="requests a second of one client's address to one route; 0 sets no limit",
        examples=[1000],
    )


class EdgeSpec(Spec):
    """How the gateway in front of everything runs, and what it lets through."""

    replicas: int = Field(default=2, ge=1, le=20, description="proxies in front of everything", examples=[2])
    http3: bool = Field(
        default=False,
        description="whether HTTP/3 is offered beside HTTP/2, at the same port over UDP; "
        "what stands in front must let that through",
    )
    hsts: int = Field(
        default=31536000,
        ge=0,
        description="Strict-Transport-Security max-age, in seconds; 0 leaves it out",
        examples=[31536000],
    )
    tls: Literal["1.2", "1.3"] = Field(
        default="1.2", description="the oldest version of TLS that is spoken", examples=["1.3"]
    )
    headers: dict[HeaderName, str] = Field(
        default_factory=dict,
        description="headers that answers get where the application sets none; an empty text takes one of "
        "the usual three away",
        examples=[{"X-Frame-Options": "DENY"}],
    )
    banner: bool = Field(
        default=False, description="whether answers tell by what they were made (Server, X-Powered-By)"
    )
    limits: LimitsSpec = Field(default=LimitsSpec(), description="what is taken from clients at most")
    closed: UrlPaths | None = Field(
        default=None,
        description="paths, with all below them, that are refused; without, /metrics and the paths of "
        "`health` and `ready`. `[]` opens all",
        examples=[["/health", "/admin"]],
    )
    inside: Networks = Field(
        default=(), description="networks whose clients may ask closed paths too", examples=["10.0.0.0/8"]
    )
    behind: Networks = Field(
        default=(),
        description="networks of the load balancers in front, whose X-Forwarded-For is believed; "
        "without, no client's is",
        examples=["10.0.0.0/8"],
    )
    log: bool = Field(
        default=True, description="whether each request is written down, as a line of JSON without secrets"
    )


def _like(part: Any) -> tuple[str, int | None]:
    return part.scheme, part.port


def _is_loopback(host: str) -> bool:
    return is_ip(host) and bool(ipaddress.ip_address(host).is_loopback)
