"""What all that answers HTTP in a rehearsal shares: it writes no log, and can pass on a request."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Any, Final
from urllib.parse import urlsplit

#: How somebody answered: the status, the headers, the body.
Answer = tuple[int, dict[str, str], bytes]
#: Headers that are of one connection, or that whoever answers writes.
_OWN: Final = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})


class Quiet(BaseHTTPRequestHandler):
    """An answerer over HTTP/1.1 that keeps its connections and writes no log."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: by two, each answer waits 40 ms for an acknowledgement

    def log_message(self, *_: Any) -> None:
        """Keep quiet: each request is told by who made it."""

    def body(self) -> bytes:
        """Read what came with the request; once."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer with this body; without it where only the head was asked for."""
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def passed_on(self, base: str, body: bytes) -> Answer:
        """Have the server at `base` (http://HOST:PORT) answer this request, with that body."""
        connection = HTTPConnection(urlsplit(base).netloc)
        headers = {name: text for name, text in self.headers.items() if name.lower() != "content-length"}
        connection.request(self.command, self.path, body, headers)
        with connection.getresponse() as answer:
            headers = {name: text for name, text in answer.getheaders() if name.lower() not in _OWN}
            found = (answer.status, headers, answer.read())
        connection.close()
        return found
