"""Tells what a pod sees: GET /name, /resolve/NAME and /kept; PUT /kept writes to the volume."""

from __future__ import annotations

import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KEPT = Path("/data/kept")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/name":
            self._answer(200, os.environ["HOSTNAME"])
        elif self.path.startswith("/resolve/"):
            try:
                self._answer(200, socket.gethostbyname(self.path.removeprefix("/resolve/")))
            except OSError as error:
                self._answer(502, str(error))
        elif self.path == "/kept" and KEPT.exists():
            self._answer(200, KEPT.read_text())
        else:
            self._answer(404, "")

    def do_PUT(self) -> None:
        with KEPT.open("w") as file:
            file.write(self.rfile.read(int(self.headers["Content-Length"])).decode())
            file.flush()
            os.fsync(file.fileno())
        self._answer(200, "")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
