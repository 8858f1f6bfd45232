"""What stands between boto3 and the emulators: it knows which call of AWS passes, and how errors look."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from seaway.twin.quiet import Answer, Quiet
from seaway.twin.wire import OPERATIONS
from tests.providers.eks.rules import Call


class Proxy(Quiet):
    """`moto` and `eks` are the addresses of the emulators behind it."""

    moto: ClassVar[str]
    eks: ClassVar[str]

    def handle(self) -> None:
        with suppress(ConnectionError):  # who asked waited no longer
            super().handle()

    def heard(self) -> tuple[str, Call, bytes]:
        """Read a request: by which key it is signed, which call it is, its body."""
        body = self.body()
        told = found_in(r"Credential=([^,]+)", self.headers["Authorization"])
        key, _, region, service, _ = told.split("/")
        return key, Call(service, *self._read(service, body, region)), body

    def _read(self, service: str, body: bytes, region: str) -> tuple[str, str, dict[str, Any]]:
        """Read which action it is, in the protocol of its service, and its parameters."""
        if service == "eks":
            path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
            op, labels = next(
                (op, found.groupdict())
                for method, pattern, op in OPERATIONS
                if method == self.command and (found := pattern.fullmatch(path))
            )
            given = (
                {name: unquote(value) for name, value in labels.items()} | query | json.loads(body or b"{}")
            )
            return op.name, region, given
        if service == "route53":
            action, given = _of_zones(self.command, self.path, body.decode())
            return action, region, given
        if target := self.headers.get("X-Amz-Target"):
            return target.rpartition(".")[2], region, json.loads(body or b"{}")
        given = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return given.pop("Action", f"{self.command.title()} {self.path}"), region, given

    def forward(self, service: str, body: bytes) -> Answer:
        """Have the emulator of the service answer, to this request with that body."""
        return self.passed_on(self.eks if service == "eks" else self.moto, body)

    def refuse(self, service: str, status: int, code: str, message: str) -> None:
        """Answer with an error in the words of its service."""
        if service in {"eks", "secretsmanager", "ecr", "kms", "acm"}:
            body = json.dumps({"__type": code, "message": message})
            headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
            self.reply(status, headers, body.encode())
            return
        error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        whole = f"<Response><Errors>{error}</Errors></Response>"
        if service != "ec2":
            whole = f"<ErrorResponse>{error}</ErrorResponse>"
        self.reply(status, {"Content-Type": "text/xml"}, whole.encode())


#: The calls of Route 53 that Seaway makes, by method and path (Route 53 API reference).
_ZONES = {
    r"GET /[\d-]+/hostedzonesbyname": "ListHostedZonesByName",
    r"GET /[\d-]+/hostedzone/(?P<zone>\w+)/rrset": "ListResourceRecordSets",
    r"POST /[\d-]+/hostedzone/(?P<zone>\w+)/rrset/": "ChangeResourceRecordSets",
    r"GET /[\d-]+/change/(?P<change>\w+)": "GetChange",
}


def _of_zones(method: str, path: str, body: str) -> tuple[str, dict[str, Any]]:
    """Read a call of Route 53, with the names and types of the records that it changes."""
    asked = f"{method} {urlsplit(path).path}"
    action, labels = next(
        (action, found.groupdict())
        for pattern, action in _ZONES.items()
        if (found := re.fullmatch(pattern, asked))
    )
    names = [name.rstrip(".") for name in re.findall("<Name>(.+?)</Name>", body)]
    return action, {**labels, "names": names, "types": re.findall("<Type>(.+?)</Type>", body)}


def found_in(pattern: str, text: str) -> str:
    """Give the first group of a pattern that must be in a text."""
    found = re.search(pattern, text)
    assert found, pattern
    return found[1]
