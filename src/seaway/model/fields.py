"""Values in seaway.yaml that are more than text: each is checked once, and kept in its canonical form.

Every checker takes what was written and returns what is kept, or raises `Wrong` with reason and remedy.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from seaway.kit.servers import NameServer, is_ip
from seaway.model.quantity import cpu, memory, storage
from seaway.model.wrong import Wrong

LABEL_MAX: Final = 63  # RFC 1123, 2.1, as Kubernetes has it
NAME_MAX: Final = 40  # leaves room for what Seaway appends to the names of objects
HOST_MAX: Final = 253

_LABEL: Final = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?")
_HOST_PART: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_PACKAGE: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_REGISTRY: Final = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})(s|m|h)")
_PERCENT: Final = re.compile(r"([1-9][0-9]{0,2})\s*%")
_PRINCIPAL: Final = re.compile(
    r"[a-z][a-z0-9-]{0,39}|arn:aws(?:-[a-z]+)*:iam::\d{12}:(?:role|user)/[\w+=,.@/-]+"
)
_VPC: Final = re.compile(r"vpc-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_CLUSTER_OF_EKS: Final = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]+")
_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_OWNER: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?")
_AFFIX: Final = re.compile(r"(?:[a-z0-9._-]|%\{record_type\})*")
_RATE: Final = re.compile(r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,3})?\s*%")
#: Directories of ACME servers that have a name here, each with the one to rehearse at.
DIRECTORIES: Final[Mapping[str, tuple[str, str]]] = {
    "letsencrypt": (
        "https://acme-v02.api.letsencrypt.org/directory",
        "https://acme-staging-v02.api.letsencrypt.org/directory",
    )
}
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def name(text: str) -> str:
    """Check a DNS label that begins with a letter (RFC 1035, 2.3.1), at most 40 characters."""
    if not _LABEL.fullmatch(text) or len(text) > NAME_MAX:
        better = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-0123456789")[:NAME_MAX].rstrip("-")
        raise Wrong(
            f"{text!r} is no name: small letters, digits and -, first a letter, at most {NAME_MAX}",
            f"for example {better}" if better else "",
        )
    return text


def host(text: str) -> str:
    """Check a host name (RFC 1123, 2.1), in small letters, with at least one dot."""
    parts = text.split(".")
    fits = all(_HOST_PART.fullmatch(part) and len(part) <= LABEL_MAX for part in parts)
    if not fits or len(parts) < 2 or len(text) > HOST_MAX or parts[-1].isdigit():  # noqa: PLR2004
        raise Wrong(
            f"{text!r} is no host name", "write a name such as thoughts.localhost: no scheme, port or path"
        )
    return text


def public_name(text: str) -> str:
    """Check a name under which visitors come: a host name, none that stands for others."""
    if text.startswith("*."):
        raise Wrong(f"{text!r} stands for many names, and visitors come by one", "write each name by itself")
    return host(text)


def path(text: str) -> str:
    """Check the path of a URL: begins with /, no query, no empty or dot segments."""
    if not _PATH.fullmatch(text):
        raise Wrong(f"{text!r} is no path", "begin with /, without host, query or spaces, such as /login")
    if "//" in text or {".", ".."} & set(text.split("/")):
        raise Wrong(f"{text!r} has an empty or dot segment", "write the path as it arrives, such as /login")
    return text


def variable(text: str) -> str:
    """Check the name of an environment variable (POSIX.1-2017, 8.1)."""
    if not _VARIABLE.fullmatch(text):
        raise Wrong(f"{text!r} is no name of a variable", "letters, digits and _, first no digit")
    return text


def package(text: str) -> str:
    """Check the name of a Debian package (Debian Policy, 5.6.1)."""
    if not _PACKAGE.fullmatch(text):
        raise Wrong(f"{text!r} is no name of a Debian package", "such as libpq5, one name for each")
    return text


def registry(text: str) -> str:
    """Check HOST[:PORT][/FOLDER] (OCI distribution spec, Pulling manifests)."""
    if not _REGISTRY.fullmatch(text):
        raise Wrong(
            f"{text!r} is no registry",
            "write HOST:PORT or HOST:PORT/NAME: no scheme, the name in small letters",
        )
    return text


def duration(text: str) -> str:
    """Check a duration: whole seconds, minutes or hours, such as 30s, 2m, 1h."""
    if not _DURATION.fullmatch(text):
        unit = f"say the unit: {text}s" if text.isdigit() and text != "0" else "such as 30s, 2m, 1h"
        raise Wrong(f"{text!r} is no duration", unit)
    return text


def percent(text: str) -> str:
    """Check a share from 1% to 100%."""
    found = _PERCENT.fullmatch(text)
    if not found or int(found[1]) > 100:  # noqa: PLR2004
        remedy = f"write {text}%" if text.isdigit() else "such as 60%"
        raise Wrong(f"{text!r} is no share from 1% to 100%", remedy)
    return f"{found[1]}%"


def rate(text: str) -> str:
    """Check a share from 0% to 100%, with up to three digits behind the point, such as 0.5%."""
    found = _RATE.fullmatch(text)
    if not found or float(f"{found[1]}{found[2] or ''}") > 100:  # noqa: PLR2004
        digits = re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,3})?", text)
        raise Wrong(f"{text!r} is no share from 0% to 100%", f"write {text}%" if digits else "such as 0.5%")
    return f"{found[1]}{found[2] or ''}%"


def address(text: str) -> str:
    """Check http://HOST:PORT or https://HOST:PORT, with nothing after it."""
    try:
        url = urlsplit(text)
        named, port = url.hostname, url.port
    except ValueError as error:
        raise Wrong(f"{text!r} is no address: {error}", "write http://HOST:PORT") from error
    if url.scheme not in {"http", "https"} or not named or not re.fullmatch(r"[A-Za-z0-9.:-]+", named):
        raise Wrong(f"{text!r} is no http address", "write http://HOST:PORT, as this machine reaches it")
    if not port:
        raise Wrong(
            f"{text!r} does not say its port",
            f"write {url.scheme}://{named}:{443 if url.scheme == 'https' else 80} or the port it listens on",
        )
    if url.username is not None or url.path not in {"", "/"} or url.query or url.fragment:
        raise Wrong(f"{text!r} says more than host and port", f"write {url.scheme}://{named}:{port}")
    return text.rstrip("/")


