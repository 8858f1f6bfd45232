"""What a login at the edge is in the cluster, and what an issuer says of itself."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from seaway.model.snapshot import IssuerFacts
from seaway.providers.local.ca import LocalCertificates
from seaway.rooms.edge.facts import accepted, look_at_issuer, verdicts
from seaway.rooms.edge.login import LoginWish
from seaway.rooms.edge.plan import EdgeWish, desired
from seaway.rooms.edge.spec import EdgeSpec, MonolithSpec
from tests.rooms import golden

CASES = golden.cases(Path(__file__).parent / "logins")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.stem)
def test_a_login_becomes_these_objects(case: Path) -> None:
    given = golden.given(case)
    words: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given["wish"].items()}
    monolith = MonolithSpec(address="http://127.0.0.1:9000")
    wish = EdgeWish(
        "shop", "shop.localhost", "seaway", 80, 443, EdgeSpec(), monolith,
        closed=tuple(given["closed"]), login=LoginWish(**words),
    )  # fmt: skip
    found = desired(wish, None, IssuerFacts(**given["issuer"]))
    golden.hold(case, [each.manifest for each in found if each.id.startswith("edge/login/")])


@contextmanager
def issuer(folder: Path, **says: Any) -> Iterator[tuple[str, str]]:
    """A server on loopback that says this of itself; gives its URL, and the file of its authority."""

    class Says(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/.well-known/openid-configuration" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            pass

    authority = LocalCertificates(folder / "ca")
    authority.serve(folder, "issuer", ["localhost"], ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "issuer.crt", folder / "issuer.key")
    with HTTPServer(("127.0.0.1", 0), Says) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = f"https://localhost:{server.server_port}"
        ends = {"authorization_endpoint": f"{url}/auth", "token_endpoint": f"{url}/token"}
        told = {key: value for key, value in {"issuer": url, **ends, **says}.items() if value}
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield url, authority.authority_path()
        server.shutdown()


def test_an_issuer_says_where_visitors_log_in(tmp_path: Path) -> None:
    with issuer(tmp_path, end_session_endpoint="https://localhost/out") as (url, ca):
        found = look_at_issuer(url, ca)
    assert (found.authorize, found.token, found.leave) == (
        f"{url}/auth",
        f"{url}/token",
        "https://localhost/out",
    )
    assert (found.why, found.private, found.authority) == ("", True, Path(ca).read_text())


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ({"issuer": "https://evil.example.com"}, "it calls itself https://evil.example.com"),
        ({"token_endpoint": None}, "names no endpoints"),
        ({"token_endpoint": "http://localhost/token"}, "in the clear"),
    ],
)
def test_an_issuer_that_is_not_what_it_should_be_is_not_used(
    tmp_path: Path, says: dict[str, Any], why: str
) -> None:
    with issuer(tmp_path, **says) as (url, ca):
        found = look_at_issuer(url, ca)
    assert why in found.why
    assert found.token == ""


def test_an_issuer_that_nobody_vouches_for_or_that_is_away_is_told(tmp_path: Path) -> None:
    with issuer(tmp_path) as (url, ca):
        assert "CERTIFICATE_VERIFY_FAILED" in look_at_issuer(url, "").why
    assert "onnect" in look_at_issuer(url, ca).why
    assert "No such file" in look_at_issuer(url, str(tmp_path / "none")).why


def test_a_policy_is_taken_up_in_its_newest_form_on_all_routes() -> None:
    def policy(*verdict: tuple[str, int]) -> dict[str, Any]:
        told = [{"type": "Accepted", "status": s, "observedGeneration": n} for s, n in verdict]
        return {"metadata": {"generation": 2}, "status": {"ancestors": [{"conditions": [c]} for c in told]}}

    assert accepted(policy(("True", 2), ("True", 2)))
    assert not accepted(policy(("True", 2), ("False", 2)))
    assert not accepted(policy(("True", 1)))
    assert not accepted(None)
    assert verdicts({"metadata": {"generation": 1}}) == []
