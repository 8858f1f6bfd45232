"""How the gateway of the small system stands in the open: what it tells, refuses, bounds and writes down."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from seaway.model.manifests import SYSTEM_NAMESPACE
from tests.cluster import h3_visitor
from tests.cluster.support import until
from tests.cluster.tiny_system import DOMAIN, HTTPS, PROXIES, Tiny

HEAD = f"GET /first HTTP/1.1\r\nHost: {DOMAIN}\r\n"
SMUGGLED = f"GET /smuggled HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n"
POST = f"POST /first HTTP/1.1\r\nHost: {DOMAIN}\r\n"
#: What a server behind could read as another request than the proxy does, and what is too much.
BAD = {
    "two lengths": f"{POST}Content-Length: 0\r\nContent-Length: {len(SMUGGLED)}\r\n\r\n{SMUGGLED}",
    "length and chunks": f"{POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
    "odd chunks": f"{POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{SMUGGLED}",
    "space before the colon": f"{POST}Content-Length : {len(SMUGGLED)}\r\n\r\n{SMUGGLED}",
    "null byte": f"{HEAD}X-A: b\0\r\n\r\n",
    "underscore": f"{HEAD}X_Forwarded_For: 203.0.113.7\r\n\r\n",
    "header bomb": f"{HEAD}X-A: {'a' * 70_000}\r\n\r\n",
    "many headers": HEAD + "".join(f"X-{n}: a\r\n" for n in range(200)) + "\r\n",
    "URL bomb": f"GET /{'a' * 70_000} HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n",
}
CLOSED = ("/health", "/health/deep", "/health?x", "//health", "/x/../health", "/%68ealth", "/metrics")
OPEN = ("/healthy", "/x/health", "/")
CLIENT = "203.0.113.7"


def test_answers_tell_browsers_to_take_care_and_nobody_what_made_them(system: Tiny) -> None:
    for path in ("/first", "/health"):
        headers = system.ask(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert not {"server", "x-powered-by", "x-ratelimit-limit"} & set(headers)


def test_forged_headers_do_not_reach_the_application(system: Tiny) -> None:
    forged = dict.fromkeys(
        ("X_Forwarded_For", "X_Real_IP", "X_Forwarded_Host", "Forwarded", "Proxy", "X_Envoy_Retry_On"), CLIENT
    )
    told = system.ask("/headers", X_Forwarded_Proto="http", X_Own="kept", **forged).text.lower()
    assert CLIENT not in told
    assert "x-forwarded-proto: https" in told
    assert "x-forwarded-for: " in told
    assert "x-own: kept" in told


def test_closed_paths_are_refused_however_they_are_written(system: Tiny) -> None:
    assert {path: system.ask(path).status for path in CLOSED} == dict.fromkeys(CLOSED, 403)
    assert {path: system.ask(path).status for path in OPEN} == dict.fromkeys(OPEN, 200)


@pytest.mark.parametrize("what", BAD)
def test_a_request_that_can_be_read_in_two_ways_or_is_too_much_is_refused(system: Tiny, what: str) -> None:
    said = _said(system, BAD[what])
    assert said.startswith(("HTTP/1.1 4", "HTTP/1.1 501")), said
    assert "x-served-by" not in said


@pytest.mark.parametrize("end", ["\r", "\r\n "], ids=["bare CR", "folded line"])
def test_what_is_no_end_of_a_line_begins_no_header_behind(system: Tiny, end: str) -> None:
    head = HEAD.replace("/first", "/headers")
    told = _said(system, f"{head}X-A: b{end}X-Hidden: c\r\nConnection: close\r\n\r\n").lower()
    assert "\nx-a: b" in told
    assert "\nx-hidden" not in told


def test_a_request_behind_bare_line_feeds_meets_the_same_rules(system: Tiny) -> None:
    hidden = SMUGGLED.replace("/smuggled", "/health")
    said = _said(system, f"{HEAD}\r\n{hidden}".replace("\r\n", "\n"))
    assert said.startswith("HTTP/1.1 200")
    assert said.count("HTTP/1.1 403") == 1


def test_each_request_is_written_down_without_secrets(system: Tiny) -> None:
    system.ask("/first/logged?token=hush-1", Cookie="session=hush-2", Authorization="Bearer hush-3",
             Referer="https://a.example/?hush-4")  # fmt: skip
    line = until(lambda: next((each for each in _log(system) if "/first/logged" in each), ""), "the line")
    found = json.loads(line)
    assert "hush" not in line
    assert (found["method"], found["path"], found["status"]) == ("GET", "/first/logged", 200)
    assert found["host"].startswith(DOMAIN)


@pytest.fixture(scope="module")
def narrow(system: Tiny) -> Iterator[Tiny]:
    """The system with other words for its edge."""
    limits = {"header": "1s", "body": "1Mi", "requests": 20}
    other = {"closed": "/secret", "inside": f"{CLIENT}/32", "behind": "0.0.0.0/0", "banner": True}
    other |= {"tls": "1.3", "headers": {"X-Frame-Options": "DENY"}, "http3": True}
    system.write(edge={**other, "limits": limits})
    system.seaway("up")
    until(lambda: system.ask("/health").status == 200, "the open path")
    yield system
    system.write()
    system.seaway("up")


def test_each_default_has_a_word_that_changes_it(narrow: Tiny) -> None:
    assert narrow.ask("/health").headers["x-frame-options"] == "DENY"
    assert narrow.ask("/health").headers["server"].startswith("BaseHTTP")
    assert narrow.ask("/first", "a" * 1_200_000).status == 413
    context = ssl.create_default_context(cafile=str(narrow.certificate))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"),
        socket.create_connection(("127.0.0.1", HTTPS), 10) as plain,
    ):
        context.wrap_socket(plain, server_hostname=DOMAIN)


def test_http3_answers_where_it_is_asked_for(narrow: Tiny) -> None:
    assert narrow.ask("/first").headers["alt-svc"].startswith('h3=":443"')
    told = until(lambda: h3_visitor.ask(DOMAIN, HTTPS, "/first", narrow.certificate), "an answer")
    assert told == (200, "/first")


def test_a_slow_client_is_not_waited_for(narrow: Tiny) -> None:
    assert _said(narrow, HEAD).startswith("HTTP/1.1 408")


def test_behind_a_load_balancer_clients_are_told_by_the_address_it_saw(narrow: Tiny) -> None:
    assert narrow.ask("/secret", X_Forwarded_For="198.51.100.1").status == 403
    assert narrow.ask("/secret").status == 403
    assert narrow.ask("/secret", X_Forwarded_For=CLIENT).status == 200


def test_more_requests_than_one_client_may_send_are_refused_to_it_alone(narrow: Tiny) -> None:
    with closing(narrow.connect()) as visit:
        statuses = [visit.ask("/first", X_Forwarded_For="198.51.100.2").status for _ in range(60)]
        assert set(statuses) == {200, 429}
        assert visit.ask("/first", X_Forwarded_For="198.51.100.3").status == 200


def _said(system: Tiny, request: str) -> str:
    """All that the gateway says to these very bytes until it closes, as text."""
    context = ssl.create_default_context(cafile=str(system.certificate))
    said = b""
    with (
        socket.create_connection(("127.0.0.1", HTTPS), 10) as plain,
        context.wrap_socket(plain, server_hostname=DOMAIN) as secure,
        suppress(TimeoutError, ConnectionError, ssl.SSLEOFError),
    ):
        secure.sendall(request.encode())
        secure.settimeout(3)
        while part := secure.recv(65536):
            said += part
    return said.decode(errors="replace")


def _log(system: Tiny) -> list[str]:
    """The last lines that the proxies have written."""
    kube = system.cluster.kube
    pods = kube.list("v1", "Pod", namespace=SYSTEM_NAMESPACE, labels=PROXIES)
    names = [pod["metadata"]["name"] for pod in pods]
    return [
        line
        for name in names
        for line in kube.logs(SYSTEM_NAMESPACE, name, container="envoy", tail=200).splitlines()
    ]
