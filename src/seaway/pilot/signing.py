"""An ACME server (RFC 8555), by certbot's client library: accounts, orders, renewal information.

What goes wrong is a value, a Failure: what follows from it is decided elsewhere. Nothing here waits long once
`stop` is set, since a pilot that is told to end has seconds.
"""

from __future__ import annotations

import ssl
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import josepy
import requests
from acme import challenges, crypto_util, errors, messages
from acme.client import ClientNetwork, ClientV2
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwa import ES256
from josepy.jwk import JWK
from requests.adapters import HTTPAdapter

from seaway.model.secret import Secret
from seaway.ports.certificates import Issued
from seaway.rooms.acme.challenge import Exhibit
from seaway.rooms.acme.life import DAY, Failure, Kind

#: Seconds that the server has for an answer, and for looking at the proof or for signing.
PATIENCE: Final = 10
LOOKING: Final = 120.0
#: How often a request is sent again whose nonce the server no longer takes (RFC 8555, 6.5).
NONCES: Final = 10
AGENT: Final = "seaway-pilot"
#: Errors of the server (RFC 8555, 6.7) that do not say no.
KINDS: Final[Mapping[str, Kind]] = {
    "rateLimited": Kind.LIMITED,
    "serverInternal": Kind.AWAY,
    "badNonce": Kind.AWAY,
}
#: Shows proofs where they belong; gives why that could not be done, or nothing.
Show = Callable[[Sequence[Exhibit]], str]


@dataclass(frozen=True)
class Suggestion:
    """When the server suggests to renew, if it does, and how long that holds, if it says (RFC 9773, 4)."""

    window: tuple[datetime, datetime] | None
    again: timedelta | None


def new_key() -> Secret:
    """Make a private key (P-256), in PEM."""
    made = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    pem = made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return Secret(pem.decode())


@dataclass(frozen=True)
class Asking:
    """What an order needs beside the names: the directory, who vouches for it (PEM), and the account.

    Proofs are `by_record` of a zone (DNS-01), or answers of the name's own server (HTTP-01).
    """

    directory: str
    ca: str
    account: Secret
    email: str = ""
    by_record: bool = False


def order(asking: Asking, names: Sequence[str], show: Show, stop: threading.Event) -> Issued | Failure:
    """Order one certificate for the names; gives it with its key, or why there is none."""
    net = _Network(asking.account, asking.ca)
    try:
        client = ClientV2(ClientV2.get_directory(asking.directory, net), net)
        _register(client, asking.email)
        key = new_key()
        ordered = client.new_order(crypto_util.make_csr(key.reveal().encode(), list(names)))
        wanted = challenges.DNS01 if asking.by_record else challenges.HTTP01
        _prove(client, ordered.authorizations, wanted, show, stop)
        chain = _finalized(client, ordered, stop)
        return Issued(chain, key, x509.load_pem_x509_certificate(chain.encode()).not_valid_after_utc)
    except _FailedError as error:
        return error.failure
    except KNOWN as error:
        return _failure(error, net.again)
    finally:
        net.session.close()


def suggestion(directory: str, ca: str, chain: str) -> Suggestion | Failure:
    """Ask when the certificate shall be renewed; a server without such information suggests nothing."""
    net = _Network(None, ca)
    try:
        base = ClientV2.get_directory(directory, net).to_partial_json().get("renewalInfo")
        if not base:
            return Suggestion(None, DAY)
        found = net.get(f"{base}/{certificate_id(chain)}").json()["suggestedWindow"]
        start, end = (datetime.fromisoformat(found[key]) for key in ("start", "end"))
        now = datetime.now(UTC)
        return Suggestion(
            (start.astimezone(UTC), end.astimezone(UTC)), net.again - now if net.again else None
        )
    except KNOWN as error:
        return _failure(error, net.again)
    finally:
        net.session.close()


def certificate_id(chain: str) -> str:
    """Name the first certificate of a chain (PEM) as renewal information does (RFC 9773, 4.1).

    Raises ValueError where it does not say which key signed it.
    """
    first = x509.load_pem_x509_certificates(chain.encode())[0]
    try:
        signer = first.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound as error:
        raise ValueError("it names no key of its signer") from error
    # DER: the least bytes in which the number is not negative (ITU-T X.690, 8.3).
    number = first.serial_number.to_bytes(first.serial_number.bit_length() // 8 + 1)
    return f"{_base64url(signer or b'')}.{_base64url(number)}"


class _FailedError(Exception):
    """An order that came to nothing."""

    def __init__(self, kind: Kind, why: str, again: datetime | None = None) -> None:
        super().__init__(why)
        self.failure = Failure(kind, why, datetime.now(UTC), again)


#: What the library raises where a server is away, is broken, or says no; ValueError where nobody listens.
KNOWN: Final = (errors.Error, josepy.errors.Error, requests.RequestException, ValueError, KeyError, TypeError)


class _Trust(HTTPAdapter):
    """Trusts an authority (PEM) beside the public ones; the file system of a pod is read-only."""

    def __init__(self, ca: str) -> None:
        self._context = ssl.create_default_context()
        self._context.load_verify_locations(cadata=ca)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)


