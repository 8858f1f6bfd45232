"""ECR of a rehearsal: moto's, but for the password, which opens the registry of this machine."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Final
from urllib.parse import urlsplit

from seaway.kit.docker_config import Login

#: How long a password is good (ECR user guide, Private registry authentication), in seconds.
LIFE: Final = 12 * 3600
_ASKED: Final = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
_HOP: Final = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})


class Ecr(BaseHTTPRequestHandler):
    """`moto` is the URL of all that is not the password, `host` the registry, `login` who one is to it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: by two, each answer waits 40 ms for an acknowledgement
    moto: str
    host: str
    login: Callable[[], Login]

    def log_message(self, *_: object) -> None:
        """Keep quiet: each request is told by who made it."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("X-Amz-Target") == _ASKED:
            self._send(200, {"Content-Type": "application/x-amz-json-1.1"}, self._password())
        else:
            self._pass_on(body)

    do_GET = do_POST = _answer  # noqa: N815

    def _password(self) -> bytes:
        login = type(self).login()
        pair = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
        ends, where = time.time() + LIFE, f"https://{self.host}"
        given = {"authorizationToken": pair, "expiresAt": ends, "proxyEndpoint": where}
        return json.dumps({"authorizationData": [given]}).encode()

    def _pass_on(self, body: bytes) -> None:
        connection = HTTPConnection(urlsplit(self.moto).netloc)
        connection.request(self.command, self.path, body, dict(self.headers))
        with connection.getresponse() as answer:
            headers = {name: text for name, text in answer.getheaders() if name.lower() not in _HOP}
            self._send(answer.status, headers, answer.read())
        connection.close()

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
