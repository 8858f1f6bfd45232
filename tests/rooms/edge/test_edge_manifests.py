"""What the edge is in the cluster, and what can be seen of it."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from seaway.model.manifests import stamp
from seaway.model.snapshot import Live, MonolithFacts, Snapshot
from seaway.rooms.edge.controller import identity
from seaway.rooms.edge.facts import address_of, certificate_of, look_at_monolith
from seaway.rooms.edge.monolith import authority
from seaway.rooms.edge.plan import EdgeWish, desired
from seaway.rooms.edge.plan import plan as plan_edge
from seaway.rooms.edge.spec import EdgeSpec, MonolithSpec
from tests.rooms import golden

CLOSED = "http://127.0.0.1:1"
CASES = golden.cases(Path(__file__).parent / "cases")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.stem)
def test_the_edge_becomes_these_objects(case: Path) -> None:
    given = golden.given(case)
    spec = EdgeSpec.model_validate(given.pop("edge", {}))
    facts = MonolithFacts(**given.pop("facts")) if "facts" in given else None
    monolith = MonolithSpec.model_validate(given.pop("monolith"))
    wish = EdgeWish("shop", "shop.localhost", "seaway", spec=spec, monolith=monolith, **given)
    golden.hold(case, [item.manifest for item in desired(wish, facts)])


def test_another_image_is_another_installation() -> None:
    first = identity("gateway-helm-v1.9.0", {"images/envoy-gateway": "a"})
    assert first != identity("gateway-helm-v1.9.0", {"images/envoy-gateway": "b"})
    assert identity("gateway-helm-v1.9.0", {}) == ""


def test_a_gateway_has_an_address_once_its_newest_form_is_programmed() -> None:
    condition = {"type": "Programmed", "status": "True", "observedGeneration": 2}
    status = {"addresses": [{"value": "10.0.0.1"}], "conditions": [condition]}
    assert address_of({"metadata": {"generation": 2}, "status": status}) == "10.0.0.1"
    assert address_of({"metadata": {"generation": 3}, "status": status}) == ""
    assert address_of(None) == ""


def test_a_certificate_is_known_by_its_annotations() -> None:
    until = datetime(2027, 1, 1, tzinfo=UTC)
    notes = {"seaway.dev/domain": "a b", "seaway.dev/not-after": until.isoformat()}
    notes |= {"seaway.dev/authority": "f"}
    found = certificate_of({"metadata": {"annotations": notes}})
    assert found is not None
    assert (found.names, found.until, found.issuer) == (("a", "b"), until, "f")
    assert certificate_of({"metadata": {}}) is None


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/sound": 200, "/odd": 404, "/sick": 503}[self.path])
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("path", "answers"), [("/sound", True), ("/odd", True), ("/sick", False)])
def test_a_monolith_answers_below_500(path: str, answers: bool) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        facts = look_at_monolith(MonolithSpec(address=f"http://127.0.0.1:{server.server_port}", health=path))
    finally:
        server.shutdown()
        server.server_close()
    assert (facts.answers, facts.loopback, facts.port) == (answers, True, server.server_port)


def test_a_monolith_that_is_not_there_is_told_with_its_reason() -> None:
    facts = look_at_monolith(MonolithSpec(address=CLOSED))
    assert not facts.answers
    assert "127.0.0.1:1" in facts.why


def test_a_monolith_over_tls_is_held_to_its_name_and_its_authority(tmp_path: Path) -> None:
    issued, authority = _certificate(tmp_path, "legacy.internal")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued)
    server = HTTPServer(("127.0.0.1", 0), _Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()

    def look(**more: str) -> MonolithFacts:
        address = f"https://127.0.0.1:{server.server_port}"
        return look_at_monolith(MonolithSpec.model_validate({"address": address, "health": "/sound", **more}))

    try:
        right = look(ca=str(authority), name="legacy.internal")
        other = look(ca=str(authority), name="other.internal")
        public = look(name="legacy.internal")
    finally:
        server.shutdown()
        server.server_close()
    assert (right.answers, right.authority) == (True, authority.read_text())
    assert not other.answers
    assert "other.internal" in other.why
    assert not public.answers
    lost = look(ca=str(tmp_path / "lost.pem"))
    assert "lost.pem: No such file" in lost.why


def test_an_authority_is_handed_over_once() -> None:
    spec = MonolithSpec(address="https://legacy.internal:8443", ca="x")
    wish = EdgeWish("shop", "shop.localhost", "seaway", 80, 443, EdgeSpec(), spec)
    facts = MonolithFacts("legacy.internal", 8443, False, ("10.1.2.3",), True, authority="PEM")
    seen = Snapshot("test", datetime.now(UTC), monolith=facts)
    secret = stamp(authority("shop", "PEM"))
    assert "edge/monolith/authority" in {step.id for step in plan_edge(wish, seen, {})}
    known = replace(seen, live=Live.of([secret]))
    assert "edge/monolith/authority" not in {step.id for step in plan_edge(wish, known, {})}
    renewed = replace(known, monolith=replace(facts, authority="NEW"))
    assert "edge/monolith/authority" in {step.id for step in plan_edge(wish, renewed, {})}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"address": "http://a:1", "also": "http://b:2"}, "differs"),
        ({"address": "http://a:1", "also": ["https://b:1"]}, "differs"),
        ({"address": "http://a:1", "also": ["http://10.0.0.1:1"]}, "numbers"),
        ({"address": "http://a:1", "ca": "./x.pem"}, "https only"),
    ],
)
def test_a_monolith_that_contradicts_itself_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        MonolithSpec.model_validate(given)


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make an authority and a certificate of it for a name; gives the files of both."""
    now, keys = datetime.now(UTC), [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])

    def made(subject: x509.Name, key: int, extension: Any) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(keys[key].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(extension, critical=False)
        )
        return builder.sign(keys[0], hashes.SHA256())

    top = made(authority, 0, x509.BasicConstraints(ca=True, path_length=None))
    leaf = made(x509.Name([]), 1, x509.SubjectAlternativeName([x509.DNSName(name)]))
    private = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files = folder / "leaf.pem", folder / "authority.pem"
    files[0].write_bytes(private + leaf.public_bytes(Encoding.PEM))
    files[1].write_bytes(top.public_bytes(Encoding.PEM))
    return files
