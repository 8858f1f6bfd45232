"""A token in every request that is made anew before it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Final

import httpx2 as httpx

#: Seconds for which a token is used; EKS takes one for 15 minutes.
FRESH: Final = 600.0


class Bearer(httpx.Auth):
    """Sends what `sign` makes (RFC 6750, 2.1); safe to use from several threads."""

    def __init__(self, sign: Callable[[], str]) -> None:
        self._sign, self._lock, self._ends, self._token = sign, threading.Lock(), 0.0, ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        with self._lock:
            if time.monotonic() >= self._ends:
                self._token, self._ends = self._sign(), time.monotonic() + FRESH
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
