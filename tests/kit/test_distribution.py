"""What a hostile or careless registry answers; real ones are asked in tests/ports and tests/rooms/images."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, ClassVar

import pytest

from seaway.errors import SeawayError
from seaway.kit import http, oci
from seaway.kit.distribution import Distribution
from seaway.kit.docker_config import Login

DIGEST = f"sha256:{'a' * 64}"


class Hostile(BaseHTTPRequestHandler):
    """Answers by path; notes who showed credentials. `{host}` in a header is where another server listens."""

    protocol_version = "HTTP/1.1"
    elsewhere: ClassVar[str] = ""
    shown: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        if "Authorization" in self.headers:
            self.shown.append((str(self.headers["Host"]), self.path))
        path, _, query = self.path.partition("?after=")
        if path.endswith("/endless"):
            self._endless()
        elif path.endswith("/loop/tags/list"):
            self._give(200, b'{"tags": ["v1"]}', Link=f'<{self.path}>; rel="next"')
        elif path.endswith("/many/tags/list"):
            begin = int(query or 0)
            tags = json.dumps({"tags": [f"v{n}" for n in range(begin, begin + 100)]}).encode()
            more = {"Link": f'<{path}?after={begin + 100}>; rel="next"'} if begin < 1400 else {}
            self._give(200, tags, **more)
        elif path.endswith("/away/tags/list"):
            known = "Authorization" in self.headers
            link = {"Link": f'<http://{self.elsewhere}/v2/far/tags/list>; rel="next"'} if known else {}
            self._give(
                200 if known else 401, b"{}", **link, **({} if known else {"WWW-Authenticate": "Basic"})
            )
        else:
            self._give(200, b'{"another": "manifest"}', **{"Content-Type": oci.MANIFEST})

    def do_POST(self) -> None:
        known = "Authorization" in self.headers
        told = {"Location": f"http://{self.elsewhere}/upload"} if known else {"WWW-Authenticate": "Basic"}
        self._give(202 if known else 401, b"", **told)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if "Authorization" in self.headers:
            self.shown.append((str(self.headers["Host"]), self.path))
        self._give(201, b"")

    def _give(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for _ in count():
                self.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
        except OSError:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Distribution]:
    monkeypatch.setattr("seaway.kit.distribution._ASKED", [lambda _: Login("me", "pass")])
    Hostile.shown = []
    with serving() as host, serving() as elsewhere:
        Hostile.elsewhere = elsewhere
        yield Distribution(host)


def test_an_endless_manifest_is_given_up(registry: Distribution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SHORT", 1 << 20)
    with pytest.raises(SeawayError, match="gives more than 1 MiB where a short answer is due"):
        registry.manifest("team/app", "endless")


def test_another_manifest_than_the_one_that_was_asked_for_is_refused(registry: Distribution) -> None:
    with pytest.raises(SeawayError, match=f"gave a manifest that is not {DIGEST}"):
        registry.manifest("team/app", DIGEST)


def test_a_list_that_leads_to_itself_is_given_up(registry: Distribution) -> None:
    with pytest.raises(SeawayError, match="gives a list that does not end"):
        registry.tags("loop")


def test_tags_are_read_page_by_page(registry: Distribution) -> None:
    assert len(registry.tags("many")) == 1500


def test_the_rest_of_a_list_on_another_host_is_asked_for_without_credentials(registry: Distribution) -> None:
    registry.tags("away")
    assert {host for host, _ in Hostile.shown} == {registry.host}


def test_an_upload_to_another_host_carries_no_credentials(registry: Distribution) -> None:
    registry.put_stream("team/app", DIGEST, 3, lambda start, size: iter((b"abc"[start : start + size],)))
    assert [path for _, path in Hostile.shown] == []
