"""Retries, errors that teach, and how registries let one in; each against a real server."""

from __future__ import annotations

import base64
import json
import math
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx2
import pytest

from seaway.errors import SeawayError, Unreachable
from seaway.kit.docker_config import Login
from seaway.kit.http import Http, raw
from seaway.kit.registry_auth import RegistryAuth

ME = Login("me", "pass")


class Handler(BaseHTTPRequestHandler):
    """Gives what `answers` holds, the last one for ever; keeps what it was asked.

    So many bytes of a body as `lacking` says are announced and never come.
    """

    protocol_version = "HTTP/1.1"
    answers: ClassVar[list[tuple[int, dict[str, str], bytes]]] = []
    asked: ClassVar[list[tuple[str, str, str]]] = []
    bodies: ClassVar[list[bytes]] = []
    lacking: ClassVar[int] = 0

    def do_PUT(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.do_GET()

    do_POST = do_PUT  # noqa: N815  (as http.server calls it)

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
        answers = type(self).answers
        status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value.replace("HOST", self.headers["Host"]))
        self.send_header("Content-Length", str(len(body) + self.lacking))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection |= self.lacking > 0

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def base() -> Iterator[str]:
    Handler.answers, Handler.asked, Handler.bodies, Handler.lacking = [], [], [], 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_passing_fault_is_tried_again(base: str) -> None:
    Handler.answers = [(503, {}, b""), (500, {}, b""), (200, {}, b"at last")]
    with Http(base) as http:
        assert http.request("GET", "/").text == "at last"
    assert len(Handler.asked) == 3


def test_a_lasting_fault_is_not(base: str) -> None:
    Handler.answers = [(403, {}, b"you may not")]
    with Http(base) as http, pytest.raises(SeawayError, match="403") as caught:
        http.request("GET", "/secret")
    assert len(Handler.asked) == 1
    assert caught.value.why == "you may not"
    assert not caught.value.retryable


def test_a_server_that_stays_broken_is_unreachable(base: str) -> None:
    Handler.answers = [(502, {}, b"")]
    with Http(base, attempts=2) as http, pytest.raises(Unreachable, match="502"):
        http.request("GET", "/")
    assert len(Handler.asked) == 2


def test_nobody_there_names_the_remedy() -> None:
    nobody = Http("http://127.0.0.1:9", attempts=1, remedy="start it")
    with nobody, pytest.raises(Unreachable, match="does not answer") as caught:
        nobody.request("GET", "/")
    assert caught.value.remedy == "start it"


def test_a_bearer_token_is_fetched_once(base: str) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://HOST/token",service="r",scope="repository:a:pull"'}
    Handler.answers = [
        (401, challenge, b""),
        (200, {}, json.dumps({"token": "t"}).encode()),
        (200, {}, b"ok"),
    ]
    with Http(base, auth=RegistryAuth(base, lambda: ME)) as http:
        assert http.request("GET", "/v2/a/manifests/x").text == "ok"
        assert http.request("GET", "/v2/a/blobs/y").text == "ok"
    basic = "Basic " + base64.b64encode(b"me:pass").decode()
    assert [auth for _, _, auth in Handler.asked] == ["", basic, "Bearer t", "Bearer t"]
    assert Handler.asked[1][1] == "/token?service=r&scope=repository%3Aa%3Apull"


def test_a_body_is_streamed_also_where_credentials_are_asked_for(base: str) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://HOST/token"'}
    Handler.answers = [(401, challenge, b""), (200, {}, b'{"token": "t"}'), (200, {}, b"a layer")]
    with Http(base, auth=RegistryAuth(base, lambda: None)) as http, http.open("/v2/a/blobs/x") as answer:
        assert b"".join(answer.iter_raw()) == b"a layer"


def test_an_upload_whose_token_has_ended_is_sent_again(base: str) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://HOST/token"'}
    Handler.answers = [(401, challenge, b""), (200, {}, b'{"token": "new"}'), (201, {}, b"")]
    with Http(base, auth=RegistryAuth(base, lambda: None)) as http:
        http.request(
            "PUT",
            "/v2/a/blobs/x",
            ok=(201,),
            body=lambda: iter([b"a ", b"layer"]),
            headers={"Content-Length": "7"},
        )
    assert Handler.bodies == [b"a layer", b"a layer"]


def test_credentials_stay_with_the_registry_that_redirects(base: str) -> None:
    port = base.rpartition(":")[2]
    elsewhere = f"http://localhost:{port}/blob"
    Handler.answers = [
        (307, {"Location": elsewhere}, b""),
        (401, {"WWW-Authenticate": f'Bearer realm="http://localhost:{port}/token"'}, b""),
        (200, {}, b'{"token": "t"}'),
    ]
    with Http(base, auth=RegistryAuth(base, lambda: ME)) as http, pytest.raises(SeawayError, match="401"):
        http.request("GET", "/v2/a/blobs/x")
    assert [path for _, path, _ in Handler.asked] == ["/v2/a/blobs/x", "/blob"]
    assert {auth for _, _, auth in Handler.asked} == {""}


