"""How registries know who asks: anonymous, Basic or Bearer (CNCF distribution, token authentication)."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from functools import cached_property

import httpx2

from seaway.kit.docker_config import Login

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class RegistryAuth(httpx2.Auth):
    """Answers a registry's 401: fetches a token where it names a realm, else sends Basic credentials.

    `find` looks for credentials, once, when the registry at `base` (scheme and host) first asks for some.
    """

    def __init__(self, base: str, find: Callable[[], Login | None]) -> None:
        self._base, self._find = httpx2.URL(base), find
        self._tokens: dict[str, str] = {}

    @cached_property
    def _login(self) -> Login | None:
        return self._find()

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        """Try with what worked before for this repository; on 401, get what the answer asks for."""
        if not self._ours(request.url):  # where a registry sends one for an upload, or the rest of a list
            yield request
            return
        repository = request.url.path.removeprefix("/v2/").rpartition("/blobs/")[0]
        repository = repository or request.url.path.removeprefix("/v2/").rpartition("/manifests/")[0]
        if known := self._tokens.get(repository):
            request.headers["Authorization"] = known
        answer = yield request
        challenge = answer.headers.get("WWW-Authenticate", "")
        # Whoever the registry redirects to, such as a store of blobs, may not ask for its credentials.
        if answer.status_code != httpx2.codes.UNAUTHORIZED or not challenge or not self._ours(answer.url):
            return
        if challenge.lower().startswith("bearer"):
            asking = self._ask_for_token(challenge)
            if request.url.scheme == "https" != asking.url.scheme:
                return
            asked = yield asking
            if not asked.is_success:
                return
            asked.read()  # this body only: a blob's is streamed
            document = asked.json()
            self._tokens[repository] = f"Bearer {document.get('token') or document.get('access_token')}"
        elif self._login and self._login.basic:
            self._tokens[repository] = self._login.basic
        else:
            return
        request.headers["Authorization"] = self._tokens[repository]
        yield request

    def _ours(self, url: httpx2.URL) -> bool:
        return (url.scheme, url.netloc) == (self._base.scheme, self._base.netloc)

    def _ask_for_token(self, challenge: str) -> httpx2.Request:
        wanted = dict(_PARAMETER.findall(challenge))
        realm = wanted.pop("realm", "")
        wanted.pop("error", None)
        login = self._login
        if login and login.token:
            # CNCF distribution, OAuth2 token authentication.
            form = {"grant_type": "refresh_token", "client_id": "seaway", "refresh_token": login.token}
            return httpx2.Request("POST", realm, data={**wanted, **form})
        headers = {"Authorization": login.basic} if login else {}
        return httpx2.Request("GET", realm, params=wanted, headers=headers)
