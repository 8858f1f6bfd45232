"""Asks one side, as a patient but bounded client: no redirect is followed, no cookie is kept."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Final, Self

import aiohttp
from yarl import URL

from seaway.pilot.comparator.copies import Copy, headers_for
from seaway.rooms.crossing.compare.answer import LARGEST, Answer, headers_of, unpacked
from seaway.rooms.crossing.compare.task import Target
from seaway.rooms.crossing.sides import Side

#: Seconds for a connection, and for a whole answer.
CONNECT: Final = 3.0
WHOLE: Final = 10.0
#: Bytes of one line of the head of an answer.
LINE: Final = 64 * 1024
STREAM: Final = "text/event-stream"


class Asker:
    """A client for both sides; use it as an asynchronous context manager."""

    def __init__(self, whole: float = WHOLE) -> None:
        self.whole = whole
        self._contexts: dict[Target, ssl.SSLContext] = {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # A connection for each: one that was kept may be closed by the side at the moment it is used.
        connector = aiohttp.TCPConnector(limit=16, force_close=True, ttl_dns_cache=5)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=self.whole, connect=CONNECT),
            max_line_size=LINE,
            max_field_size=LINE,
            skip_auto_headers=("User-Agent", "Content-Type", "Accept"),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def ask(self, copy: Copy, target: Target, side: Side) -> Answer:
        """Give the answer; one that does not come is one with its failure."""
        try:
            return await self._ask(copy, target, side)
        except TimeoutError:
            return Answer(failure="no answer in time")
        except (aiohttp.ClientConnectorError, ssl.SSLError):
            return Answer(failure="no connection")
        except aiohttp.ClientConnectionError:
            return Answer(failure="the connection broke off")
        except aiohttp.ClientPayloadError:
            return Answer(failure="the answer broke off")
        except (aiohttp.ClientError, ValueError):
            return Answer(failure="no answer in HTTP")

    async def _ask(self, copy: Copy, target: Target, side: Side) -> Answer:
        if self._session is None:
            raise RuntimeError("use it as a context manager")
        async with self._session.request(
            copy.method,
            URL(f"{target.url}{copy.target}", encoded=True),
            headers=headers_for(copy, target, side),
            data=copy.body or None,
            allow_redirects=False,
            ssl=self._trust(target),
            server_hostname=_certified(target),
        ) as response:
            headers = headers_of(response.headers.items())
            head = Answer(response.status, headers)
            kind = head.header("content-type").partition(";")[0].strip().lower()
            raw, cut = (b"", True) if kind == STREAM else await _body(response)
            body, cut = unpacked(raw, head.header("content-encoding"), cut=cut)
            return Answer(response.status, headers, body, cut)

    def _trust(self, target: Target) -> ssl.SSLContext | bool:
        if not target.verify:
            return False
        if not target.ca:
            return True
        if target not in self._contexts:
            self._contexts[target] = ssl.create_default_context(cadata=target.ca)
        return self._contexts[target]


def _certified(target: Target) -> str | None:
    """Name whom the certificate must name; None where it is the host of the URL, or there is no TLS."""
    named = target.name or target.host.partition(":")[0]
    return named or None if target.url.startswith("https:") else None


async def _body(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """Read as much as is compared, and say whether there is more: what is left closes the connection."""
    found = bytearray()
    async for piece in response.content.iter_any():
        found += piece
        if len(found) > LARGEST:
            return bytes(found[:LARGEST]), True
    return bytes(found), False
