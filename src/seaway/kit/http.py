"""HTTP for servers that may be away for a moment: retries with growing pauses, errors that teach."""

from __future__ import annotations

import ssl
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import httpcore2
import httpx2

from seaway.errors import SeawayError, Unreachable

#: Answers that another try may mend (RFC 9110; 500 because registries give it for passing faults).
PASSING = frozenset({429, 500, 502, 503, 504})
#: Bytes that an answer may have which is read as a whole: manifests are far below (distribution spec: 4 MiB).
SHORT = 32 << 20
_DENIED = (401, 403)
_OF_THE_BODY = ("content-encoding", "content-length", "transfer-encoding")
#: Bytes that are asked of a connection at a time.
STEP = 1 << 20
#: A request's body: bytes, or a function that gives it from its start, as often as it must be sent.
Body = bytes | Callable[[], Iterator[bytes]]


class Http:
    """A server at `base`. Every request is tried up to `attempts` times, after growing pauses (0.1 s, 0.2 s).

    `remedy` is what the reader should do when the server does not answer at all, `denied` when it says no.
    `trust` is a file of the authorities (PEM) that may vouch for it, instead of the public ones.
    """

    def __init__(
        self,
        base: str,
        *,
        attempts: int = 4,
        timeout: float = 60,
        auth: httpx2.Auth | None = None,
        remedy: str = "",
        denied: str = "",
        trust: Path | None = None,
    ) -> None:
        self.base, self._attempts, self._remedy = base.rstrip("/"), attempts, remedy
        self._denied = denied
        self._client = httpx2.Client(
            base_url=self.base,
            timeout=httpx2.Timeout(timeout, connect=5),
            auth=auth,
            follow_redirects=True,
            verify=_trusted(self.base, trust),
        )
        # Few callers live long enough to close it: the connections end with the last user at the latest.
        self._closed = weakref.finalize(self, self._client.close)

    def request(
        self,
        method: str,
        url: str,
        *,
        ok: Collection[int] = (200,),
        body: Body = b"",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        attempts: int = 0,
    ) -> httpx2.Response:
        """Ask and return an answer whose status is in `ok`.

        Raises Unreachable when there is no usable answer after the last try, else SeawayError.
        """
        attempts = attempts or self._attempts
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                content = body if isinstance(body, bytes) else _Again(body)
                answer = self._short(method, url, content=content or None, headers=headers, params=params)
            except httpx2.TransportError as error:
                if last:
                    raise self._unreachable(method, url, error) from error
            else:
                if answer.status_code in ok:
                    return answer
                if last or answer.status_code not in PASSING:
                    raise self._refused(method, url, answer)
            time.sleep(0.1 * 2 ** (attempt - 1))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _short(self, method: str, url: str, **how: Any) -> httpx2.Response:
        """Ask, and read an answer that has no reason to be long. Raises SeawayError where it is."""
        with self._client.stream(method, url, **how) as answer:
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > SHORT:
                    raise SeawayError(
                        f"{self.base} gives more than {SHORT >> 20} MiB where a short answer is due",
                        where=f"{method} {url}",
                    )
        told = [(name, value) for name, value in answer.headers.multi_items() if name not in _OF_THE_BODY]
        return httpx2.Response(answer.status_code, headers=told, content=bytes(body), request=answer.request)

    @contextmanager
    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, ok: Collection[int] = (200,)
    ) -> Iterator[httpx2.Response]:
        """Stream the answer to a GET. One try: the caller knows what to do with half a body."""
        try:
            with self._client.stream("GET", url, headers=headers) as answer:
                if answer.status_code not in ok:
                    answer.read()
                    raise self._refused("GET", url, answer)
                yield answer
        except httpx2.TransportError as error:
            raise self._unreachable("GET", url, error) from error

    def close(self) -> None:
        self._closed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _unreachable(self, method: str, url: str, error: Exception) -> Unreachable:
        return Unreachable(
            f"{self.base} does not answer",
            where=f"{method} {url}",
            why=str(error) or type(error).__name__,
            remedy=self._remedy,
        )

    def _refused(self, method: str, url: str, answer: httpx2.Response) -> SeawayError:
        kind = Unreachable if answer.status_code in PASSING else SeawayError
        return kind(
            f"{self.base} answered {answer.status_code} {answer.reason_phrase}",
            where=f"{method} {url}",
            why=answer.text.strip()[:500],
            remedy=self._denied if answer.status_code in _DENIED else "",
        )


@dataclass(frozen=True)
class _Again:
    """A body that can be sent once more, such as with a new token after a 401."""

    body: Callable[[], Iterator[bytes]]

    def __iter__(self) -> Iterator[bytes]:
        return self.body()


def _trusted(base: str, trust: Path | None) -> ssl.SSLContext | bool:
    """Say who may vouch for the server: nobody but `trust`; without it the public authorities.

    Reading those takes 80 ms, and plain HTTP needs none: a redirect to TLS ends there.
    """
    if trust is None and not base.startswith("http:"):
        return True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trust and trust.is_file():
        context.load_verify_locations(trust)
    return context


def raw(answer: httpx2.Response) -> Iterator[bytes]:
    """Give a body as it comes, undecoded. Raises httpx2.TransportError where it ends too early.

    What is long is read from the connection itself, which serves nobody after that: the parser copies every
    byte four times while other threads wait.
    """
    left, connection = int(answer.headers.get("Content-Length", 0)), answer.extensions.get("network_stream")
    parsed = answer.iter_raw()  # kept to the end, since it takes the connection with it when it goes
    for piece in parsed:
        yield piece
        left -= len(piece)
        if left > STEP and connection:
            break  # the parser has given all that it had
    else:
        return
    while left:
        try:
            piece = connection.read(min(STEP, left), timeout=answer.request.extensions["timeout"]["read"])
        except (httpcore2.NetworkError, httpcore2.TimeoutException) as error:
            raise httpx2.ReadError(str(error)) from error
        if not piece:
            raise httpx2.ReadError(f"{left} bytes of the body are missing")
        left -= len(piece)
        yield piece


def chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Read `size` bytes of `file`, a piece at a time."""
    while size > 0 and (piece := file.read(min(STEP, size))):
        size -= len(piece)
        yield piece