def test_a_registry_over_tls_gets_no_token_in_the_clear() -> None:
    flow = RegistryAuth("https://r.example.com:443", lambda: ME).auth_flow(
        httpx2.Request("GET", "https://r.example.com/v2/a/manifests/x")
    )
    asked = next(flow)
    told = {"WWW-Authenticate": 'Bearer realm="http://r.example.com/token"'}
    with pytest.raises(StopIteration):
        flow.send(httpx2.Response(401, headers=told, request=asked))


def test_an_identity_token_is_traded_for_one_of_the_registry(base: str) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://HOST/token",service="r",scope="repository:a:pull"'}
    Handler.answers = [(401, challenge, b""), (200, {}, b'{"access_token": "t"}'), (200, {}, b"ok")]
    with Http(base, auth=RegistryAuth(base, lambda: Login("<token>", token="refresh"))) as http:
        assert http.request("GET", "/v2/a/manifests/x").text == "ok"
    assert [(how, path, auth) for how, path, auth in Handler.asked][1:] == [
        ("POST", "/token", ""),
        ("GET", "/v2/a/manifests/x", "Bearer t"),
    ]
    (form,) = Handler.bodies
    assert b"grant_type=refresh_token" in form
    assert b"refresh_token=refresh" in form


def test_basic_credentials_are_sent_where_asked_for(base: str) -> None:
    Handler.answers = [(401, {"WWW-Authenticate": "Basic realm=x"}, b""), (200, {}, b"ok")]
    with Http(base, auth=RegistryAuth(base, lambda: ME)) as http:
        assert http.request("GET", "/v2/a/manifests/x").text == "ok"


def test_a_password_that_was_asked_for_once_is_good_for_every_repository(base: str) -> None:
    Handler.answers = [(401, {"WWW-Authenticate": "Basic realm=x"}, b""), (200, {}, b"ok")]
    with Http(base, auth=RegistryAuth(base, lambda: ME)) as http:
        for name in "abc":
            http.request("GET", f"/v2/{name}/manifests/x")
    assert [shown for _, _, shown in Handler.asked] == ["", *3 * [ME.basic]]


def test_without_credentials_the_refusal_is_shown(base: str) -> None:
    Handler.answers = [(401, {"WWW-Authenticate": "Basic realm=x"}, b"")]
    with Http(base, auth=RegistryAuth(base, lambda: None)) as http, pytest.raises(SeawayError, match="401"):
        http.request("GET", "/v2/a/manifests/x")


@pytest.mark.parametrize("size", [0, 1000, 5 << 20])
def test_a_body_is_given_whole_and_the_next_one_too(base: str, size: int) -> None:
    body = os.urandom(size)
    Handler.answers = [(200, {}, body)]
    with Http(base) as http:
        for _ in range(2):
            with http.open("/") as answer:
                assert b"".join(raw(answer)) == body
        assert http.request("GET", "/").content == body


@pytest.mark.parametrize("size", [1000, 5 << 20])
def test_a_body_that_ends_too_early_is_told(base: str, size: int) -> None:
    Handler.answers, Handler.lacking = [(200, {}, bytes(size))], 10
    seen = list[bytes]()
    with Http(base) as http, http.open("/") as answer, pytest.raises(httpx2.TransportError):
        seen.extend(raw(answer))
    assert sum(map(len, seen)) == size


def test_credentials_that_end_are_asked_for_anew_before_they_do(base: str) -> None:
    given = iter("abc")
    Handler.answers = [(401, {"WWW-Authenticate": "Basic"}, b""), (200, {}, b"")]
    # All but the last one end at once.
    auth = RegistryAuth(
        base, lambda: Login("me", word := next(given), renew=math.inf if word == "c" else 0.0)
    )
    with Http(base, auth=auth) as http:
        for _ in range(4):
            http.request("GET", "/v2/a/manifests/v1")
    shown = [each for _, _, each in Handler.asked]
    assert shown == ["", *(Login("me", word).basic for word in "abcc")]


@pytest.mark.parametrize(
    ("status", "renew", "asked"), [(401, math.inf, 2), (403, 1e12, 2), (403, math.inf, 1)]
)
def test_what_is_refused_is_asked_for_anew_once(base: str, status: int, renew: float, asked: int) -> None:
    found = list[Login]()

    def find() -> Login:
        found.append(Login("me", str(len(found)), renew=renew))
        return found[-1]

    asks = {"WWW-Authenticate": "Basic"}
    told = asks if status == 401 else {}
    Handler.answers = [(401, asks, b""), (200, {}, b""), (status, told, b""), (status, told, b"")]
    with Http(base, auth=RegistryAuth(base, find)) as http:
        http.request("GET", "/v2/a/manifests/v1")
        with pytest.raises(SeawayError, match=str(status)):
            http.request("GET", "/v2/a/manifests/v1")
    assert len(found) == asked
    assert len(Handler.asked) == 2 + asked


def test_who_knows_no_other_password_does_not_send_it_twice(base: str) -> None:
    Handler.answers = [(401, {"WWW-Authenticate": "Basic"}, b"")]
    with Http(base, auth=RegistryAuth(base, lambda: ME)) as http:
        for _ in range(2):
            with pytest.raises(SeawayError, match="401"):
                http.request("GET", "/v2/a/manifests/v1")
    assert len(Handler.asked) == 3
