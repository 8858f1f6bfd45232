"""A stand-in for the old server: it answers every request, and says who it is."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Final

ANSWER: Final = b"a rehearsal: this stands in for the old server\n"


class OldServer(BaseHTTPRequestHandler):
    """The real one is out of a rehearsal's reach: nothing of the load shall come to it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: by two, each answer waits 40 ms for an acknowledgement

    def log_message(self, *_: object) -> None:
        """Keep quiet: it is asked dozens of times a second."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.send_header("X-Served-By", "monolith")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(ANSWER)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815
