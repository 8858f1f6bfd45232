"""Images in real registries, as the tests need them."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from seaway.kit import oci
from seaway.model.names import Digest, ImageRef
from seaway.rooms.images.shelf import Shelf

#: Bytes from which on a blob can be lost or spoilt: configurations are smaller.
LARGE = 10_000


def shelf(host: str, repository: str = "team/app") -> Shelf:
    return Shelf.of(ImageRef(host, repository))


def push(where: Shelf, *layers: bytes, tag: str = "", arch: str = "amd64") -> Digest:
    """An image of these layers, whatever is in them."""
    known = [oci.Layer(oci.digest(each), oci.digest(each), len(each)) for each in layers]
    config = oci.config(known, oci.Settings(cmd=("true",)), arch)
    for each in (config, *layers):
        where.put(each)
    body = oci.manifest(config, known)
    return Digest(where.server.put_manifest(where.repository, tag, oci.MANIFEST, body))


def push_index(where: Shelf, *images: Digest) -> Digest:
    entries = []
    for image in images:
        media_type, body = where.server.manifest(where.repository, image.value)
        entries.append(
            {**oci.descriptor(media_type, body), "platform": {"os": "linux", "architecture": "amd64"}}
        )
    return Digest(where.server.put_manifest(where.repository, "", oci.INDEX, oci.index(entries)))


def stored(folder: Path, digest: str) -> Path:
    """The file in which the registry whose folder this is keeps a blob."""
    found = [p for p in (folder / "data").rglob("data") if p.parent.name == digest.removeprefix("sha256:")]
    assert len(found) == 1, found
    return found[0]


def holders(secret: str, *folders: Path) -> list[Path]:
    """The files under folders, none of which is empty, that hold a secret, packed or not."""
    found = []
    for folder in folders:
        files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
        assert files, folder
        for path in files:
            data = path.read_bytes()
            plain = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else b""
            if any(secret.encode() in each for each in (data, plain)):
                found.append(path)
    return found


@dataclass
class Front:
    """A server before a registry: passes requests on and notes them, and may know referrers.

    `cut` ends so many answers with blobs after `after` bytes, `lost` so many uploads: these bytes arrive, and
    nobody is answered; `spoil` changes a byte in so many large blobs; `whole` sends them from their beginning
    only; of more than `most` bytes, where that is given, it takes none; `types` are the media types that it
    claims for manifests.
    """

    behind: str
    host: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    referrers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    knows_referrers: bool = False
    page: int = 2
    cut: int = 0
    lost: int = 0
    spoil: int = 0
    after: int = 0
    whole: bool = False
    most: int = 0
    types: dict[str, str] = field(default_factory=dict)


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    front: Front

    def pass_on(self) -> None:
        front = self.front
        front.asked.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if front.knows_referrers and "/referrers/" in self.path:
            self._list()
            return
        if front.most and len(body) > front.most:
            self._answer(413, {}, b"")
            return
        headers = {k: v for k, v in self.headers.items() if not (front.whole and k == "Range")}
        ask = HTTPConnection(front.behind, timeout=30)
        if front.lost and "/uploads/" in self.path and len(body) >= LARGE:
            self._lose(ask, body, headers)
            return
        ask.request(self.command, self.path, body, headers)
        answer = ask.getresponse()
        told = {k: v for k, v in answer.getheaders() if k not in {"Date", "Transfer-Encoding"}}
        manifest = self.command == "PUT" and "/manifests/" in self.path
        if front.knows_referrers and manifest and b'"subject"' in body:
            self._note(body, told)
        self._answer(answer.status, told, answer.read())
        ask.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = pass_on  # noqa: N815  (as http.server calls them)

    def _lose(self, ask: HTTPConnection, body: bytes, headers: dict[str, str]) -> None:
        """Send what is to arrive, and wait for the answer only where that is all; pass none on."""
        front, self.close_connection = self.front, True
        front.lost -= 1
        ask.request(self.command, self.path, body[: front.after], headers)
        if front.after >= len(body):
            ask.getresponse().read()
        ask.close()

    def _list(self) -> None:
        path, _, query = self.path.partition("?begin=")
        begin, known = int(query or 0), self.front.referrers.get(path.rpartition("/")[2], [])
        told = {"Content-Type": oci.INDEX}
        if len(known) > begin + self.front.page:
            told["Link"] = f'<{path}?begin={begin + self.front.page}>; rel="next"'
        self._answer(200, told, oci.index(known[begin : begin + self.front.page]))

    def _note(self, body: bytes, told: dict[str, str]) -> None:
        subject = json.loads(body)["subject"]["digest"]
        self.front.referrers.setdefault(subject, []).append(
            oci.as_referrer(self.headers["Content-Type"], body)
        )
        told["OCI-Subject"] = subject

    def _answer(self, status: int, told: dict[str, str], body: bytes) -> None:
        front, blob = self.front, "/blobs/sha256:" in self.path and self.command == "GET"
        kind = next((kind for digest, kind in front.types.items() if digest in self.path), "")
        told |= {"Content-Type": kind} if kind else {}
        self.send_response(status)
        for name, value in told.items():
            if name != "Content-Length":
                self.send_header(name, value)
        length = told.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        if blob and front.spoil and len(body) >= LARGE:
            front.spoil -= 1
            body = bytes((body[0] ^ 1,)) + body[1:]
        if blob and front.cut and len(body) > front.after:
            front.cut -= 1
            self.wfile.write(body[: front.after])
            self.close_connection = True
        elif self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def before(host: str, **how: Any) -> Iterator[Front]:
    """Serve such a front before the registry at `host`."""
    front = Front(host, **how)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Passing", (_Passing,), {"front": front}))
    server.daemon_threads = True
    front.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
