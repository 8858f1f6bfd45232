"""DNS on the wire: questions (RFC 1035), and signed changes of a zone (RFC 2136, TSIG of RFC 8945).

Names are written without the dot at their end, values as a zone file has them (RFC 1035, 5.1).
"""

from __future__ import annotations

import base64
import binascii
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.update

from seaway.errors import Conflict, Refused, SeawayError, Unreachable, UsageError
from seaway.kit.servers import NameServer

#: Seconds for an answer, and how often it is asked: a datagram may be lost.
PATIENCE: Final = 2.0
TRIES: Final = 3
#: A change is one connection, and a server may write it to disk first.
UPDATE_PATIENCE: Final = 15.0
_LINE: Final = re.compile(
    r"^#?\s*(?P<algorithm>hmac-[a-z0-9-]+):(?P<name>[^:\s]+):(?P<secret>\S+)\s*$", re.MULTILINE
)
_CLAUSE: Final = re.compile(r'key\s+"?(?P<name>[^"\s{]+)"?\s*\{(?P<body>[^}]*)\}')
_ALGORITHMS: Final = frozenset({"hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"})


@dataclass(frozen=True)
class Records:
    """All records of one type at a name (RRset: RFC 2181, 5). `ttl` is in seconds; no values, no records.

    Where a provider answers now with these and now with others, `side` tells them apart, and `weight` says
    how often it is these: so many times of all the weights together.
    """

    name: str
    kind: str
    ttl: int = 0
    values: tuple[str, ...] = ()
    side: str = ""
    weight: int = 0

    @property
    def same(self) -> tuple[str, str, tuple[str, ...], str, int]:
        """What they say, however long that may be kept."""
        said = tuple(sorted(value.lower() for value in self.values))
        return self.name, self.kind, said, self.side, self.weight

    def __str__(self) -> str:
        return "\n".join(f"{self.name}. {self.ttl} {self.kind} {value}" for value in self.values)


@dataclass(frozen=True)
class Change:
    """What must be there, and what comes in its place; both are of one name and type."""

    before: Records
    after: Records


