"""The smallest service, and with SIDE=monolith its own old server: says who answers, and keeps notes.

The service fails at every path that ends with /bad, and a version below 0 at all; the old server does not.
What a request's headers were when they arrived is told at /headers.
"""

from __future__ import annotations

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any

from .release import RELEASE

URL = os.environ.get("DATABASE_URL", "")


def database() -> Any:
    return import_module("psycopg").connect(URL, connect_timeout=3)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment: the second would wait for the first to be acknowledged

    def do_GET(self) -> None:
        if self.path == "/headers":
            self._answer(200, str(self.headers))
            return
        if not self.path.endswith("/notes"):
            fails = self.path.endswith("/bad") or (RELEASE.startswith("-") and self.path != "/health")
            bad = fails and os.environ["SIDE"] != "monolith"
            self._answer(500 if bad else 200, self.path)
            return
        with database() as connection:
            rows = connection.execute("SELECT text FROM notes ORDER BY id").fetchall()
        self._answer(200, "\n".join(text for (text,) in rows))

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with database() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, text text)")
            connection.execute("INSERT INTO notes (text) VALUES (%s)", (text,))
        self._answer(200, text)

    def log_message(self, *_: Any) -> None:
        """Keep quiet: what the pod writes shall be what matters."""

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Served-By", os.environ["SIDE"])
        self.send_header("X-Version", RELEASE)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
