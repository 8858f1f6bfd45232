"""A blob on its way to an OCI registry (distribution spec 1.1, Pushing blobs).

It goes up in one request: registries write what they have to their disks at the end of each, and who sends
waits for that. Where that does not get through, the rest goes up in pieces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import httpx2

from seaway.errors import SeawayError, Unreachable
from seaway.kit.http import Http

#: Gives so many bytes from a place on: what an upload reads, more than once where a connection broke.
Read = Callable[[int, int], Iterator[bytes]]
_CREATED: Final = httpx2.codes.CREATED
#: What was sent is not what the registry has next, or is more than something before it takes at once.
_SMALLER: Final = (httpx2.codes.RANGE_NOT_SATISFIABLE, httpx2.codes.CONTENT_TOO_LARGE)


class Forgotten(SeawayError):  # noqa: N818  (reads as what happened)
    """An upload that the registry began and knows nothing of any more."""


@dataclass
class Upload:
    """An upload that a registry began at `location`: `size` bytes that `read` gives, of which it has `done`.

    The registry checks the digest, when it has all.
    """

    http: Http
    location: str
    digest: str
    size: int
    read: Read
    done: int = 0
    _broke: Unreachable | None = None

    def finish(self, piece: int, attempts: int) -> None:
        """Send all of it, once something broke at most `piece` bytes at a time, from where the registry says.

        Raises Unreachable after so many `attempts` without progress, Forgotten where the registry does not
        know the upload any more, SeawayError where it refuses it, and what `read` raises.
        """
        fruitless, most = 0, self.size
        while True:
            answer, before = self._send(min(most, self.size - self.done)), self.done
            if answer.status_code == _CREATED:
                return
            most = piece
            self._learn(answer)
            fruitless = 0 if self.done > before else fruitless + 1
            if fruitless == attempts:
                raise self._broke or Unreachable(
                    f"the registry takes no more of {self.digest}", where=self.location
                )
            if fruitless:
                time.sleep(0.1 * 2 ** (fruitless - 1))

    def _send(self, size: int) -> httpx2.Response:
        """Send so many bytes, the last ones with the digest; gives what the registry says of the upload."""
        end, failed = self.done + size, list[SeawayError]()

        def body() -> Iterator[bytes]:
            try:
                yield from self.read(self.done, size)
            except SeawayError as error:  # of where it comes from, not of the registry
                failed.append(error)
                raise

        method, url = "PATCH", self.location
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        if end == self.size:
            method, url = "PUT", str(httpx2.URL(url).copy_merge_params({"digest": self.digest}))
        else:
            headers["Content-Range"] = f"{self.done}-{end - 1}"
        try:
            answer = self.http.request(
                method, url, ok=(201, 202, 404, *_SMALLER), body=body, headers=headers, attempts=1
            )
        except Unreachable as error:
            if failed:
                raise
            self._broke = error
        else:
            if answer.status_code not in _SMALLER:
                return answer
        # What was sent may have arrived, whole or in part, though its answer did not: ask.
        return self.http.request("GET", self.location, ok=(204, 404))

    def _learn(self, answer: httpx2.Response) -> None:
        """Read where the next piece goes, and how much is there by now."""
        if answer.status_code == httpx2.codes.NOT_FOUND:
            raise Forgotten("the registry does not know the upload that it began", where=str(answer.url.path))
        last = int(answer.headers["Range"].partition("-")[2])
        # An upload that has nothing yet is told as 0-0, like one that has a single byte.
        self.done = last + 1 if last else 0
        if self.done > self.size:
            raise Forgotten("the registry has more of the upload than was sent", where=self.location)
        self.location = answer.headers.get("Location", self.location)
