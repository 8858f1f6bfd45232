"""EKS and the API servers of its clusters over the wire, on loopback.

Every request is checked against botocore's own model of EKS. The API servers speak TLS, by a real authority.
"""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import botocore.session
from botocore.validate import ParamValidator
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from seaway.providers.local import certificate
from tests.providers.eks.service import Eks, Thing, Wrong

MODEL: Any = botocore.session.get_session().get_service_model("eks")


def _pattern(uri: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", uri.partition("?")[0]))


OPERATIONS: list[tuple[str, re.Pattern[str], Any]] = [
    (op.http["method"], _pattern(op.http["requestUri"]), op)
    for op in map(MODEL.operation_model, MODEL.operation_names)
]


class _Handler(BaseHTTPRequestHandler):
    """What both servers share. `regions` is what EKS holds."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: by two, each answer waits 40 ms for an acknowledgement
    regions: dict[str, Eks]
    lock: threading.Lock
    make: Callable[[str], Eks]

    def send(self, status: int, document: Thing, error: str = "") -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class _Service(_Handler):
    def _answer(self) -> None:
        url, length = urlsplit(self.path), int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        with self.lock:
            try:
                answer = self._operate(url.path, parse_qs(url.query), body)
            except Wrong as wrong:
                status = MODEL.shape_for(wrong.code).metadata["error"]["httpStatusCode"]
                self.send(status, {"message": wrong.message}, wrong.code)
            else:
                self.send(200, answer)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815

    def _operate(self, path: str, query: dict[str, list[str]], body: Thing) -> Thing:
        """Find the operation, check its parameters as botocore would, carry it out."""
        op, labels = next(
            (op, found.groupdict())
            for method, pattern, op in OPERATIONS
            if method == self.command and (found := pattern.fullmatch(path))
        )
        wires = {
            shape.serialization.get("name", name): (name, shape)
            for name, shape in op.input_shape.members.items()
        }
        given: Thing = {wires[name][0]: unquote(value) for name, value in labels.items()}
        for wire, values in query.items():
            name, shape = wires[wire]
            given[name] = int(values[0]) if shape.type_name == "integer" else values[0]
        given |= body
        if wrong := ParamValidator().validate(given, op.input_shape).generate_report():
            raise Wrong("InvalidParameterException", wrong)
        given.pop("clientRequestToken", None)
        region = self.headers["Authorization"].split("/")[2]
        if region not in self.regions:
            self.regions[region] = type(self).make(region)
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", op.name).lower()
        answer: Thing = getattr(self.regions[region], name)(**given)
        return answer


class _ApiServer(_Handler):
    """Serves the nodes of a cluster to who brings a token."""

    def do_GET(self) -> None:
        region, name, *rest = self.path.partition("?")[0].strip("/").split("/")
        if not self.headers.get("Authorization", "").startswith("Bearer k8s-aws-v1."):
            self.send(401, {"kind": "Status", "message": "Unauthorized"})
        elif rest[-1] == "nodes":
            with self.lock:
                self.send(200, {"kind": "NodeList", "items": self.regions[region].nodes(name)})
        else:
            self.send(200, {"resources": [{"name": "nodes", "kind": "Node", "namespaced": False}]})


class _Front(_Handler):
    """Stands before a real API server, and lets in as its administrator who brings a token.

    On EKS it is the API server itself that has the token checked.
    """

    behind: Any

    def _forward(self) -> None:
        if not self.headers.get("Authorization", "").startswith("Bearer k8s-aws-v1."):
            self.send(401, {"kind": "Status", "message": "Unauthorized"})
            return
        path = "/" + self.path.lstrip("/").split("/", 2)[2]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        passed = {key: self.headers[key] for key in ("Accept", "Content-Type") if key in self.headers}
        answer = self.behind.request(self.command, path, headers=passed, content=body)
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _forward  # noqa: N815


@contextmanager
def emulating(folder: Path) -> Iterator[str]:
    """EC2, ECR, IAM and STS on loopback, by moto, as a server of its own. Gives its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "log"
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    env = {**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    with log.open("wb") as out, subprocess.Popen(argv, env=env, stdout=out, stderr=out) as process:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise AssertionError(log.read_text())
        yield f"http://127.0.0.1:{port}"
        process.kill()


@contextmanager
def serving(others: str, folder: Path, behind: Any = None) -> Iterator[tuple[str, dict[str, Eks]]]:
    """Serve EKS, with the other services at `others`. Gives its URL, and what it holds by region.

    The API servers of its clusters are played, or all of them the real one that the client `behind` reaches.
    """
    shared: Thing = {"regions": {}, "lock": threading.Lock(), "behind": behind}
    authority = certificate.authority("EKS on loopback", timedelta(days=1))
    server: type[_Handler] = _Front if behind else _ApiServer
    with listening(type("ApiServer", (server,), shared), _tls(authority, folder)) as tls:
        endpoint = {
            "endpoint": f"https://127.0.0.1:{tls}",
            "certificateAuthority": {"data": base64.b64encode(authority.pem).decode()},
        }

        def make(region: str) -> Eks:
            keys: Any = {"aws_access_key_id": "eks", "aws_secret_access_key": "eks"}
            session = boto3.Session(region_name=region, **keys)
            clients = {name: session.client(name, endpoint_url=others) for name in ("ec2", "iam")}
            return Eks(clients.__getitem__, region, endpoint)

        with listening(type("Service", (_Service,), {**shared, "make": staticmethod(make)}), None) as port:
            yield f"http://127.0.0.1:{port}", shared["regions"]


def _tls(authority: certificate.Pair, folder: Path) -> ssl.SSLContext:
    names = [x509.IPAddress(ip_address("127.0.0.1"))]
    uses = [ExtendedKeyUsageOID.SERVER_AUTH]
    certificate.issue(authority, certificate.subject("api"), timedelta(days=1), names, uses).write(
        folder, "api"
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "api.crt", folder / "api.key")
    return context


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
