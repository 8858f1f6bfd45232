"""A client of one OCI registry (OCI distribution spec 1.1), on plain strings."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import httpx2

from seaway.errors import Conflict, NotFound, SeawayError, Unreachable
from seaway.kit import oci
from seaway.kit.docker_config import Login, find_login
from seaway.kit.http import Http, chunks, raw
from seaway.kit.registry_auth import RegistryAuth
from seaway.kit.upload import Forgotten, Read, Upload

#: Bytes that go up at a time where an upload did not get through at once.
PIECE = 64 << 20
_TRIES = 5
#: Pages of a list: more than 10,000 tags, a hundred at a time.
_PAGES = 200
_T = TypeVar("_T")


class Lacking(SeawayError):  # noqa: N818  (reads as what happened)
    """A manifest was refused because the registry lacks what it names, such as after it cleaned up."""


@dataclass(frozen=True)
class Known:
    """A registry of which more is known than its name.

    `trust` is a file with the authority that vouches for it, `login` finds who one is to it, and `denied`
    says what helps where it does not let one do something.
    """

    trust: Path
    login: Callable[[], Login | None]
    denied: str


_KNOWN: dict[str, Known] = {}
#: Who is asked, one after the other, who one is to any other registry, by its host.
_ASKED: list[Callable[[str], Login | None]] = [find_login]


def introduce(host: str, known: Known) -> None:
    """Let every client of this process that is made from now on reach the registry at `host` so."""
    _KNOWN[host] = known


def consult(find: Callable[[str], Login | None]) -> None:
    """Let `find` say who one is to a registry, by its host, where Docker's config says nothing of it."""
    _ASKED.append(find)


def found_login(host: str) -> Login | None:
    """Find who one is to a registry that nobody introduced."""
    return next((login for find in _ASKED if (login := find(host))), None)


def known_registry(host: str) -> Known | None:
    """Give what was said of the registry at `host`."""
    return _KNOWN.get(host)


def speaks_plainly(host: str) -> bool:
    """Whether the registry at `host` is spoken to without TLS: on this machine's loopback, not introduced."""
    return _is_loopback(host) and host not in _KNOWN


