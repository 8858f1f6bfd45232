"""How the client treats a server that is not ready for a request yet; against a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from seaway.errors import Unreachable
from seaway.kit import bearer, kubeconfig
from seaway.kit.kube import Kube

KINDS = {"resources": [{"name": "pods", "kind": "Pod", "namespaced": True}]}


class Handler(BaseHTTPRequestHandler):
    """Serves pods, of which there are none, after saying "later" as often as `later` tells."""

    later: ClassVar[int] = 0
    wait: ClassVar[str] = "0"
    tokens: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.tokens.append(self.headers.get("Authorization", ""))
        refuses = self.path.startswith("/api/v1/pods") and type(self).later > 0
        type(self).later -= refuses
        body = {"message": "storage is (re)initializing"} if refuses else {**KINDS, "items": []}
        self.send_response(429 if refuses else 200)
        if refuses and self.wait:
            self.send_header("Retry-After", self.wait)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[Kube]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    path = tmp_path / "kubeconfig"
    cluster = {"server": f"http://127.0.0.1:{server.server_port}"}
    document = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(yaml.safe_dump(document))
    found = Kube.from_kubeconfig(str(path), "c")
    yield found
    found.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_says_later_is_asked_later(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "later", 3)
    assert kube.list("v1", "Pod") == []
    assert Handler.later == 0


def test_a_server_that_does_not_say_when_is_not_asked_again(
    kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "later", 1)
    monkeypatch.setattr(Handler, "wait", "")
    with pytest.raises(Unreachable, match="429"):
        kube.list("v1", "Pod")


def test_a_signed_token_is_used_until_it_grows_old(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    document = kubeconfig.entries("c", {"server": kube.address}, {})
    for fresh, used in ((600.0, {"Bearer 1"}), (0.0, {"Bearer 1", "Bearer 2"})):
        signed = iter("123456789")
        monkeypatch.setattr(bearer, "FRESH", fresh)
        monkeypatch.setattr(Handler, "tokens", [])
        with closing(Kube.from_document(document, "c", sign=partial(next, signed))) as ours:
            ours.list("v1", "Pod")
        assert set(Handler.tokens) == used
