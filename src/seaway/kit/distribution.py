"""A client of one OCI registry (OCI distribution spec 1.1), on plain strings."""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import httpx2

from seaway.errors import NotFound, SeawayError, Unreachable
from seaway.kit.http import Http, chunks
from seaway.kit.oci import ACCEPT
from seaway.kit.registry_auth import RegistryAuth, credentials

#: Blobs above this size, in bytes, go up in pieces that can be taken up again where a connection broke.
PIECE = 64 << 20
_TRIES = 5


class Distribution:
    """The registry at `host` (`name[:port]`): plain HTTP on this machine's loopback, HTTPS elsewhere."""

    def __init__(self, host: str, *, remedy: str = "", attempts: int = 6) -> None:
        scheme = "http" if _is_loopback(host) else "https"
        auth = None if _is_loopback(host) else RegistryAuth(credentials(host))
        self.host = host
        self._http = Http(f"{scheme}://{host}", auth=auth, remedy=remedy, attempts=attempts)

    def resolve(self, repository: str, reference: str) -> str | None:
        """Find the digest that a tag (or digest) has there, or None."""
        url = f"/v2/{repository}/manifests/{reference}"
        answer = self._http.request("HEAD", url, ok=(200, 404), headers={"Accept": ACCEPT})
        if answer.status_code != httpx2.codes.OK:
            return None
        # The header is optional for registries; its absence costs a download.
        return answer.headers.get("Docker-Content-Digest") or _sha256(self.manifest(repository, reference)[1])

    def manifest(self, repository: str, reference: str) -> tuple[str, bytes]:
        """Download a manifest or index: its media type and bytes, checked where `reference` is a digest."""
        url = f"/v2/{repository}/manifests/{reference}"
        answer = self._http.request("GET", url, ok=(200, 404), headers={"Accept": ACCEPT})
        if answer.status_code != httpx2.codes.OK:
            raise NotFound(f"{self.host}/{repository} has no {reference}", where=url)
        if reference.startswith("sha256:") and _sha256(answer.content) != reference:
            raise SeawayError(f"{self.host} gave a manifest that is not {reference}", where=url)
        return answer.headers["Content-Type"].partition(";")[0], answer.content

    def put_manifest(self, repository: str, reference: str, media_type: str, body: bytes) -> str:
        """Upload a manifest under a tag, or its digest where `reference` is empty; gives its digest."""
        digest = _sha256(body)
        url = f"/v2/{repository}/manifests/{reference or digest}"
        self._http.request("PUT", url, ok=(201,), body=body, headers={"Content-Type": media_type})
        return digest

    def has_blob(self, repository: str, digest: str) -> bool:
        url = f"/v2/{repository}/blobs/{digest}"
        return self._http.request("HEAD", url, ok=(200, 404)).status_code == httpx2.codes.OK

    def put_blob(self, repository: str, digest: str, path: Path, mount: str = "") -> None:
        """Upload the file at `path`, or let the registry mount the blob from the repository `mount`.

        A connection that breaks is taken up again where the registry says it ended.
        """
        params = {"mount": digest, "from": mount} if mount else {}
        start = self._http.request("POST", f"/v2/{repository}/blobs/uploads/", ok=(201, 202), params=params)
        if start.status_code == httpx2.codes.CREATED:
            return
        location, size, done = start.headers["Location"], path.stat().st_size, 0
        with path.open("rb") as file:
            while size - done > PIECE:
                location, done = self._patch(location, file, done)
            self._put(location, digest, file, done, size)

    def get_blob(self, repository: str, digest: str, path: Path) -> None:
        """Download a blob to `path`, which appears only when it is whole and has the right digest."""
        for attempt in range(1, _TRIES + 1):
            try:
                return self._download(f"/v2/{repository}/blobs/{digest}", digest, path)
            except Unreachable:
                if attempt == _TRIES:
                    raise
        raise AssertionError

    def tags(self, repository: str) -> tuple[str, ...]:
        """List every tag of a repository, sorted; none where it does not exist."""
        url, found = f"/v2/{repository}/tags/list", set[str]()
        while url:
            answer = self._http.request("GET", url, ok=(200, 404))
            if answer.status_code != httpx2.codes.OK:
                break
            found.update(answer.json().get("tags") or ())
            url = answer.links.get("next", {}).get("url", "")
        return tuple(sorted(found))

    def _patch(self, location: str, file: BinaryIO, done: int) -> tuple[str, int]:
        """Send one piece from `done`; gives where the next one goes and how much the registry has by now."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(PIECE),
            "Content-Range": f"{done}-{done + PIECE - 1}",
        }
        body = partial(_part, file, done, PIECE)
        try:
            answer = self._http.request("PATCH", location, ok=(202,), body=body, headers=headers, attempts=1)
        except Unreachable:
            # A piece may have arrived, whole or in part, though its answer did not: ask.
            answer = self._http.request("GET", location, ok=(204,))
        last = int(answer.headers["Range"].partition("-")[2])
        # An upload that has nothing yet is told as 0-0, like one that has a single byte.
        return answer.headers.get("Location", location), last + 1 if last else 0

    def _put(self, location: str, digest: str, file: BinaryIO, done: int, size: int) -> None:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size - done)}
        url = httpx2.URL(location).copy_merge_params({"digest": digest})
        self._http.request(
            "PUT", str(url), ok=(201,), body=partial(_part, file, done, size - done), headers=headers
        )

    def _download(self, url: str, digest: str, path: Path) -> None:
        seen, part = hashlib.sha256(), path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as out, self._http.open(url) as body:
                for piece in body:
                    seen.update(piece)
                    out.write(piece)
            if f"sha256:{seen.hexdigest()}" != digest:
                raise Unreachable(f"{self.host} gave a blob that is not {digest}", where=url)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _part(file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    file.seek(start)
    return chunks(file, size)


def _sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] or host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
