"""JSON over HTTP to another service, on connections that are kept and used again.

The same file is in every service; tests/test_copies.py keeps them equal.
"""

import time
from typing import Any, NamedTuple

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

TIMEOUT = urllib3.Timeout(connect=1, read=8)  # seconds; a visitor waits for ten
KEPT = 8  # connections, as many as gunicorn has threads
RENEWED = 30  # seconds; only a new connection can reach a replica that was added since


class Unreachable(Exception):
    """The other side gave no usable answer."""


class Answer(NamedTuple):
    status: int
    body: Any


class Client:
    """Speaks to one address, such as http://thoughts."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._pool = self._new_pool()
        self._renew_at = time.monotonic() + RENEWED

    def get(self, path: str, token: str = "", **query: object) -> Answer:
        """Asks again once if the connection fails."""
        return self._send("GET", path, token, again=True, fields=query)

    def post(self, path: str, body: object, token: str = "", again: bool = False) -> Answer:
        """Sends once; `again` is for a request that may safely arrive twice."""
        return self._send("POST", path, token, again=again, json=body)

    def _send(self, method: str, path: str, token: str, again: bool, **content: Any) -> Answer:
        headers = {"Authorization": f"Bearer {token}"} if token else None
        try:
            answer = self._kept().request(
                method, path, headers=headers, retries=False, timeout=TIMEOUT, **content
            )
            return Answer(answer.status, answer.json())
        except HTTPError as broken:
            if isinstance(broken, ReadTimeoutError) or not again:
                raise Unreachable(f"{method} {self._address}{path}: {broken}") from broken
            return self._send(method, path, token, again=False, **content)
        except ValueError as strange:
            raise Unreachable(f"{method} {self._address}{path}: not JSON") from strange

    def _kept(self) -> urllib3.HTTPConnectionPool:
        now = time.monotonic()
        if now >= self._renew_at:
            self._renew_at = now + RENEWED
            self._pool = self._new_pool()
        return self._pool

    def _new_pool(self) -> urllib3.HTTPConnectionPool:
        return urllib3.connection_from_url(self._address, maxsize=KEPT)