@dataclass(frozen=True, repr=False)
class Key:
    """A key that server and client share (RFC 8945); it prints as its name."""

    name: str
    algorithm: str
    secret: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `hmac-sha256:NAME:BASE64`, or the clause that BIND's tsig-keygen writes.

        Raises ValueError, which never holds the secret.
        """
        if line := _LINE.search(text):
            parts = line.groupdict()
        elif clause := _CLAUSE.search(text):
            words = dict(re.findall(r'(algorithm|secret)\s+"?([^";\s]+)"?\s*;', clause["body"]))
            parts = {"name": clause["name"], **words}
        else:
            raise ValueError("it is neither hmac-sha256:NAME:BASE64 nor a key as tsig-keygen writes it")
        algorithm = parts.get("algorithm", "").lower()
        if algorithm not in _ALGORITHMS:
            raise ValueError(f"its algorithm is none of {', '.join(sorted(_ALGORITHMS))}")
        try:
            secret = base64.b64decode(parts.get("secret", ""), validate=True)
        except binascii.Error:
            secret = b""
        if not secret:
            raise ValueError("its secret is no base64")
        return cls(parts["name"].rstrip("."), algorithm, secret)

    def line(self) -> str:
        """Write it as `read` takes it, with its secret."""
        return f"{self.algorithm}:{self.name}:{base64.b64encode(self.secret).decode()}"

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__


def ask(server: NameServer, name: str, kind: str, key: Key | None = None) -> Records:
    """Ask a server that keeps the zone for the records of a name; none is an answer too.

    With a key it is asked over TCP, as it is for changes: who may reach it for one may for the other.
    Raises Refused where it does not keep it or takes no such question, Unreachable where it does not answer.
    """
    answer = _asked(server, name, kind, key, recursive=False)
    if not answer.flags & dns.flags.AA:
        raise Refused(
            f"{server} does not keep the zone of {name}",
            why="its answers are not authoritative",
            remedy="name the zone's own server, not a resolver: environments.NAME.dns.server",
        )
    return _records(name, kind, answer.get_rrset(answer.answer, _name(name), dns.rdataclass.IN, _type(kind)))


def resolve(server: NameServer, name: str, kind: str) -> Records:
    """Ask a resolver, which follows aliases (RFC 1034, 4.3.2); no answer to be had is none, as for a visitor.

    Raises Refused or Unreachable as ask does.
    """
    answer = _asked(server, name, kind, None, recursive=True)
    try:
        return _records(name, kind, answer.resolve_chaining().answer)
    except dns.exception.DNSException:
        return Records(name, kind)


def update(server: NameServer, zone: str, changes: Sequence[Change], key: Key) -> None:
    """Make all changes in one message: the server makes all of them, or none (RFC 2136, 3.4.2.7).

    What each takes the place of must be as it was said to be (2.4). Raises Conflict where it is not, Refused
    where key or rights do not do, Unreachable where the server does not answer: the change may be made then.
    """
    message = dns.update.UpdateMessage(_name(zone), keyring=_tsig(key))
    for each in changes:
        before = each.before
        if before.values:
            message.present(_name(before.name), before.kind, *before.values)
        else:
            message.absent(_name(before.name), before.kind)
    real = [each for each in changes if each.before != each.after]
    for each in real:  # what goes first: no address may come beside an alias (RFC 1034, 3.6.2)
        if each.before.values:
            message.delete(_name(each.before.name), each.before.kind)
    for each in real:
        if each.after.values:
            message.add(_name(each.after.name), each.after.ttl, each.after.kind, *each.after.values)

    def send(number: str) -> dns.message.Message:
        return dns.query.tcp(message, number, timeout=UPDATE_PATIENCE, port=server.port)

    _judged(server, zone, _exchanged(server, send, tries=1))


def _asked(
    server: NameServer, name: str, kind: str, key: Key | None, *, recursive: bool
) -> dns.message.QueryMessage:
    flags = dns.flags.RD if recursive else 0
    question = dns.message.make_query(_name(name), kind, use_edns=0, payload=1232, flags=flags)
    if key:
        question.use_tsig(_tsig(key))

    def send(number: str) -> dns.message.Message:
        if key:
            return dns.query.tcp(question, number, timeout=PATIENCE, port=server.port)
        return dns.query.udp_with_fallback(question, number, timeout=PATIENCE, port=server.port)[0]

    answer = _exchanged(server, send, tries=TRIES)
    if answer.rcode() != dns.rcode.NXDOMAIN:
        _judged(server, name, answer)
    if not isinstance(answer, dns.message.QueryMessage):
        raise SeawayError(f"{server} answered something else than was asked", where=name)
    return answer


def _exchanged(
    server: NameServer, send: Callable[[str], dns.message.Message], tries: int
) -> dns.message.Message:
    """Send a message and take the answer, again where none came."""
    why = "no answer"
    try:
        number = str(socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[0][4][0])
        for _ in range(tries):
            try:
                return send(number)
            except dns.exception.Timeout:
                why = "no answer in time"
    except dns.tsig.PeerBadTime as error:
        raise _unsigned(
            server, "its clock and this machine's differ", "set the clock of this machine"
        ) from error
    except (dns.tsig.PeerError, dns.tsig.BadSignature, dns.message.UnknownTSIGKey) as error:
        remedy = "see that name, algorithm and secret are those of the server: environments.NAME.dns.key"
        raise _unsigned(server, "it does not know the key, or not for this", remedy) from error
    except dns.exception.FormError as error:  # an answer without a signature is one too
        raise Refused(
            f"{server} gives an answer that cannot be taken", why=str(error),
            remedy="see that it keeps the zone, and knows the key: environments.NAME.dns",
        ) from error  # fmt: skip
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", "") or str(error) or type(error).__name__
    except dns.exception.DNSException as error:
        why = f"its answer cannot be read: {error}"
    raise Unreachable(
        f"the server of names {server} does not answer", why=why, remedy="see that this machine reaches it"
    )


def _unsigned(server: NameServer, why: str, remedy: str) -> Refused:
    return Refused(f"{server} does not take the signature", why=why, remedy=remedy)


def _judged(server: NameServer, what: str, answer: dns.message.Message) -> None:
    """Raise for an answer that is a no (RFC 1035, 4.1.1; RFC 2136, 2.2)."""
    code, said = answer.rcode(), dns.rcode.to_text(answer.rcode())
    if code == dns.rcode.NOERROR:
        return
    if code in {dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN, dns.rcode.NXRRSET, dns.rcode.YXRRSET}:
        raise Conflict(
            f"somebody else changed {what} in between", where=str(server), why=said,
            remedy="look at it (seaway domain status) and run the command again",
        )  # fmt: skip
    if code in {dns.rcode.REFUSED, dns.rcode.NOTAUTH, dns.rcode.NOTIMP, dns.rcode.NOTZONE}:
        raise Refused(
            f"{server} refuses: {what}", why=said,
            remedy="see that it keeps the zone, and that the key may change it: environments.NAME.dns",
        )  # fmt: skip
    if code == dns.rcode.SERVFAIL:
        raise Unreachable(f"{server} cannot answer now: {what}", why=said, remedy="try again")
    raise SeawayError(f"{server} answered {said}", where=what)


def _records(name: str, kind: str, found: Any) -> Records:
    if not found:
        return Records(name, kind)
    return Records(name, kind, int(found.ttl), tuple(sorted(item.to_text() for item in found)))


def _name(text: str) -> dns.name.Name:
    try:
        return dns.name.from_text(f"{text.rstrip('.')}.")
    except dns.exception.DNSException as error:
        raise UsageError(f"{text!r} is no name in DNS", why=str(error)) from error


def _type(kind: str) -> dns.rdatatype.RdataType:
    return dns.rdatatype.from_text(kind)


def _tsig(key: Key) -> dns.tsig.Key:
    return dns.tsig.Key(_name(key.name), key.secret, key.algorithm)
