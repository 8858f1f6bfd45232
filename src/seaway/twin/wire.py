"""EKS and the way to the API servers of its clusters over the wire, on loopback.

Every request is checked against botocore's own model of EKS. The API servers speak TLS, by a real authority.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import botocore.session
import httpx2
from botocore.validate import ParamValidator
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from seaway.errors import SeawayError
from seaway.providers.local import certificate
from seaway.twin.eks import ACCOUNT, Eks, Machines, Works
from seaway.twin.phases import Thing, Wrong
from seaway.twin.quiet import Quiet

#: What of a request reaches the API server of a cluster.
_PASSED: Final = ("Accept", "Content-Type", "Authorization")
MODEL: Final[Any] = botocore.session.get_session().get_service_model("eks")


def _pattern(uri: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", uri.partition("?")[0]))


#: Method and path of each operation of EKS, and its model.
OPERATIONS: Final[list[tuple[str, re.Pattern[str], Any]]] = [
    (op.http["method"], _pattern(op.http["requestUri"]), op)
    for op in map(MODEL.operation_model, MODEL.operation_names)
]


class _UnknownError(Exception):
    """A call that this EKS does not have."""


def _operation(method: str, path: str) -> tuple[Any, dict[str, str]]:
    """Find an operation by its request, and what the path says. Raises _UnknownError."""
    for its_method, pattern, op in OPERATIONS:
        if its_method == method and (found := pattern.fullmatch(path)):
            return op, found.groupdict()
    raise _UnknownError


class Handler(Quiet):
    """What EKS and the API servers of its clusters share. `regions` is what EKS holds."""

    regions: dict[str, Eks]
    machines: Machines | None
    lock: threading.Lock
    make: Callable[[str], Eks]

    def send(self, status: int, document: Thing, error: str = "") -> None:
        headers = {"Content-Type": "application/json"} | ({"x-amzn-ErrorType": error} if error else {})
        self.reply(status, headers, json.dumps(document).encode())

    def send_gap(self) -> None:
        """Answer as emulators do to a call that they do not know: never as AWS would."""
        self.reply(404, {"Content-Type": "text/html"}, b"<html>not played here</html>")


class _Service(Handler):
    def _answer(self) -> None:
        url, body = urlsplit(self.path), json.loads(self.body() or b"{}")
        with self.lock:
            try:
                answer = self._operate(url.path, parse_qs(url.query), body)
            except _UnknownError:
                self.send_gap()
            except Wrong as wrong:
                status = MODEL.shape_for(wrong.code).metadata["error"]["httpStatusCode"]
                self.send(status, {"message": wrong.message}, wrong.code)
            else:
                self.send(200, answer)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815

    def _operate(self, path: str, query: dict[str, list[str]], body: Thing) -> Thing:
        """Find the operation, check its parameters as botocore would, carry it out."""
        op, labels = _operation(self.command, path)
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", op.name).lower()
        if not hasattr(Eks, name):
            raise _UnknownError
        wires = {
            shape.serialization.get("name", name): (name, shape)
            for name, shape in op.input_shape.members.items()
        }
        given: Thing = {wires[name][0]: unquote(value) for name, value in labels.items()}
        for wire, values in query.items():
            member, shape = wires[wire]
            given[member] = int(values[0]) if shape.type_name == "integer" else values[0]
        given |= body
        if wrong := ParamValidator().validate(given, op.input_shape).generate_report():
            raise Wrong("InvalidParameterException", wrong)
        given.pop("clientRequestToken", None)
        region = self.headers["Authorization"].split("/")[2]
        if region not in self.regions:
            self.regions[region] = type(self).make(region)
        answer: Thing = getattr(self.regions[region], name)(**given)
        return answer


class Front(Handler):
    """Stands before the API servers of clusters that run, and passes on what comes, with its token."""

    def _forward(self) -> None:
        if self.machines is None:
            raise RuntimeError("no cluster runs behind this")
        _, cluster, path = self.path.lstrip("/").split("/", 2)
        body = self.body()
        passed = {key: self.headers[key] for key in _PASSED if key in self.headers}
        try:
            client = self.machines.reach(cluster)
            answer = client.request(self.command, f"/{path}", headers=passed, content=body)
        except (SeawayError, httpx2.TransportError) as error:
            self.send(503, {"kind": "Status", "message": str(error)})
            return
        kind = answer.headers.get("Content-Type", "text/plain")
        self.reply(answer.status_code, {"Content-Type": kind}, answer.content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _forward  # noqa: N815


@contextmanager
def serving(
    others: str,
    folder: Path,
    machines: Machines | None = None,
    *,
    api: type[Handler] = Front,
    account: str = ACCOUNT,
) -> Iterator[tuple[str, dict[str, Eks]]]:
    """Serve EKS, with the other services at `others`. Gives its URL, and what it holds by region.

    `api` answers for the API servers of its clusters. Where they run on `machines`, this waits at the end for
    what these have begun.
    """
    shared: Thing = {"regions": {}, "lock": threading.Lock(), "machines": machines}
    authority = certificate.authority("EKS on loopback", timedelta(days=1))
    with (
        _worker() as executor,
        listening(type("ApiServer", (api,), shared), _tls(authority, folder)) as tls,
    ):
        works = Works(machines, executor) if machines else None
        endpoint = {
            "endpoint": f"https://127.0.0.1:{tls}",
            "certificateAuthority": {"data": base64.b64encode(authority.pem).decode()},
        }

        def make(region: str) -> Eks:
            keys: Any = {"aws_access_key_id": "eks", "aws_secret_access_key": "eks"}
            session = boto3.Session(region_name=region, **keys)
            clients = {name: session.client(name, endpoint_url=others) for name in ("ec2", "iam", "kms")}
            return Eks(clients.__getitem__, region, endpoint, account, works)

        with listening(type("Service", (_Service,), {**shared, "make": staticmethod(make)}), None) as port:
            yield f"http://127.0.0.1:{port}", shared["regions"]


@contextmanager
def _worker() -> Iterator[ThreadPoolExecutor]:
    """Give who does one thing after the other; at the end it ends the one at hand, and begins no other."""
    executor = ThreadPoolExecutor(1)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _tls(authority: certificate.Pair, folder: Path) -> ssl.SSLContext:
    names = [x509.IPAddress(ip_address("127.0.0.1"))]
    uses = [ExtendedKeyUsageOID.SERVER_AUTH]
    certificate.issue(authority, certificate.subject("api"), timedelta(days=1), names, uses).write(
        folder, "api"
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "api.crt", folder / "api.key")
    return context


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell what went wrong, but not that a client went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve on a free port of loopback; gives the port."""
    server = _Server(("127.0.0.1", 0), handler)
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