class _Network(ClientNetwork):
    """The library's own, with patience for nonces; `again` is when the last answer wants another request."""

    def __init__(self, account: Secret | None, ca: str) -> None:
        key = JWK.load(account.reveal().encode()) if account else None
        super().__init__(key, alg=ES256, user_agent=AGENT, timeout=PATIENCE)
        self.again: datetime | None = None
        self.session.trust_env = False
        self.session.hooks["response"].append(self._hear)
        if ca:
            self.session.mount("https://", _Trust(ca))

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        for _ in range(NONCES):
            try:
                return super().post(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return super().post(*args, **kwargs)

    def _hear(self, answer: requests.Response, **_: Any) -> None:
        self.again = _later(answer.headers.get("Retry-After", ""))


def _register(client: ClientV2, email: str) -> None:
    """Make the account of this key, or find it: the server knows accounts by their keys (RFC 8555, 7.3.1)."""
    wish = messages.NewRegistration.from_data(email=email or None, terms_of_service_agreed=True)
    try:
        client.new_account(wish)
    except errors.ConflictError as found:
        client.net.account = messages.RegistrationResource(uri=found.location, body=messages.Registration())


def _prove(
    client: ClientV2,
    authorizations: Sequence[messages.AuthorizationResource],
    wanted: type[challenges.KeyAuthorizationChallenge],
    show: Show,
    stop: threading.Event,
) -> None:
    """Show the server that the names are ours, all at once; it has seen some of that lately."""
    asked = [each for each in authorizations if each.body.status != messages.STATUS_VALID]
    offers = [_offer(each, wanted) for each in asked]
    proofs = [_exhibit(client, each, offer) for each, offer in zip(asked, offers, strict=True)]
    if proofs and (why := show(proofs)):
        raise _FailedError(Kind.HERE, why)
    for offer in offers:
        client.answer_challenge(offer, offer.chall.response(client.net.key))
    for each in asked:
        _await_look(client, each, stop)


def _offer(
    authorization: messages.AuthorizationResource, wanted: type[challenges.KeyAuthorizationChallenge]
) -> messages.ChallengeBody:
    for each in authorization.body.challenges:
        if isinstance(each.chall, wanted):
            return each
    name = authorization.body.identifier.value
    raise _FailedError(Kind.REFUSED, f"the server does not offer {wanted.typ} for {name}")


def _exhibit(
    client: ClientV2, authorization: messages.AuthorizationResource, offer: messages.ChallengeBody
) -> Exhibit:
    name, asked = authorization.body.identifier.value, offer.chall
    by_record = isinstance(asked, challenges.DNS01)
    place = asked.validation_domain_name(name) if by_record else asked.path
    return Exhibit(name, place, asked.validation(client.net.key))


def _await_look(
    client: ClientV2, authorization: messages.AuthorizationResource, stop: threading.Event
) -> None:
    """Wait until the server has seen a proof."""
    for _ in _rounds(stop, "the server did not look at the proof"):
        seen, _ = client.poll(authorization)
        if seen.body.status == messages.STATUS_VALID:
            return
        if seen.body.status != messages.STATUS_PENDING:
            said = [c.error for c in seen.body.challenges if c.error is not None]
            why = _text(said[0]) if said else "the server did not say why"
            raise _FailedError(Kind.REFUSED, f"{authorization.body.identifier.value}: {why}")


def _finalized(client: ClientV2, ordered: messages.OrderResource, stop: threading.Event) -> str:
    """Have it signed; gives the chain in PEM."""
    try:
        ordered = client.begin_finalization(ordered)
    except messages.Error as error:
        if error.code != "orderNotReady":
            raise
    for _ in _rounds(stop, "the server did not sign"):
        try:
            until = datetime.now() + timedelta(seconds=3)  # noqa: DTZ005  (as the library compares it)
            return str(client.poll_finalization(ordered, until).fullchain_pem)
        except errors.TimeoutError:
            continue
    raise AssertionError


def _rounds(stop: threading.Event, why: str) -> Iterator[None]:
    """Go round once a second for as long as the server may take."""
    ends = time.monotonic() + LOOKING
    while time.monotonic() < ends:
        yield
        if stop.wait(1.0):
            raise _FailedError(Kind.HERE, "the pilot was told to stop in between")
    raise _FailedError(Kind.AWAY, f"{why} within {LOOKING:.0f} s")


def _failure(error: Exception, again: datetime | None) -> Failure:
    """Say what an error of the library means: the server was away, was asked too often, or said no."""
    said = error.error if isinstance(error, errors.IssuanceError) else error
    if not isinstance(said, messages.Error):
        return Failure(Kind.AWAY, _reason(said), datetime.now(UTC), again)
    kind = KINDS.get(said.code or "", Kind.REFUSED if messages.is_acme_error(said) else Kind.AWAY)
    return Failure(kind, _text(said), datetime.now(UTC), again)


def _text(error: messages.Error) -> str:
    """Give what the server says for people, and of the parts of a name where it tells them apart."""
    parts = [error, *(error.subproblems or ())]
    return "; ".join(f"{p.code or p.typ}: {p.detail or p.title or 'no detail'}" for p in parts)


def _reason(error: Exception) -> str:
    """Say in one line why there was no answer that could be read."""
    if isinstance(error, errors.ClientError) and error.args and isinstance(error.args[0], requests.Response):
        return f"the server answered {error.args[0].status_code}"
    return f"the server did not answer: {error or type(error).__name__}".splitlines()[0]


def _later(text: str) -> datetime | None:
    """Read Retry-After: seconds, or a moment (RFC 9110, 10.2.3)."""
    if text.isdigit():
        return datetime.now(UTC) + timedelta(seconds=min(int(text), 10**7))
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None


def _base64url(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