def email(text: str) -> str:
    """Check an address of e-mail, as far as an ACME server must be able to write to it (RFC 8555, 7.3)."""
    if not _EMAIL.fullmatch(text):
        raise Wrong(f"{text!r} is no address of e-mail", "one address, such as ops@example.com")
    return text


def directory(text: str) -> str:
    """Check the directory of an ACME server: a name that is known, or its URL (RFC 8555, 6.1)."""
    if text in DIRECTORIES:
        return text
    try:
        url = urlsplit(text)
        named, _ = url.hostname, url.port
    except ValueError as error:
        raise Wrong(
            f"{text!r} is no URL: {error}", "such as https://ca.example.com/acme/directory"
        ) from error
    if url.scheme != "https" or not named or url.username is not None or url.fragment or not text.isascii():
        known = " or ".join(DIRECTORIES)
        raise Wrong(f"{text!r} is no ACME server", f"{known}, or https://… of its directory")
    return text


def issuer(text: str) -> str:
    """Check who signs visitors on: an https URL without query or fragment (OpenID Connect Core, 2)."""
    remedy = "such as https://login.example.com/realms/shop"
    try:
        url = urlsplit(text)
        named, _ = url.hostname, url.port
    except ValueError as error:
        raise Wrong(f"{text!r} is no URL: {error}", remedy) from error
    plain = not (url.query or url.fragment or url.username is not None) and text.isascii()
    if url.scheme != "https" or not named or not plain:
        raise Wrong(f"{text!r} is no issuer: an https URL without query", remedy)
    if is_ip(named):
        raise Wrong(f"{named} is a number, and the gateway takes an issuer by its name only", remedy)
    return text.rstrip("/")


def scope(text: str) -> str:
    """Check what may be asked of an issuer (RFC 6749, 3.3)."""
    if not _SCOPE.fullmatch(text):
        raise Wrong(f"{text!r} is no scope", "one word each, such as email")
    return text


def network(text: str) -> str:
    """Check a network of addresses, such as 10.0.0.0/8 (RFC 4632, 3.1); a single address is one too."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise Wrong(f"{text!r} is no network", f"such as {_network_of(text) or '10.0.0.0/8'}") from error


def principal(text: str) -> str:
    """Check the name of a role of Seaway's, or the ARN of any role or user (IAM user guide, identifiers)."""
    if not _PRINCIPAL.fullmatch(text):
        raise Wrong(
            f"{text!r} is no role or user",
            "the name of a role as seaway identity list shows it, or an ARN such as "
            "arn:aws:iam::123456789012:role/watcher",
        )
    return text


def vpc(text: str) -> str:
    """Check the id of a network of AWS (EC2 user guide, Resource IDs)."""
    if not _VPC.fullmatch(text):
        raise Wrong(f"{text!r} is no network of AWS", "its id, such as vpc-0a1b2c3d4e5f67890")
    return text


def cluster_of_eks(text: str) -> str:
    """Check the name of a cluster of EKS that somebody else made (EKS API reference, CreateCluster)."""
    if not _CLUSTER_OF_EKS.fullmatch(text):
        raise Wrong(f"{text!r} is no cluster of EKS", "its name as aws eks list-clusters shows it")
    return text


def header(text: str) -> str:
    """Check the name of a header field (RFC 9110, 5.1), without _, which proxies refuse."""
    if not _HEADER.fullmatch(text):
        raise Wrong(f"{text!r} is no name of a header", "letters, digits and -, such as Referrer-Policy")
    return text


def nameserver(text: str) -> str:
    """Check HOST or HOST:PORT of a server of names."""
    try:
        return str(NameServer.parse(text))
    except ValueError as error:
        raise Wrong(
            str(error), "write HOST or HOST:PORT, such as ns1.example.com or 192.0.2.1:5353"
        ) from error


