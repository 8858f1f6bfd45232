"""Requests that are signed for AWS where its SDK is not (AWS IAM user guide, Signature Version 4)."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, quote

import httpx2 as httpx

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_ENDS: Final = "aws4_request"


@dataclass(frozen=True, repr=False)
class AwsKey:
    """A key of AWS, with the token of its session where it has one; it prints as its id."""

    id: str
    secret: str
    token: str = ""

    def __str__(self) -> str:
        return self.id

    __repr__ = __str__


class SigV4(httpx.Auth):
    """Signs every request to a service in a region by what `key` gives then, at the clock `now`."""

    requires_request_body = True

    def __init__(
        self,
        service: str,
        region: str,
        key: Callable[[], AwsKey],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._service, self._region, self._key, self._now = service, region, key, now

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        key, moment = self._key(), f"{self._now():%Y%m%dT%H%M%SZ}"
        request.headers["X-Amz-Date"] = moment
        if key.token:
            request.headers["X-Amz-Security-Token"] = key.token
        names = [name for name in ("host", "x-amz-date", "x-amz-security-token") if name in request.headers]
        scope = (moment[:8], self._region, self._service, _ENDS)
        text = "\n".join((_ALGORITHM, moment, "/".join(scope), _hash(_canonical(request, names))))
        secret = f"AWS4{key.secret}".encode()
        for part in (*scope, text):
            secret = hmac.digest(secret, part.encode(), sha256)
        request.headers["Authorization"] = (
            f"{_ALGORITHM} Credential={key.id}/{'/'.join(scope)}, "
            f"SignedHeaders={';'.join(names)}, Signature={secret.hex()}"
        )
        yield request


def _canonical(request: httpx.Request, names: list[str]) -> bytes:
    """Write a request as both sides hash it; the path is encoded once more than it is sent."""
    path = request.url.raw_path.partition(b"?")[0].decode()
    query = sorted(
        (quote(name, safe=""), quote(text, safe=""))
        for name, text in parse_qsl(request.url.query.decode(), keep_blank_values=True)
    )
    lines = (
        request.method,
        quote(path, safe="/"),
        "&".join(f"{name}={text}" for name, text in query),
        *(f"{name}:{request.headers[name].strip()}" for name in names),
        "",
        ";".join(names),
        _hash(request.content),
    )
    return "\n".join(lines).encode()


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()
