"""The client of ACME against the real Pebble, which refuses nonces at random, and servers that are broken."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from acme import errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from scripts.benchmark.pebble import Pebble, pebble
from seaway.model.secret import Secret
from seaway.pilot import signing
from seaway.pilot.signing import Asking, Suggestion, new_key, order, suggestion
from seaway.ports.certificates import Issued
from seaway.rooms.acme.challenge import Exhibit
from seaway.rooms.acme.life import Failure, Kind, Life, Order, failed, passed, settled, turn
from seaway.rooms.acme.wish import Wish

DOMAIN = "shop.example.com"
NOBODY = "https://127.0.0.1:1/dir"
#: The key of the signer and the number of the example in RFC 9773, 4.1, and how it names the certificate.
SIGNER, NUMBER = bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4"), 0x87654321
NAMED = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def example(number: int = NUMBER, *extensions: x509.ExtensionType) -> str:
    """A certificate in PEM that was signed by a key of this name."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), number)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    for each in extensions:
        builder = builder.add_extension(each, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def signed_by(signer: bytes) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier(signer, None, None)


@dataclass
class Visitable:
    """What a visitor of the domain is shown: the proofs, or what a test puts in their place."""

    port: int = 0
    proofs: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def show(self, exhibits: Sequence[Exhibit]) -> str:
        self.proofs |= {each.place: each.proof for each in exhibits}
        return ""

    def show_another(self, exhibits: Sequence[Exhibit]) -> str:
        return self.show([replace(each, proof=f"not-{each.proof}") for each in exhibits])


@contextmanager
def visitable() -> Iterator[Visitable]:
    shown = Visitable()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.asked.append(self.path)
            proof = shown.proofs.get(self.path)
            self.send_response(200 if proof else 404)
            self.end_headers()
            self.wfile.write((proof or "").encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        shown.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield shown
        server.shutdown()


@pytest.fixture(scope="module")
def shown() -> Iterator[Visitable]:
    with visitable() as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shown: Visitable) -> Iterator[Pebble]:
    with pebble(tmp_path_factory.mktemp("pebble"), shown.port) as found:
        yield found


@pytest.fixture(scope="module")
def asking(server: Pebble) -> Asking:
    return Asking(server.directory, server.ca, new_key(), "ops@example.com")


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.mark.cluster
def test_a_pair_is_signed_and_the_server_says_when_to_renew_it(
    asking: Asking, shown: Visitable, stop: threading.Event
) -> None:
    got = order(asking, [DOMAIN], shown.show, stop)
    assert isinstance(got, Issued), got
    first, *others = x509.load_pem_x509_certificates(got.chain.encode())
    key = load_pem_private_key(got.key.reveal().encode(), None)
    assert key.public_key() == first.public_key()
    assert others
    names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [DOMAIN]
    assert got.until == first.not_valid_after_utc
    said = suggestion(asking.directory, asking.ca, got.chain)
    assert isinstance(said, Suggestion), said
    assert said.window
    assert first.not_valid_before_utc < said.window[0] < said.window[1] < got.until
    assert said.again is None or said.again > timedelta()


@pytest.mark.cluster
def test_of_several_names_each_is_proved_and_the_one_that_is_not_is_told(
    asking: Asking, shown: Visitable, stop: threading.Event
) -> None:
    names = [DOMAIN, f"www.{DOMAIN}", "shop.example.org"]

    def all_but_one(exhibits: Sequence[Exhibit]) -> str:
        shown.show([each for each in exhibits if each.name != names[1]])
        return ""

    got = order(asking, names, all_but_one, stop)
    assert isinstance(got, Failure)
    assert got.why.startswith(f"{names[1]}: unauthorized: ")
    got = order(asking, names, shown.show, stop)
    assert isinstance(got, Issued), got
    first = x509.load_pem_x509_certificate(got.chain.encode())
    found = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(found.get_values_for_type(x509.DNSName)) == sorted(names)


@pytest.mark.cluster
def test_the_key_of_an_account_that_was_lost_is_made_anew_and_nothing_else(
    asking: Asking, shown: Visitable, stop: threading.Event
) -> None:
    """Every other test asks with one key: the server finds its account by that."""
    another = replace(asking, account=new_key(), email="")
    assert isinstance(order(another, [DOMAIN], shown.show, stop), Issued)


@pytest.mark.cluster
def test_a_proof_that_is_wrong_is_refused_with_the_reason_and_the_next_try_ends_well(
    asking: Asking, shown: Visitable, stop: threading.Event
) -> None:
    wish = Wish(DOMAIN, asking.directory, email=asking.email, ca=asking.ca)
    got = order(asking, [DOMAIN], shown.show_another, stop)
    assert isinstance(got, Failure)
    assert got.kind is Kind.REFUSED
    assert got.why.startswith(f"{DOMAIN}: unauthorized: ")
    life = failed(settled(Life(), wish), got)
    assert life.not_before
    assert isinstance(turn(life, wish, None, life.not_before), Order)
    again = order(asking, [DOMAIN], shown.show, stop)
    assert isinstance(again, Issued)
    assert passed(life, NOW, rehearsal=False).failures == 0


@pytest.mark.cluster
def test_a_server_is_not_asked_to_look_at_what_is_not_shown(
    asking: Asking, shown: Visitable, stop: threading.Event
) -> None:
    before = len(shown.asked)
    got = order(asking, [DOMAIN], lambda *_: "no proxy runs", stop)
    assert isinstance(got, Failure)
    assert (got.kind, got.why) == (Kind.HERE, "no proxy runs")
    assert len(shown.asked) == before


@pytest.mark.cluster
def test_a_name_that_the_server_does_not_sign_for_is_refused(
    asking: Asking, shown: Visitable, stop: threading.Event
) -> None:
    got = order(asking, ["bad_name.example.com"], shown.show, stop)
    assert isinstance(got, Failure)
    assert got.kind is Kind.REFUSED


@pytest.mark.cluster
def test_a_pilot_that_ends_does_not_wait_for_the_server(asking: Asking, shown: Visitable) -> None:
    stop = threading.Event()

    def show(exhibits: Sequence[Exhibit]) -> str:
        stop.set()
        return shown.show(exhibits)

    got = order(asking, [DOMAIN], show, stop)
    assert isinstance(got, (Failure, Issued))
    if isinstance(got, Failure):
        assert got.why == "the pilot was told to stop in between"


@pytest.mark.cluster
def test_a_server_that_nobody_vouches_for_is_away(
    asking: Asking, shown: Visitable, stop: threading.Event
) -> None:
    got = order(replace(asking, ca=""), [DOMAIN], shown.show, stop)
    assert isinstance(got, Failure)
    assert got.kind is Kind.AWAY
    assert "CERTIFICATE_VERIFY_FAILED" in got.why


@pytest.mark.cluster
def test_a_directory_that_is_none_is_away(asking: Asking, shown: Visitable, stop: threading.Event) -> None:
    wrong = replace(asking, directory=asking.directory.replace("/dir", "/nowhere"))
    got = order(wrong, [DOMAIN], shown.show, stop)
    assert isinstance(got, Failure)
    assert (got.kind, got.why) == (Kind.AWAY, "the server answered 404")


def test_a_server_that_is_away_is_a_failure_in_one_line(stop: threading.Event) -> None:
    got = order(Asking(NOBODY, "", new_key()), [DOMAIN], lambda *_: "", stop)
    assert isinstance(got, Failure)
    assert got.kind is Kind.AWAY
    assert "\n" not in got.why
    assert "127.0.0.1" in got.why
    said = suggestion(NOBODY, "", example(NUMBER, signed_by(SIGNER)))
    assert isinstance(said, Failure)


def test_a_certificate_is_named_as_the_standard_does() -> None:
    assert signing.certificate_id(example(NUMBER, signed_by(SIGNER))) == NAMED
    assert signing.certificate_id(example(0x7F, signed_by(SIGNER))).endswith(".fw")
    with pytest.raises(ValueError, match="no key of its signer"):
        signing.certificate_id(example())


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("rateLimited", Kind.LIMITED),
        ("serverInternal", Kind.AWAY),
        ("badNonce", Kind.AWAY),
        ("caa", Kind.REFUSED),
        ("rejectedIdentifier", Kind.REFUSED),
        ("externalAccountRequired", Kind.REFUSED),
    ],
)
def test_errors_of_a_server_say_when_to_try_again(code: str, kind: Kind) -> None:
    error = messages.Error.from_json({"type": f"urn:ietf:params:acme:error:{code}", "detail": "so it is"})
    for each in (error, errors.IssuanceError(error)):
        found = signing._failure(each, NOW)
        assert (found.kind, found.why, found.again) == (kind, f"{code}: so it is", NOW)
    broken = messages.Error.from_json({"title": "Bad Gateway"})
    assert signing._failure(broken, None).kind is Kind.AWAY


def test_parts_of_a_refusal_are_told_apart() -> None:
    part = {"type": "urn:ietf:params:acme:error:caa", "detail": "CAA forbids"}
    error = messages.Error.from_json(
        {"type": "urn:ietf:params:acme:error:compound", "detail": "see", "subproblems": [part]}
    )
    assert signing._failure(error, None).why == "compound: see; caa: CAA forbids"


def test_when_to_come_again_is_read_in_both_forms() -> None:
    soon = signing._later("120")
    assert soon
    assert timedelta(seconds=110) < soon - datetime.now(UTC) < timedelta(seconds=121)
    assert signing._later("Wed, 21 Oct 2026 07:28:00 GMT") == datetime(2026, 10, 21, 7, 28, tzinfo=UTC)
    assert signing._later("") is None
    assert signing._later("soon") is None


def test_an_answer_without_a_reason_is_told_by_its_status() -> None:
    answer = requests.Response()
    answer.status_code = 502
    assert signing._failure(errors.ClientError(answer), None).why == "the server answered 502"


def test_keys_do_not_show_themselves() -> None:
    key = new_key()
    assert isinstance(key, Secret)
    assert "PRIVATE" not in f"{Asking(NOBODY, '', key)!r}"