def place(text: str) -> str:
    """Check an address by number, in its canonical form, or a host name."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return host(text)


def owner(text: str) -> str:
    """Check an owner as texts of external-dns name it: no comma and no = in it."""
    if text and not _OWNER.fullmatch(text):
        raise Wrong(f"{text!r} is no name of an owner", "letters, digits, . _ / and -, such as seaway-shop")
    return text


def affix(text: str) -> str:
    """Check a prefix of texts of ownership (external-dns, --txt-prefix)."""
    if not _AFFIX.fullmatch(text):
        raise Wrong(f"{text!r} is no prefix of names", 'such as "%{record_type}-own."')
    return text


def command(text: str) -> str:
    """Check a command line: words as a shell would split them, no shell behind them."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Wrong(f"the command cannot be split into words: {error}", "close the quotes") from error
    if not words:
        raise Wrong("the command is empty", "such as gunicorn -b 0.0.0.0:8000 frontend.wsgi")
    return text


def seconds(text: str) -> int:
    """Read a checked duration, in seconds."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise Wrong(f"{text!r} is no duration", "such as 30s, 2m, 1h")
    return int(found[1]) * _SECONDS[found[2]]


def share(text: str) -> float:
    """Read a checked share: 0.005 for 0.5%."""
    return float(rate(text).rstrip("%")) / 100


def _network_of(text: str) -> str:
    """Give the network that an address with a length of prefix lies in; empty where it is neither."""
    try:
        return str(ipaddress.ip_interface(text).network)
    except ValueError:
        return ""


def several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _like(pattern: re.Pattern[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern.pattern})$"})


_NUMBER_OR_TEXT: Final = WithJsonSchema({"type": ["string", "number"]})

Name = Annotated[str, AfterValidator(name), _like(_LABEL)]
Host = Annotated[str, AfterValidator(host)]
PublicName = Annotated[str, AfterValidator(public_name)]
UrlPath = Annotated[str, AfterValidator(path), _like(_PATH)]
Variable = Annotated[str, AfterValidator(variable), _like(_VARIABLE)]
Registry = Annotated[str, AfterValidator(registry), _like(_REGISTRY)]
Duration = Annotated[str, AfterValidator(duration), _like(_DURATION)]
Percent = Annotated[str, AfterValidator(percent), _like(_PERCENT)]
Rate = Annotated[str, AfterValidator(rate), _like(_RATE)]
Address = Annotated[str, AfterValidator(address)]
Email = Annotated[str, AfterValidator(email), _like(_EMAIL)]
Directory = Annotated[str, AfterValidator(directory)]
Issuer = Annotated[str, AfterValidator(issuer)]
Scope = Annotated[str, AfterValidator(scope)]
Command = Annotated[str, AfterValidator(command)]
Cpu = Annotated[str, AfterValidator(cpu), _NUMBER_OR_TEXT]
Memory = Annotated[str, AfterValidator(memory), _NUMBER_OR_TEXT]
Storage = Annotated[str, AfterValidator(storage), _NUMBER_OR_TEXT]
Network = Annotated[str, AfterValidator(network)]
NameServerText = Annotated[str, AfterValidator(nameserver)]
Place = Annotated[str, AfterValidator(place)]
Owner = Annotated[str, AfterValidator(owner)]
Affix = Annotated[str, AfterValidator(affix)]
Principal = Annotated[str, AfterValidator(principal), _like(_PRINCIPAL)]
Vpc = Annotated[str, AfterValidator(vpc), _like(_VPC)]
ClusterOfEks = Annotated[str, AfterValidator(cluster_of_eks), _like(_CLUSTER_OF_EKS)]
HeaderName = Annotated[str, AfterValidator(header), _like(_HEADER)]
Text = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]
Port = Annotated[int, Field(ge=1, le=65535)]
Package = Annotated[str, AfterValidator(package), _like(_PACKAGE)]
Names = Annotated[tuple[Name, ...], BeforeValidator(several, json_schema_input_type=Name | tuple[Name, ...])]
PublicNames = Annotated[
    tuple[PublicName, ...],
    BeforeValidator(several, json_schema_input_type=PublicName | tuple[PublicName, ...]),
]
Packages = Annotated[
    tuple[Package, ...], BeforeValidator(several, json_schema_input_type=Package | tuple[Package, ...])
]
Files = Annotated[tuple[str, ...], BeforeValidator(several, json_schema_input_type=str | tuple[str, ...])]
Scopes = Annotated[
    tuple[Scope, ...], BeforeValidator(several, json_schema_input_type=Scope | tuple[Scope, ...])
]
Networks = Annotated[
    tuple[Network, ...], BeforeValidator(several, json_schema_input_type=Network | tuple[Network, ...])
]
NameServers = Annotated[
    tuple[NameServerText, ...],
    BeforeValidator(several, json_schema_input_type=NameServerText | tuple[NameServerText, ...]),
]
Places = Annotated[
    tuple[Place, ...], BeforeValidator(several, json_schema_input_type=Place | tuple[Place, ...])
]
UrlPaths = Annotated[
    tuple[UrlPath, ...], BeforeValidator(several, json_schema_input_type=UrlPath | tuple[UrlPath, ...])
]