class Distribution:
    """The registry at `host` (`name[:port]`), as it was introduced.

    Any other speaks plain HTTP on this machine's loopback, and HTTPS elsewhere.
    """

    def __init__(self, host: str, *, remedy: str = "", attempts: int = 6) -> None:
        known = _KNOWN.get(host)
        base = f"{'http' if speaks_plainly(host) else 'https'}://{host}"
        auth = RegistryAuth(base, known.login if known else partial(found_login, host))
        self.host = host
        self._attempts = attempts
        #: Repositories whose referrers are listed by tag: the registry said that it does not know them.
        self._by_tag: set[str] = set()
        self._http = Http(
            base, auth=auth, remedy=remedy, attempts=attempts, trust=known.trust if known else None,
            denied=known.denied if known else f"docker login {host}, as somebody who may do this",
        )  # fmt: skip

    def resolve(self, repository: str, reference: str) -> str | None:
        """Find the digest that a tag (or digest) has there, or None."""
        url = f"/v2/{repository}/manifests/{reference}"
        answer = self._http.request("HEAD", url, ok=(200, 404), headers={"Accept": oci.ACCEPT})
        if answer.status_code != httpx2.codes.OK:
            return None
        # The header is optional for registries; its absence costs a download.
        return answer.headers.get("Docker-Content-Digest") or oci.digest(
            self.manifest(repository, reference)[1]
        )

    def manifest(self, repository: str, reference: str) -> tuple[str, bytes]:
        """Download a manifest or index: its media type and bytes, checked where `reference` is a digest."""
        url = f"/v2/{repository}/manifests/{reference}"
        answer = self._http.request("GET", url, ok=(200, 404), headers={"Accept": oci.ACCEPT})
        if answer.status_code != httpx2.codes.OK:
            raise NotFound(f"{self.host}/{repository} has no {reference}", where=url)
        if reference.startswith("sha256:") and oci.digest(answer.content) != reference:
            raise SeawayError(f"{self.host} gave a manifest that is not {reference}", where=url)
        return answer.headers.get("Content-Type", "").partition(";")[0], answer.content

    def put_manifest(self, repository: str, reference: str, media_type: str, body: bytes) -> str:
        """Upload a manifest under a tag, or its digest where `reference` is empty; gives its digest.

        One that has a subject is listed among the subject's referrers: by the registry or, where that does
        not know them, under the fallback tag. Raises Lacking where the registry does not have what it names,
        Conflict where others keep writing that list.
        """
        digest = oci.digest(body)
        url = f"/v2/{repository}/manifests/{reference or digest}"
        headers = {"Content-Type": media_type}
        answer = self._http.request("PUT", url, ok=(201, 400, 404), body=body, headers=headers)
        if answer.status_code != httpx2.codes.CREATED:
            raise _not_taken(answer)
        subject = json.loads(body).get("subject")
        if answer.headers.get("OCI-Subject"):
            self._by_tag.discard(repository)
        elif subject:
            self._list_referrer(repository, subject["digest"], oci.as_referrer(media_type, body))
        return digest

    def referrers(self, repository: str, digest: str) -> tuple[Mapping[str, Any], ...]:
        """List the descriptors of the manifests whose subject is `digest`, such as signatures."""
        if repository in self._by_tag:
            return self._listed_by_tag(repository, digest)
        found: list[Mapping[str, Any]] = []
        for answer in self._pages(f"/v2/{repository}/referrers/{digest}"):
            if not answer.headers.get("Content-Type", "").startswith(oci.INDEX):
                self._by_tag.add(repository)
                return self._listed_by_tag(repository, digest)
            found += answer.json().get("manifests") or ()
        return tuple(found)

    def delete_manifest(self, repository: str, digest: str) -> bool:
        """Remove a manifest with every tag that names it; says whether it was there."""
        url = f"/v2/{repository}/manifests/{digest}"
        return self._http.request("DELETE", url, ok=(202, 404)).status_code == httpx2.codes.ACCEPTED

    def has_blob(self, repository: str, digest: str) -> bool:
        url = f"/v2/{repository}/blobs/{digest}"
        return self._http.request("HEAD", url, ok=(200, 404)).status_code == httpx2.codes.OK

    def put_blob(self, repository: str, digest: str, path: Path, mount: str = "") -> None:
        """Upload the file at `path`, or let the registry mount the blob from the repository `mount`."""
        with path.open("rb") as file:
            self.put_stream(repository, digest, path.stat().st_size, partial(_part, file), mount)

    def put_stream(self, repository: str, digest: str, size: int, read: Read, mount: str = "") -> bool:
        """Upload `size` bytes that `read` gives, or let the registry mount them; says whether it did.

        What broke is taken up again, or begun anew where the registry forgot it, such as at a restart.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                return self._upload(repository, digest, size, read, mount)
            except Forgotten:
                if self.has_blob(repository, digest):  # it had all of it, and only its answer was lost
                    return False
                if attempt == _TRIES:
                    raise
        raise AssertionError

    def _upload(self, repository: str, digest: str, size: int, read: Read, mount: str) -> bool:
        params = {"mount": digest, "from": mount} if mount else {}
        start = self._http.request("POST", f"/v2/{repository}/blobs/uploads/", ok=(201, 202), params=params)
        if start.status_code == httpx2.codes.CREATED:
            return True
        Upload(self._http, start.headers["Location"], digest, size, read).finish(PIECE, self._attempts)
        return False

    def read_blob(self, repository: str, digest: str, start: int, size: int) -> Iterator[bytes]:
        """Stream `size` bytes of a blob from `start` on; what breaks is taken up again where it ended.

        Who reads the whole of it must check the digest: parts have none.
        """
        url, done, fruitless = f"/v2/{repository}/blobs/{digest}", 0, 0
        while done < size:
            before, begin = done, start + done
            try:
                for piece in self._range(url, begin, size - done):
                    done += len(piece)
                    yield piece
            except Unreachable:
                if fruitless == _TRIES:
                    raise
            if done < size:
                fruitless = 0 if done > before else fruitless + 1
                if fruitless > _TRIES:
                    raise Unreachable(f"{self.host} gave too little of {digest}", where=url)
                time.sleep(0.1 * 2**fruitless)

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
        found: set[str] = set()
        for answer in self._pages(f"/v2/{repository}/tags/list"):
            if answer.status_code == httpx2.codes.OK:
                found.update(answer.json().get("tags") or ())
        return tuple(sorted(found))

    def _pages(self, url: str) -> Iterator[httpx2.Response]:
        """Ask for a list, page by page. Raises SeawayError where it has no end."""
        for _ in range(_PAGES):
            answer = self._http.request("GET", url, ok=(200, 404))
            yield answer
            url = answer.links.get("next", {}).get("url", "")
            if not url:
                return
        raise SeawayError(f"{self.host} gives a list that does not end", where=url)

    def _listed_by_tag(self, repository: str, digest: str) -> tuple[Mapping[str, Any], ...]:
        """Read the list that clients keep for a registry which does not know referrers."""
        try:
            _, body = self.manifest(repository, oci.fallback_tag(digest))
        except NotFound:
            return ()
        return tuple(json.loads(body).get("manifests") or ())

    def _list_referrer(self, repository: str, subject: str, entry: Mapping[str, Any]) -> None:
        """Add to that list. Nothing locks it, so look again: another writer may have been faster."""
        for _ in range(_TRIES):
            known = self._listed_by_tag(repository, subject)
            if any(each["digest"] == entry["digest"] for each in known):
                return
            self.put_manifest(repository, oci.fallback_tag(subject), oci.INDEX, oci.index([*known, entry]))
        raise Conflict(f"others keep writing the referrers of {subject}", where=f"{self.host}/{repository}")

    def _range(self, url: str, start: int, size: int) -> Iterator[bytes]:
        """Stream at most `size` bytes from `start`, also from a server that always sends the whole."""
        headers = {"Range": f"bytes={start}-{start + size - 1}"}
        with self._http.open(url, headers=headers, ok=(200, 206)) as answer:
            skip, pieces = start if answer.status_code == httpx2.codes.OK else 0, raw(answer)
            for piece in pieces:
                wanted = piece[skip : skip + size]
                skip, size = max(0, skip - len(piece)), size - len(wanted)
                if wanted:
                    yield wanted
                if not size:
                    next(pieces, None)  # sees the end of an honest answer: its connection can be used again
                    return

    def _download(self, url: str, digest: str, path: Path) -> None:
        seen, part = hashlib.sha256(), path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as out, self._http.open(url) as answer:
                for piece in raw(answer):
                    seen.update(piece)
                    out.write(piece)
            if f"sha256:{seen.hexdigest()}" != digest:
                raise Unreachable(f"{self.host} gave a blob that is not {digest}", where=url)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def again(act: Callable[[], _T]) -> _T:
    """Do what sends blobs and then names them, once more where the registry cleaned up in between."""
    for _ in range(_TRIES - 1):
        with suppress(Lacking):
            return act()
    return act()


def _not_taken(answer: httpx2.Response) -> SeawayError:
    """Say why a manifest was refused (distribution spec, Error Codes)."""
    lacking = any(code in answer.text for code in ("BLOB_UNKNOWN", "MANIFEST_UNKNOWN"))
    return (Lacking if lacking else SeawayError)(
        f"{answer.url.host} did not take a manifest: {answer.status_code} {answer.reason_phrase}",
        where=str(answer.url.path), why=answer.text.strip()[:500],
    )  # fmt: skip


def _part(file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    file.seek(start)
    return chunks(file, size)


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] or host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
